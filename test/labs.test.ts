import { describe, expect, it } from 'vitest'
import * as canary from '../lab/canary.mjs'
import * as hostileTokens from '../lab/hostile-tokens.mjs'
import * as kill from '../lab/kill.mjs'

// The labs in short: what is judged here is that their claims hold, never how fast.
describe('the labs', () => {
  for (const lab of [canary, kill, hostileTokens]) {
    it(`${lab.name}: ${lab.about}`, { timeout: 120_000 }, async () => {
      const { figures, rows } = await lab.run({ seconds: 2, log: () => {} })
      expect(figures.length).toBeGreaterThan(0)
      expect(
        figures.filter(({ ok }: { readonly ok: boolean }) => !ok),
        JSON.stringify(rows),
      ).toEqual([])
    })
  }
})
