import { describe, expect, it } from 'vitest'
import { ledgerOver, type Row } from './grant-ledger.ts'

function ledgerAt(reuseGraceMs = 0) {
  const now = { ms: 1_800_000_000_000 }
  const rows = new Map<string, Row>()
  const ledger = ledgerOver({ clock: () => now.ms, reuseGraceMs }, (work) =>
    work({
      get: async (grant) => rows.get(grant),
      put: async (grant, row) => rows.set(grant, row),
    }),
  )
  return { now, ledger }
}

describe('GrantLedger', () => {
  it('T-BROWSER-05 gives each refresh token out once', async () => {
    const { ledger } = ledgerAt()
    expect(await ledger.claim('g', 0)).toBe('ours')
    expect(await ledger.settle('g', 0, true)).toBe(true)
    expect(await ledger.claim('g', 0)).toBe('spent')
    expect(await ledger.claim('g', 1)).toBe('ours')
  })

  it('keeps grants apart', async () => {
    const { ledger } = ledgerAt()
    await ledger.claim('g', 5)
    expect(await ledger.claim('h', 0)).toBe('ours')
  })

  it('takes one that was sent without an answer for lost', async () => {
    const { ledger } = ledgerAt()
    await ledger.claim('g', 2)
    expect(await ledger.claim('g', 2)).toBe('lost')
    expect(await ledger.claim('g', 1)).toBe('spent')
  })

  it('gives it out again within the grace of the provider, reckoned from the first time', async () => {
    const { ledger, now } = ledgerAt(10_000)
    await ledger.claim('g', 2)
    now.ms += 6000
    expect(await ledger.claim('g', 2)).toBe('ours')
    now.ms += 6000
    expect(await ledger.claim('g', 2)).toBe('lost')
  })

  it('gives it out again when it was not spent', async () => {
    const { ledger } = ledgerAt()
    await ledger.claim('g', 2)
    await ledger.settle('g', 2, false)
    expect(await ledger.claim('g', 2)).toBe('ours')
  })

  it('does not bring back who has signed out', async () => {
    const { ledger } = ledgerAt()
    await ledger.claim('g', 0)
    await ledger.end('g')
    expect(await ledger.settle('g', 0, true)).toBe(false)
    expect(await ledger.claim('g', 1)).toBe('ended')
    expect(await ledger.isEnded('g')).toBe(true)
    expect(await ledger.isEnded('h')).toBe(false)
  })
})
