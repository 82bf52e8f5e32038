import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { invalidToken, isThere, openSpaPage, type SpaPage, signInAs } from '../support/spa-page.ts'

let spa: SpaPage

const state = () => spa.page.evaluate<Record<string, unknown>>('lab.state()')
const call = (path = 'orders') => spa.page.evaluate(`lab.call(${JSON.stringify(path)})`)
const tokenEndpoint = () => `${spa.site.provider.issuer}/token`

beforeAll(async () => {
  spa = await openSpaPage()
})
afterAll(() => spa.close())
afterEach(() => spa.context.unrouteAll())

/** Comes back from the provider with the token endpoint taking its time. */
async function comeBackSlowly(place: string, ms = 1500): Promise<void> {
  await spa.context.unrouteAll()
  await spa.page.goto(spa.url(place))
  await isThere(spa.page)
  await spa.context.route(tokenEndpoint(), async (route) => {
    await new Promise((resolve) => setTimeout(resolve, ms))
    await route.continue()
  })
  await spa.page.evaluate("lab.signIn({ prompt: 'login' })")
  await spa.page.getByLabel('User name').fill('ada')
  await spa.page.getByLabel('Password').fill('engine-1843')
  await spa.page.getByRole('button', { name: 'Sign in' }).click()
  await spa.page.waitForURL((address) => address.origin === spa.site.origin)
  await isThere(spa.page)
}

describe('while a sign-in is being finished', () => {
  it('everybody who asks waits for it', async () => {
    await comeBackSlowly('memory')
    const seen = await spa.page.evaluate<readonly Record<string, unknown>[]>(
      "Promise.all([lab.state(), lab.state(), lab.resume(), lab.resume(), lab.call('orders')])",
    )
    expect(seen.map(({ state: one, status }) => one ?? status)).toEqual([
      ...['signed_in', 'signed_in', 'signed_in', 'signed_in'],
      200,
    ])
  })

  it('whoever signs out stays signed out, and comes back to nothing', async () => {
    await comeBackSlowly('memory')
    await spa.page.evaluate('lab.signOut({ provider: false })')
    await new Promise((resolve) => setTimeout(resolve, 2000))
    expect(await state()).toMatchObject({ state: 'signed_out' })
    expect(await spa.page.evaluate('lab.resume()')).toMatchObject({ state: 'signed_out' })
  })

  it('one that failed is told once, and does not lead to the provider again and again', async () => {
    await signInAs(spa.page, spa.url('memory'))
    await spa.context.route(tokenEndpoint(), (route) => route.fulfill({ status: 500 }))
    await spa.page.reload()
    await isThere(spa.page)
    const before = spa.requests.length
    await spa.page.evaluate('void lab.resume()')
    await expect
      .poll(() => spa.page.evaluate('lab.state()').catch(() => ''), { timeout: 10_000 })
      .toEqual({ error: 'provider_unavailable' })
    expect(await spa.page.evaluate('lab.resume()')).toMatchObject({ state: 'signed_out' })
    const asked = spa.requests.slice(before).filter(({ url }) => url.includes('prompt=none'))
    expect(asked).toHaveLength(1)
  })
})

describe('two persons in one browser', () => {
  it('T-BROWSER-05 a call that one began is not sent again as the other', async () => {
    await signInAs(spa.page, spa.url('local_storage'))
    const other = await spa.context.newPage()
    const sent: string[] = []
    await spa.page.route(`${spa.site.api.origin}/v1/**`, async (route) => {
      const request = route.request()
      if (request.method() === 'OPTIONS') return route.continue()
      sent.push(`${request.postData()}`)
      await signInAs(other, spa.url('local_storage'), 'grace')
      return route.fulfill(invalidToken(spa.site.origin))
    })
    // Old enough for an API to be believed that it is over.
    await spa.page.evaluate('lab.setClock(15000)')
    const answer = await spa.page.evaluate(
      "lab.call('orders', { method: 'POST', body: 'pay 100 from Ada' })",
    )
    expect(answer).toEqual({ error: 'signed_in_as_another' })
    expect(sent).toEqual(['pay 100 from Ada'])
    await spa.page.unrouteAll()
    await other.close()
  })

  it('T-BROWSER-05 the page hears of the other one before anything is called in that name', async () => {
    await signInAs(spa.page, spa.url('local_storage'))
    const other = await spa.context.newPage()
    await signInAs(other, spa.url('local_storage'), 'grace')
    await expect
      .poll(() => spa.page.evaluate('lab.states.at(-1).claims?.preferred_username'))
      .toBe('grace')
    expect(await call()).toEqual({ error: 'signed_in_as_another' })
    expect(await call()).toMatchObject({ status: 200 })
    await other.close()
  })
})

