import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { manualClock } from '../../../../test/support/session-fixture.ts'
import { encodeUtf8 } from '../core/bytes.ts'
import { openValue, sealValue } from '../seal/seal-value.ts'
import { createReloadableKeyRing, type RingEvent } from './reloadable-key-ring.ts'
import { generateKeyRing, type KeyRingFile } from './ring-file.ts'
import { addKey, promoteKey } from './rotation.ts'

const PLACE = { purpose: 'seal', context: ['https://a.example'] } as const

function setUp() {
  const { clock, pass } = manualClock()
  const events: RingEvent[] = []
  const disk: { file: unknown; reads: number } = { file: generateKeyRing({ clock }), reads: 0 }
  const ring = createReloadableKeyRing({
    read: () => {
      disk.reads += 1
      if (disk.file instanceof Error) throw disk.file
      return disk.file as KeyRingFile
    },
    clock,
    onEvent: (event) => events.push(event),
  })
  const rotate = (): void => {
    const added = addKey(disk.file as KeyRingFile, { clock })
    disk.file = promoteKey(added, { clock, reloadSeconds: 0 })
  }
  return { clock, pass, ring, disk, events, rotate }
}

describe('createReloadableKeyRing', () => {
  it('T-OPS-04 seals under the new key after a reload, and opens what the old one sealed', () => {
    const { ring, rotate, events } = setUp()
    const old = ring.current
    const value = sealValue(ring, { ...PLACE, bytes: encodeUtf8('kept') })
    rotate()
    expect(ring.reload()).toBe(true)
    expect(ring.current.id).not.toBe(old.id)
    expect(ring.key(old.id)).toBe(old)
    expect(ring.isFormer(old.id)).toBe(true)
    expect(openValue(ring, { ...PLACE, value }).ok).toBe(true)
    const keys = ring.keys.map(({ id }) => id)
    expect(events).toEqual([{ type: 'ring.reloaded', sealing: ring.current.id, keys }])
  })

  it('stays the same list, and says nothing, while the file says the same', () => {
    const { ring, events } = setUp()
    const { keys } = ring
    expect(ring.reload()).toBe(true)
    expect(ring.keys).toBe(keys)
    expect(events).toEqual([])
  })

  it('T-OPS-04 keeps what it has when the file is broken, and tells each fault once', () => {
    const { ring, disk, events } = setUp()
    const { file } = disk
    const { current } = ring
    const secret = (file as KeyRingFile).keys[0]?.secret ?? ''
    const otherSecret = generateKeyRing().keys[0]?.secret ?? ''
    const [key] = (file as KeyRingFile).keys
    const broken = [
      new SyntaxError(`Unexpected token in "${secret}"`),
      null,
      { version: 1, keys: [] },
      { version: 1, keys: [{ ...key, state: 'opening' }] },
      { version: 1, keys: [{ ...key, secret: otherSecret }] },
    ]
    for (const [index, content] of broken.entries()) {
      disk.file = content
      expect(ring.reload()).toBe(false)
      expect(ring.reload()).toBe(false)
      expect(ring.current).toBe(current)
      expect(ring.key(current.id)).toBe(current)
      expect(events).toHaveLength(index + 1)
    }
    expect(events).toMatchObject(
      broken.map(() => ({ type: 'ring.reload_failed', code: 'key_ring_invalid' })),
    )
    expect(inspect(events)).not.toContain(secret)
    expect(inspect(events)).not.toContain(otherSecret)
    disk.file = file
    expect(ring.reload()).toBe(true)
    disk.file = null
    ring.reload()
    expect(events).toHaveLength(broken.length + 1)
  })

  it('T-OPS-04 looks again for a key that it does not know, once a second at most', () => {
    const { ring, disk, rotate, pass, clock } = setUp()
    const before = disk.reads
    rotate()
    const elsewhere = createReloadableKeyRing({ read: () => disk.file as KeyRingFile, clock })
    const value = sealValue(elsewhere, { ...PLACE, bytes: encodeUtf8('from elsewhere') })
    expect(openValue(ring, { ...PLACE, value }).ok).toBe(true)
    expect(disk.reads).toBe(before + 1)
    for (let count = 0; count < 1000; count += 1) ring.key('AAAAAAAA')
    expect(disk.reads).toBe(before + 1)
    pass(1000)
    for (let count = 0; count < 1000; count += 1) ring.key('AAAAAAAA')
    expect(disk.reads).toBe(before + 2)
    pass(-3_600_000)
    ring.key('AAAAAAAA')
    expect(disk.reads).toBe(before + 3)
  })

  it('forgets a key that the file has no more', () => {
    const { ring, disk, rotate } = setUp()
    const old = ring.current.id
    rotate()
    disk.file = { version: 1, keys: (disk.file as KeyRingFile).keys.slice(1) }
    ring.reload()
    expect(ring.key(old)).toBeUndefined()
    expect(ring.isFormer(old)).toBe(false)
  })

  it('needs a good ring to begin with, and a listener that throws stops nothing', () => {
    expect(() => createReloadableKeyRing({ read: () => ({}) as KeyRingFile })).toThrow(
      'key ring has faults',
    )
    let file = generateKeyRing()
    const ring = createReloadableKeyRing({
      read: () => file,
      onEvent: () => {
        throw new Error('listener')
      },
    })
    file = promoteKey(addKey(file), { reloadSeconds: 0 })
    expect(ring.reload()).toBe(true)
  })
})
