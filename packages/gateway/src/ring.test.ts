import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addKey, type KeyRingFile, promoteKey, type RingEvent } from 'coatcheck/ring'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openRing, readRingFile, watchRing } from './ring.ts'
import { changeRing, writeNewRing } from './ring-writing.ts'

let folder: string
let stop: (() => void) | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-ring-'))
  writeNewRing(at('ring.json'))
})
afterEach(() => {
  stop?.()
  rmSync(folder, { recursive: true })
})

function at(name: string): string {
  return join(folder, name)
}

function rotated(file: KeyRingFile): KeyRingFile {
  return promoteKey(addKey(file), { reloadSeconds: 0 })
}

function write(file: string, content: unknown): void {
  writeFileSync(file, JSON.stringify(content), { mode: 0o600 })
}

function start(file: string) {
  const events: RingEvent[] = []
  const ring = openRing(file, (event) => events.push(event))
  stop = watchRing(file, ring, 10)
  return { ring, events }
}

describe('watchRing', () => {
  it('T-OPS-04 sees a file that was replaced in one step, and one that was written to', async () => {
    const { ring, events } = start(at('ring.json'))
    const first = ring.current.id
    changeRing(at('ring.json'), rotated)
    await expect.poll(() => ring.current.id).not.toBe(first)
    const second = ring.current.id
    write(at('ring.json'), rotated(readRingFile(at('ring.json'))))
    await expect.poll(() => ring.current.id).not.toBe(second)
    expect(ring.keys).toHaveLength(3)
    expect(events.map(({ type }) => type)).toEqual(['ring.reloaded', 'ring.reloaded'])
  })

  it('T-OPS-04 sees a link that leads elsewhere, as Kubernetes replaces a secret', async () => {
    for (const version of ['..1', '..2']) mkdirSync(at(version))
    const file = readRingFile(at('ring.json'))
    write(at('..1/ring.json'), file)
    write(at('..2/ring.json'), rotated(file))
    symlinkSync('..1', at('..data'))
    symlinkSync('..data/ring.json', at('mounted.json'))
    const { ring } = start(at('mounted.json'))
    symlinkSync('..2', at('..data_tmp'))
    renameSync(at('..data_tmp'), at('..data'))
    await expect.poll(() => ring.keys).toHaveLength(2)
  })

  it('T-OPS-04 keeps the ring while the file is gone, broken or open to others, and tells each once', async () => {
    const { ring, events } = start(at('ring.json'))
    const { keys } = ring
    const secret = readRingFile(at('ring.json')).keys[0]?.secret ?? ''
    const text = readFileSync(at('ring.json'), 'utf8')
    renameSync(at('ring.json'), at('away.json'))
    await expect.poll(() => events).toHaveLength(1)
    writeFileSync(at('ring.json'), text.slice(0, -20), { mode: 0o600 })
    await expect.poll(() => events).toHaveLength(2)
    writeFileSync(at('ring.json'), text)
    chmodSync(at('ring.json'), 0o644)
    await expect.poll(() => events).toHaveLength(3)
    expect(ring.keys).toBe(keys)
    const details = events.map((event) => ('detail' in event ? event.detail : ''))
    expect(details[0]).toContain('cannot be read')
    expect(details[1]).toContain('is not JSON')
    expect(details[2]).toContain('can be read by others')
    expect(details.join()).not.toContain(secret)
    chmodSync(at('ring.json'), 0o600)
    changeRing(at('ring.json'), rotated)
    await expect.poll(() => ring.keys).toHaveLength(2)
    expect(events).toHaveLength(4)
  })
})
