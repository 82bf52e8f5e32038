import { stat } from 'node:fs/promises'
import { CoatcheckError } from 'coatcheck'
import {
  createKeyRing,
  createReloadableKeyRing,
  type KeyRing,
  type KeyRingFile,
  type ReloadableKeyRing,
  type RingEvent,
} from 'coatcheck/ring'
import { ConfigError } from './config.ts'
import { readSecretFile } from './secrets.ts'

/** The key ring from its file. */
export function readRing(file: string): KeyRing {
  return createKeyRing(readRingFile(file))
}

/** What a ring file says, its keys not yet checked. Throws {@link ConfigError}, which shows nothing of it. */
export function readRingFile(file: string): KeyRingFile {
  const text = readSecretFile(file)
  try {
    return JSON.parse(text)
  } catch {
    throw new ConfigError([
      `ring.file: ${file} is not JSON: make one with \`coatcheck keys new ${file}\``,
    ])
  }
}

/** A ring that follows its file: read again for a key that it does not know, and by {@link watchRing}. */
export function openRing(
  file: string,
  onEvent: (event: RingEvent) => void = () => {},
): ReloadableKeyRing {
  // A start tells every fault in a line of its own.
  readRing(file)
  return createReloadableKeyRing({ read: () => readAgain(file), onEvent })
}

function readAgain(file: string): KeyRingFile {
  try {
    return readRingFile(file)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new CoatcheckError('key_ring_invalid', { detail: `${error.faults.join('; ')}.` })
  }
}

const LOOK_EVERY_MS = 2000

/**
 * Looks at a ring's file, every two seconds, and has the ring read again when it is another: replaced, written to, or
 * with other permissions; through symbolic links, too, as Kubernetes sets them. Gives back how to stop.
 */
export function watchRing(
  file: string,
  ring: ReloadableKeyRing,
  everyMs: number = LOOK_EVERY_MS,
): () => void {
  let seen = ''
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  async function look(): Promise<void> {
    const mark = await markOf(file)
    // What could not be used is read again at each look: perhaps it was half written.
    if (mark !== seen) seen = ring.reload() ? mark : ''
    if (!isStopped) plan()
  }

  function plan(): void {
    timer = setTimeout(look, everyMs)
    timer.unref()
  }

  plan()
  return () => {
    isStopped = true
    clearTimeout(timer)
  }
}

async function markOf(file: string): Promise<string> {
  try {
    const { ino, size, mode, mtimeNs, ctimeNs } = await stat(file, { bigint: true })
    return [ino, size, mode, mtimeNs, ctimeNs].join(' ')
  } catch {
    return 'not there'
  }
}
