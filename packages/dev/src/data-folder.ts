import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StartError } from './start-error.ts'

/** A folder that keeps what must outlive a restart: keys, secrets, ports, grants, sessions. */
export interface DataFolder {
  /** Absolute. */
  readonly path: string
  /** The absolute path of a file in it. */
  file(name: string): string
  /** A JSON value that is made once, readable by the owner alone, and the same ever after. */
  keep<T>(name: string, make: () => T | Promise<T>): Promise<T>
  /** A text that is made once, in a file of its own. */
  keepText(name: string, make: () => string | Promise<string>): Promise<string>
  /** Drops what was kept under a name, so that it is made anew. */
  forget(name: string): void
  /** Lets another start have the folder. */
  release(): void
}

const OWNER_ONLY_FOLDER = 0o700
const OWNER_ONLY_FILE = 0o600
const SQLITE_BUSY = 5

/**
 * Opens a data folder for this process alone, making it if need be.
 *
 * Throws {@link StartError} if another start has it. The lock is one of the operating system, so a killed
 * process leaves none behind.
 *
 * @example
 * const folder = openDataFolder('.data')
 * const secret = await folder.keepText('client-secret', () => crypto.randomUUID())
 */
export function openDataFolder(path: string): DataFolder {
  const absolute = resolve(path)
  try {
    mkdirSync(absolute, { recursive: true, mode: OWNER_ONLY_FOLDER })
  } catch {
    throw new StartError(`${absolute} cannot be made: choose another folder with --data DIR.`)
  }
  const release = lock(absolute)
  const file = (name: string): string => join(absolute, name)

  async function keepText(name: string, make: () => string | Promise<string>): Promise<string> {
    const kept = readIfThere(file(name))
    if (kept !== undefined) return kept
    const made = await make()
    writeWhole(file(name), made)
    return made
  }

  async function keep<T>(name: string, make: () => T | Promise<T>): Promise<T> {
    const text = await keepText(name, async () => `${JSON.stringify(await make(), null, 2)}\n`)
    try {
      return JSON.parse(text) as T
    } catch {
      throw new StartError(`${file(name)} is not JSON: delete the folder to begin anew.`)
    }
  }

  const forget = (name: string): void => unlinkSync(file(name))

  return { path: absolute, file, keep, keepText, forget, release }
}

const LOCK_WAIT_MS = 5000
// Whoever drops a folder has not released it: what is collected would let go of its lock.
const held = new Set<DatabaseSync>()

function lock(folder: string): () => void {
  const path = join(folder, 'lock')
  try {
    const database = new DatabaseSync(path)
    chmodSync(path, OWNER_ONLY_FILE)
    // An earlier start that was just told to stop may still be letting requests end.
    database.exec(`PRAGMA busy_timeout = ${LOCK_WAIT_MS}; BEGIN EXCLUSIVE`)
    held.add(database)
    return () => {
      held.delete(database)
      database.close()
    }
  } catch (error) {
    if (!(error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY)) {
      throw new StartError(
        `${folder} cannot be written: check its owner, or choose another folder with --data DIR.`,
      )
    }
    throw new StartError(
      `${folder} is in use by another start: stop it, or choose another folder with --data DIR.`,
    )
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new StartError(`${path} cannot be read: check its owner and mode.`)
  }
}

// Under its final name a file is whole or not there, whenever the process is killed.
function writeWhole(path: string, text: string): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  const descriptor = openSync(draft, 'wx', OWNER_ONLY_FILE)
  try {
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  linkSync(draft, path)
  unlinkSync(draft)
}
