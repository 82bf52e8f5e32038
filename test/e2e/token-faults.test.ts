import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { invalidToken, isThere, openSpaPage, type SpaPage, signInAs } from '../support/spa-page.ts'

let spa: SpaPage
const broken: string[] = []

const state = () => spa.page.evaluate<Record<string, unknown>>('lab.state()')
const call = () => spa.page.evaluate<Record<string, unknown>>("lab.call('orders')")
const endpoint = (name: string) => `${spa.site.provider.issuer}${name}`
const entry = () =>
  spa.page.evaluate<string>(`localStorage.getItem('coatcheck:${spa.site.provider.issuer}:spa')`)
const sentTo = (url: string) =>
  spa.requests.filter((request) => request.url === url && request.body !== '')

// A page that waits no longer than half a second where it would wait for so long.
const hurry = (ms: number) => `{
  const timeout = AbortSignal.timeout
  AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms === ${ms} ? 500 : ms)
}`

beforeAll(async () => {
  spa = await openSpaPage()
  spa.page.on('pageerror', ({ message }) => broken.push(message))
})
afterAll(() => spa.close())
afterEach(() => spa.context.unrouteAll())

describe('a ledger that fails while the provider answers', () => {
  it.each([
    ['throws', "() => { throw new DOMException('', 'UnknownError') }"],
    ['hangs', '() => ({})'],
  ])('costs nobody the new tokens: it %s', async (_, opening) => {
    await signInAs(spa.page, spa.url('local_storage'))
    const before = await entry()
    await spa.context.route(endpoint('/token'), async (route) => {
      await spa.page.evaluate(`IDBFactory.prototype.open = ${opening}; 0`)
      await route.continue()
    })
    await spa.page.evaluate('lab.setClock(280000)')
    expect(await call()).toMatchObject({ status: 200 })
    const after = await entry()
    expect(after).not.toBe(before)
    await spa.context.unrouteAll()
    // The ledger works again, and the sign-in goes on with what was kept.
    await spa.page.reload()
    await isThere(spa.page)
    expect(await state()).toMatchObject({ state: 'signed_in' })
    await spa.page.evaluate('lab.setClock(600000)')
    expect(await call()).toMatchObject({ status: 200 })
    expect(await entry()).not.toBe(after)
  })
})

describe('an API that refuses each token', () => {
  it('is believed once, and costs one renewal, not one for each call', async () => {
    await signInAs(spa.page, spa.url('memory'))
    let asked = 0
    await spa.context.route(`${spa.site.api.origin}/v1/**`, (route) => {
      if (route.request().method() === 'OPTIONS') return route.continue()
      asked += 1
      return route.fulfill(invalidToken(spa.site.origin))
    })
    const before = sentTo(endpoint('/token')).length
    for (let time = 0; time < 3; time += 1) expect(await call()).toMatchObject({ status: 401 })
    expect([asked, sentTo(endpoint('/token')).length - before], 'a new token').toEqual([3, 0])
    await spa.page.evaluate('lab.setClock(15000)')
    for (let time = 0; time < 5; time += 1) expect(await call()).toMatchObject({ status: 401 })
    expect([asked, sentTo(endpoint('/token')).length - before], 'an older one').toEqual([9, 1])
    expect(await state()).toMatchObject({ state: 'signed_in' })
  })
})

describe('a provider whose revocation hangs', () => {
  it('holds up neither the page nor the next sign-in', async () => {
    await signInAs(spa.page, spa.url('local_storage'))
    await spa.context.route(endpoint('/token/revocation'), () => {})
    await spa.page.evaluate('globalThis.leaving = lab.signOut({ provider: false }); 0')
    expect(await state()).toMatchObject({ state: 'signed_out' })
    expect(await call()).toEqual({ error: 'signed_out' })
    await signInAs(spa.page, spa.url('local_storage'), 'grace')
    expect(await call()).toMatchObject({ status: 200 })
  })

  it('ends sign-out all the same', async () => {
    await signInAs(spa.page, spa.url('local_storage'))
    await spa.context.route(endpoint('/token/revocation'), () => {})
    await spa.page.evaluate(hurry(10_000))
    const over = "lab.signOut({ provider: false }).then(() => 'over')"
    expect(await spa.page.evaluate(over)).toBe('over')
    expect(await state()).toMatchObject({ state: 'signed_out' })
  })
})

describe('a tab that holds the lock for good', () => {
  it('lets a sign-in fail, and nothing of it lives on', async () => {
    const other = await spa.context.newPage()
    await other.goto(spa.url('local_storage'))
    await isThere(other)
    await other.evaluate('lab.signOut({ provider: false })')
    await other.evaluate(`new Promise((resolve) => {
      const name = 'coatcheck:${spa.site.provider.issuer}:spa'
      navigator.locks.request(name, () => new Promise(() => resolve(true)))
    })`)
    const page = await spa.context.newPage()
    await page.addInitScript(hurry(45_000))
    const revoked = page.waitForResponse(endpoint('/token/revocation'))
    await signInAs(page, spa.url('local_storage'))
    expect(await page.evaluate('lab.states.at(-1)')).toMatchObject({ state: 'signed_out' })
    expect((await revoked).status()).toBe(200)
    const stored = await page.evaluate<string>('JSON.stringify({ ...localStorage })')
    expect(stored).not.toContain('token')
    // The other tab goes, and with it the lock.
    await other.close()
    await signInAs(page, spa.url('local_storage'))
    expect(await page.evaluate("lab.call('orders')")).toMatchObject({ status: 200 })
    await page.close()
  })
})

describe('close', () => {
  it('lets what is under way end, and tells nobody', async () => {
    await signInAs(spa.page, spa.url('local_storage'))
    await spa.context.route(endpoint('/token'), async (route) => {
      await spa.page.evaluate('lab.tokens.close(); globalThis.toldBefore = lab.states.length')
      await route.continue()
    })
    // The old token is over: there is nothing to fall back on.
    await spa.page.evaluate('lab.setClock(310000)')
    const before = await entry()
    expect(await call()).toMatchObject({ status: 200 })
    expect(await entry()).not.toBe(before)
    expect(await spa.page.evaluate('lab.states.length - toldBefore')).toBe(0)
    expect(broken).toEqual([])
  })
})
