import { readConfigFile } from './config-file.ts'

const DEFAULT_SECONDS = 43_200
const DEFAULT_REMEMBERED_SECONDS = 2_592_000

/** How long a session of these configurations lives at most, in seconds; remembered ones too. */
export function longestLifeSeconds(files: readonly string[]): number {
  return Math.max(...files.flatMap(livesOf))
}

function livesOf(file: string): readonly number[] {
  const { absoluteSeconds = DEFAULT_SECONDS, remembered } = readConfigFile(file).sessions ?? {}
  if (remembered === undefined) return [absoluteSeconds]
  return [absoluteSeconds, remembered.absoluteSeconds ?? DEFAULT_REMEMBERED_SECONDS]
}
