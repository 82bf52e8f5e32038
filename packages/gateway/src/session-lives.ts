import { readConfigFile } from './config-file.ts'

const DEFAULT_SECONDS = 43_200
const DEFAULT_REMEMBERED_SECONDS = 2_592_000

/** How long the sessions of a configuration live at most, in seconds: usual and, where there are any, remembered ones. */
export function livesOf(file: string): readonly number[] {
  const { absoluteSeconds = DEFAULT_SECONDS, remembered } = readConfigFile(file).sessions ?? {}
  if (remembered === undefined) return [absoluteSeconds]
  return [absoluteSeconds, remembered.absoluteSeconds ?? DEFAULT_REMEMBERED_SECONDS]
}
