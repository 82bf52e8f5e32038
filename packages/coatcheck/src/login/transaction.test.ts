import { describe, expect, it } from 'vitest'
import { systemRandom } from '../core/random.ts'
import { createKeyRing } from '../ring/key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import { memoryStore } from '../sessions/stores/memory.ts'
import { createTransactions, MAX_TRANSACTIONS, TRANSACTION_SECONDS } from './transaction.ts'

function setUp() {
  let now = 1_700_000_000_000
  const clock = (): number => now
  const ring = createKeyRing(generateKeyRing())
  const store = memoryStore({ clock })
  const make = (context: readonly string[]) =>
    createTransactions({ ring, store, context, cookiePrefix: 't-', clock, random: systemRandom })
  return {
    transactions: make(['https://app.example', 'https://idp.example', 'app']),
    elsewhere: make(['https://other.example', 'https://idp.example', 'app']),
    pass: (seconds: number) => {
      now += seconds * 1000
    },
  }
}

const pairOf = (setCookie: string | undefined): string => setCookie?.split(';')[0] ?? ''

describe('createTransactions', () => {
  it('T-LOGIN-01 finds a transaction again, once', async () => {
    const { transactions } = setUp()
    const { transaction, setCookies } = await transactions.start(undefined, {
      returnTo: '/a?b=c#d',
      remember: true,
    })
    const cookie = pairOf(setCookies[0])
    expect(await transactions.take(cookie, transaction.state)).toMatchObject({
      ok: true,
      transaction,
    })
    expect(await transactions.take(cookie, transaction.state)).toEqual({
      ok: false,
      reason: 'used',
    })
  })

  it('T-LOGIN-01 refuses another state, another site, a changed cookie and a late answer', async () => {
    const { transactions, elsewhere, pass } = setUp()
    const { transaction, setCookies } = await transactions.start(undefined, {
      returnTo: '/',
      remember: false,
    })
    const cookie = pairOf(setCookies[0])
    const { state } = transaction
    expect(
      await transactions.take(cookie, `${state.slice(0, -1)}${state.endsWith('A') ? 'Q' : 'A'}`),
    ).toMatchObject({ ok: false })
    expect(await elsewhere.take(cookie, state)).toEqual({ ok: false, reason: 'tampered' })
    expect(await transactions.take(`${cookie.slice(0, -6)}AAAAAA`, state)).toEqual({
      ok: false,
      reason: 'tampered',
    })
    expect(await transactions.take(undefined, state)).toEqual({ ok: false, reason: 'absent' })
    for (const odd of ['', 'x', '.', '..', 'a.b.c', '__proto__', `${'a'.repeat(5000)}`]) {
      expect(await transactions.take(cookie, odd)).toEqual({ ok: false, reason: 'absent' })
    }
    pass(TRANSACTION_SECONDS)
    expect(await transactions.take(cookie, state)).toEqual({ ok: false, reason: 'late' })
  })

  it('keeps no more than its number of cookies, and none past its time', async () => {
    const { transactions, pass } = setUp()
    let header = ''
    for (let index = 0; index < MAX_TRANSACTIONS; index += 1) {
      const { setCookies } = await transactions.start(header, { returnTo: '/', remember: false })
      expect(setCookies).toHaveLength(1)
      header = [header, pairOf(setCookies[0])].filter(Boolean).join('; ')
      pass(1)
    }
    const { setCookies } = await transactions.start(header, { returnTo: '/', remember: false })
    expect(setCookies.filter((cookie) => cookie.includes('Max-Age=0'))).toHaveLength(1)
    expect(setCookies[1]).toContain(header.split('=')[0])
    pass(TRANSACTION_SECONDS)
    const later = await transactions.start(header, { returnTo: '/', remember: false })
    expect(later.setCookies.filter((cookie) => cookie.includes('Max-Age=0'))).toHaveLength(
      MAX_TRANSACTIONS,
    )
  })

  it('takes a long return address along, but strangers cannot fill the store with them', async () => {
    const { transactions, pass } = setUp()
    const long = `/a?${'x'.repeat(3000)}`
    const returnsTo = async (): Promise<string> => {
      const { transaction, setCookies } = await transactions.start(undefined, {
        returnTo: long,
        remember: true,
      })
      const taken = await transactions.take(pairOf(setCookies[0]), transaction.state)
      return taken.ok ? taken.transaction.returnTo : taken.reason
    }
    expect(await returnsTo()).toBe(long)
    const many = await Promise.all(Array.from({ length: 500 }, returnsTo))
    expect(many.filter((address) => address === long).length).toBe(299)
    expect(many.filter((address) => address === '/').length).toBe(201)
    pass(60)
    expect(await returnsTo()).toBe(long)
  })
})