describe('messages that come late, or from nobody of ours', () => {
  const post = async (message: string) => {
    const other = await spa.context.newPage()
    await other.goto(spa.url('session_storage'))
    await isThere(other)
    await other.evaluate(`(() => {
      const channel = new BroadcastChannel('coatcheck:${spa.site.provider.issuer}:spa')
      channel.postMessage(${message})
    })()`)
    await new Promise((resolve) => setTimeout(resolve, 500))
    await other.close()
  }
  const subject = "subject: 'u-ada-1815'"

  it.each([
    ['local_storage', `{ kind: 'signed_out', ${subject}, grant: 'former', at: Date.now() }`],
    ['memory', `{ kind: 'signed_out', ${subject}, grant: 'former', at: Date.now() - 60000 }`],
    ['memory', `{ kind: 'signed_out', subject: 'somebody', grant: 'x', at: Date.now() }`],
    ['memory', `{ kind: 'signed_out' }`],
    ['memory', `{ kind: 'tokens' }`],
    ['memory', 'null'],
    ['memory', "'changed'"],
  ])('end no sign-in: %s %s', async (place, message) => {
    await signInAs(spa.page, spa.url(place))
    await post(message)
    expect(await call()).toMatchObject({ status: 200 })
  })
})

describe('answers that are not, or no longer, awaited', () => {
  /** Leaves for the provider, and is back before it answers. */
  async function withPending(change: string): Promise<string> {
    await spa.page.goto(spa.url('memory'))
    await isThere(spa.page)
    // An answer without content: the page stays.
    await spa.page.route(/\/auth\?/, (route) => route.fulfill({ status: 204 }))
    const answered = spa.page.waitForResponse(/\/auth\?/)
    await spa.page.evaluate('lab.signIn()')
    await answered
    await new Promise((resolve) => setTimeout(resolve, 200))
    await spa.page.unrouteAll()
    return spa.page.evaluate<string>(`(() => {
      const name = Object.keys(sessionStorage).find((key) => key.endsWith('sign-in'))
      const transaction = JSON.parse(sessionStorage.getItem(name))
      sessionStorage.setItem(name, JSON.stringify({ ...transaction, ${change} }))
      return transaction.state
    })()`)
  }

  it('T-LOGIN-05 one that comes too late leaves the address all the same', async () => {
    const asked = await withPending('startedAt: Date.now() - 700000')
    await spa.page.goto(`${spa.url('memory')}?code=late&state=${asked}`)
    await isThere(spa.page)
    expect(await state()).toEqual({ error: 'sign_in_expired' })
    expect(spa.page.url()).toBe(spa.url('memory'))
  })

  it("another library's costs nobody the sign-in that is under way", async () => {
    const asked = await withPending('')
    await spa.page.goto(`${spa.url('memory')}?code=pay-123&state=theirs`)
    await isThere(spa.page)
    expect(spa.page.url()).toContain('code=pay-123')
    expect(await spa.page.evaluate('JSON.stringify({ ...sessionStorage })')).toContain(asked)
  })

  it('T-LOGIN-04 one with a changed way back stays on this page', async () => {
    const asked = await withPending("returnTo: 'https://evil.test/'")
    await spa.page.goto(`${spa.url('memory')}?code=x&state=${asked}`)
    await isThere(spa.page)
    expect(spa.page.url()).toBe(spa.url('memory'))
  })
})

describe('addresses that read otherwise the second time', () => {
  it.each([
    "{ toString() { return (this.seen = !this.seen) ? lab.api + 'orders' : 'https://evil.test/' } }",
    "new (class extends Request { get url() { return lab.api + 'orders' } })('https://evil.test/')",
  ])('T-BROWSER-02 take no token elsewhere: %s', async (input) => {
    await signInAs(spa.page, spa.url('memory'))
    await spa.page.evaluate(`lab.tokens.fetch(${input}).catch(() => {})`)
    expect(spa.requests.filter(({ url }) => url.startsWith('https://evil.test'))).toEqual([])
  })
})
