import { describe, expect, it } from 'vitest'
import { manualClock, START } from '../../../../test/support/session-fixture.ts'
import { CoatcheckError } from '../core/errors.ts'
import { createKeyRing } from './key-ring.ts'
import { describeKeyRing } from './key-roles.ts'
import { generateKeyRing, type KeyRingFile } from './ring-file.ts'
import { addKey, forgetKey, promoteKey, retirableAt, retireKey } from './rotation.ts'

const ABSOLUTE_SECONDS = 43_200

function codeOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof CoatcheckError) return error.code
  }
  return 'none'
}

function rolesOf(file: KeyRingFile): readonly string[] {
  return describeKeyRing(file).map(({ role }) => role)
}

function idAt(file: KeyRingFile, index: number): string {
  return describeKeyRing(file)[index]?.id ?? ''
}

function setUp() {
  const { clock, pass } = manualClock()
  const one = generateKeyRing({ clock })
  const rotated = (file: KeyRingFile): KeyRingFile => {
    const added = addKey(file, { clock })
    pass(60_000)
    return promoteKey(added, { clock })
  }
  return { clock, pass, one, rotated }
}

describe('addKey', () => {
  it('T-OPS-04 adds a key that opens and does not seal', () => {
    const { clock, one } = setUp()
    const file = addKey(one, { clock })
    expect(rolesOf(file)).toEqual(['sealing', 'waiting'])
    const ring = createKeyRing(file)
    expect(ring.current.id).toBe(idAt(one, 0))
    expect(ring.key(idAt(file, 1))).toBeDefined()
    expect(codeOf(() => addKey(file, { clock }))).toBe('wrong_use')
  })

  it('makes a key that waits with a clock that is behind too', () => {
    const { one } = setUp()
    const file = addKey(one, { clock: () => START - 3_600_000 })
    expect(rolesOf(file)).toEqual(['sealing', 'waiting'])
  })
})

describe('promoteKey', () => {
  it('T-OPS-04 promotes once all processes had time to read the key', () => {
    const { clock, pass, one } = setUp()
    const file = addKey(one, { clock })
    pass(59_000)
    expect(codeOf(() => promoteKey(file, { clock }))).toBe('key_not_due')
    expect(rolesOf(promoteKey(file, { clock, reloadSeconds: 0 }))).toEqual(['former', 'sealing'])
    pass(1001)
    const promoted = promoteKey(file, { clock })
    expect(rolesOf(promoted)).toEqual(['former', 'sealing'])
    const ring = createKeyRing(promoted)
    expect(ring.current.id).toBe(idAt(file, 1))
    expect(ring.keys.map(({ id }) => ring.isFormer(id))).toEqual([true, false])
    expect(codeOf(() => promoteKey(promoted, { clock }))).toBe('wrong_use')
  })
})

describe('retireKey', () => {
  it('T-OPS-04 lets a key go only when nothing can lie under it', () => {
    const { clock, pass, one, rotated } = setUp()
    pass(1000)
    const file = rotated(one)
    const old = idAt(one, 0)
    const options = { absoluteSeconds: ABSOLUTE_SECONDS, clock }
    pass(ABSOLUTE_SECONDS * 1000 + 59_000)
    expect(codeOf(() => retireKey(file, old, options))).toBe('key_not_due')
    pass(1000)
    expect(rolesOf(retireKey(file, old, options))).toEqual(['sealing'])
    expect(codeOf(() => retireKey(file, idAt(file, 1), options))).toBe('wrong_use')
    expect(codeOf(() => retireKey(file, 'AAAAAAAA', options))).toBe('wrong_use')
  })

  it('counts from the promotion of the very next key, and not less than a sign-in may take', () => {
    const { clock, one, rotated } = setUp()
    const [first, second, third] = describeKeyRing(rotated(rotated(one)))
    expect(first?.succeededAt).toBe(second?.promotedAt)
    expect(second?.succeededAt).toBe(third?.promotedAt)
    expect(third?.succeededAt).toBeUndefined()
    if (first === undefined) throw new Error('no key')
    expect(retirableAt(first, 60)).toBe((first.succeededAt ?? 0) + 660_000)
    expect(clock()).toBeGreaterThan(START)
  })

  it('lets a key go that never sealed', () => {
    const { clock, one } = setUp()
    const file = addKey(one, { clock })
    const options = { absoluteSeconds: ABSOLUTE_SECONDS, clock }
    expect(rolesOf(retireKey(file, idAt(file, 1), options))).toEqual(['sealing'])
  })

  it('knows a former key of a ring that was made by hand', () => {
    const { clock, pass, one } = setUp()
    pass(1000)
    const [next] = generateKeyRing({ clock }).keys
    const [former] = one.keys
    if (next === undefined || former === undefined) throw new Error('no key')
    const { promotedAt: _, ...bare } = former
    const file: KeyRingFile = { version: 1, keys: [next, { ...bare, state: 'opening' }] }
    expect(describeKeyRing(file)).toMatchObject([
      { role: 'former', succeededAt: START + 1000 },
      { role: 'sealing' },
    ])
  })
})

describe('forgetKey', () => {
  it('takes any key but the one that seals', () => {
    const { one, rotated } = setUp()
    const file = rotated(one)
    expect(rolesOf(forgetKey(file, idAt(file, 0)))).toEqual(['sealing'])
    expect(codeOf(() => forgetKey(file, idAt(file, 1)))).toBe('wrong_use')
  })
})
