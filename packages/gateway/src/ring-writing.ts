import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { createKeyRing, generateKeyRing, type KeyRingFile } from 'coatcheck/ring'
import { ConfigError } from './config.ts'
import { readRingFile } from './ring.ts'

/**
 * Makes a ring file that only its owner can read. Throws {@link ConfigError} if the file is there already:
 * overwriting it would end every session.
 */
export function writeNewRing(file: string): void {
  const descriptor = create(
    file,
    `${file} is there already: overwriting it would end every session`,
  )
  try {
    write(descriptor, generateKeyRing())
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Changes a ring file in one step: whoever reads it finds the former or the new one, whole, with the same owner.
 * A second command at the same time is refused. Throws {@link ConfigError}, and whatever `change` throws.
 */
export function changeRing(file: string, change: (ring: KeyRingFile) => KeyRingFile): KeyRingFile {
  const target = targetOf(file)
  const draft = `${target}.new`
  const descriptor = create(
    draft,
    `${draft} is there: another command is changing the ring. If none is, remove it`,
  )
  try {
    const changed = change(readRingFile(target))
    // A ring that no gateway could read must not get there.
    createKeyRing(changed)
    keepOwner(descriptor, target)
    write(descriptor, changed)
    renameSync(draft, target)
    syncFolder(dirname(target))
    return changed
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  } finally {
    closeSync(descriptor)
  }
}

function create(file: string, taken: string): number {
  try {
    return openSync(file, 'wx', 0o600)
  } catch (error) {
    throw new ConfigError([
      codeOf(error) === 'EEXIST' ? taken : `${file} cannot be written: is its folder there?`,
    ])
  }
}

function write(descriptor: number, ring: KeyRingFile): void {
  fchmodSync(descriptor, 0o600)
  writeFileSync(descriptor, `${JSON.stringify(ring, null, 2)}\n`)
  fsyncSync(descriptor)
}

// A link stays a link.
function targetOf(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    throw new ConfigError([
      `${file} cannot be read (a ring is made with \`coatcheck keys new FILE\`)`,
    ])
  }
}

// A file of root's would be closed to the gateway.
function keepOwner(descriptor: number, target: string): void {
  if (process.platform === 'win32') return
  const { uid, gid } = statSync(target)
  try {
    fchownSync(descriptor, uid, gid)
  } catch {
    throw new ConfigError([`${target} belongs to another user: run this as that user`])
  }
}

// After a power cut the new name must lead to the new file.
function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
