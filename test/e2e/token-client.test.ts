import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isThere, openSpaPage, type SpaPage, signInAs } from '../support/spa-page.ts'

let spa: SpaPage

const state = () => spa.page.evaluate('lab.state()')
const call = (path: string, init = '{}') =>
  spa.page.evaluate(`lab.call(${JSON.stringify(path)}, ${init})`)
const settle = () => isThere(spa.page)
const inAPage = () => spa.page.evaluate('lab.state().then(({ state }) => state)').catch(() => '')

describe('createTokenClient: the way to the provider and back', () => {
  beforeAll(async () => {
    spa = await openSpaPage()
  })
  afterAll(() => spa.close())

  it('T-LOGIN-05, T-BROWSER-03 leaves neither code, state nor code verifier in the address, the history or storage', async () => {
    await signInAs(spa.page, `${spa.url('memory')}?x=1#part`)
    expect(await state()).toMatchObject({ state: 'signed_in', claims: { sub: 'u-ada-1815' } })
    expect(spa.page.url()).toBe(`${spa.url('memory')}?x=1#part`)
    const client = await spa.context.newCDPSession(spa.page)
    const { entries } = await client.send('Page.getNavigationHistory')
    expect(entries.filter(({ url }) => /[?&](?:code|state)=/.test(url))).toEqual([])
    const stored = await spa.page.evaluate('JSON.stringify({ ...sessionStorage })')
    expect(stored).not.toMatch(/sign-in|verifier/)
  })

  it('sends nothing in an address that is a secret', async () => {
    await signInAs(spa.page, spa.url('session_storage'))
    await call('orders')
    const entry = new URLSearchParams(
      await spa.page.evaluate<string>('sessionStorage.getItem(Object.keys(sessionStorage)[0])'),
    )
    const secrets = [entry.get('access_token'), entry.get('refresh_token'), entry.get('id_token')]
    for (const secret of secrets) {
      expect(secret).toMatch(/.{20}/)
      expect(spa.requests.filter(({ url }) => url.includes(secret ?? '?'))).toEqual([])
      expect(spa.console.join('\n')).not.toContain(secret)
    }
  })

  it.each([
    ['a state that nobody started', 'code=x&state=y&iss={iss}', 'sign_in_unknown'],
    ['a refusal that nobody asked for', 'error=access_denied&state=y&iss={iss}', 'sign_in_unknown'],
  ])('T-LOGIN-01 takes no answer of another browser: %s', async (_, query, error) => {
    const search = query.replace('{iss}', encodeURIComponent(spa.site.provider.issuer))
    await spa.page.goto(`${spa.url('memory')}?${search}`)
    await settle()
    expect(await state()).toEqual({ error })
    expect(spa.page.url()).toBe(spa.url('memory'))
    expect(await state()).toMatchObject({ state: 'signed_out' })
  })

  it("leaves another library's answer alone", async () => {
    const address = `${spa.url('memory')}?code=pay-123&state=theirs`
    await spa.page.goto(address)
    await settle()
    expect(await state()).toMatchObject({ state: 'signed_out' })
    expect(spa.page.url()).toBe(address)
  })

  it('T-LOGIN-02 takes no code of another issuer', async () => {
    const tokenRequests = spa.requests.filter(({ url }) => url.endsWith('/token'))
    await spa.page.goto(spa.url('memory'))
    await settle()
    await spa.page.route(`${spa.site.provider.issuer}/auth*`, (route) => {
      const asked = new URL(route.request().url()).searchParams.get('state')
      const answer = `${spa.url('memory')}?code=c&state=${asked}&iss=https%3A%2F%2Fevil.test`
      return route.fulfill({ status: 302, headers: { location: answer } })
    })
    await spa.page.evaluate('lab.signIn()')
    const isBack = (address: URL): boolean => address.href === spa.url('memory')
    await spa.page.waitForEvent('framenavigated', (frame) => isBack(new URL(frame.url())))
    await settle()
    expect(await state()).toEqual({ error: 'sign_in_refused' })
    expect(spa.requests.filter(({ url }) => url.endsWith('/token'))).toEqual(tokenRequests)
    await spa.page.unroute(`${spa.site.provider.issuer}/auth*`)
  })

  it('goes back to this origin alone', async () => {
    await spa.page.goto(spa.url('memory'))
    await settle()
    for (const address of [
      'https://evil.test/',
      '//evil.test/',
      '/\\evil.test',
      'javascript:alert(1)',
      `blob:${spa.site.origin}/x`,
      `https://user:password@${new URL(spa.site.origin).host}/`,
    ]) {
      const code = await spa.page.evaluate(
        `lab.tokens.signIn({ returnTo: ${JSON.stringify(address)} }).catch((error) => error.code)`,
      )
      expect(code).toBe('return_address_refused')
    }
  })
})

describe('createTokenClient: calls', () => {
  beforeAll(async () => {
    spa = await openSpaPage()
    await signInAs(spa.page, spa.url('memory'))
  })
  afterAll(() => spa.close())

  it.each([
    'https://evil.test/v1/orders',
    '//evil.test/v1/orders',
    '/orders',
    '../admin',
    'javascript:alert(1)',
  ])('T-BROWSER-02 refuses %s before anything is sent', async (address) => {
    const before = spa.requests.length
    expect(await call(address)).toEqual({ error: 'api_address_refused' })
    expect(spa.requests.length).toBe(before)
  })

  it.each(['', '&status=307'])('takes the token over no redirect%s', async (status) => {
    // That nothing arrives there is shown by the lab hostile-script, which has such a server.
    const answer = await call(`redirect?to=https://evil.test/${status}`)
    expect(answer).toEqual({ error: 'api_redirect_refused' })
  })

  it('sends a body, and what the caller says, but its own token', async () => {
    const init =
      "{ method: 'POST', headers: { authorization: 'Bearer stolen' }, body: 'x'.repeat(100000) }"
    expect(await call('echo', init)).toMatchObject({ status: 200 })
  })

  it('is aborted by its signal', async () => {
    const name = await spa.page.evaluate(`(async () => {
      const aborting = new AbortController()
      // It never ends.
      const answer = await lab.tokens.fetch(${JSON.stringify(`${spa.site.api.origin}/v1/events`)}, { signal: aborting.signal })
      setTimeout(() => aborting.abort(), 50)
      try { await answer.arrayBuffer(); return 'done' } catch (error) { return error.name }
    })()`)
    expect(name).toBe('AbortError')
  })
})

describe('createTokenClient: a place that forgets with a reload', () => {
  beforeAll(async () => {
    spa = await openSpaPage()
  })
  afterAll(() => spa.close())

  it.each(['memory', 'worker'])(
    'T-BROWSER-05 signs in again without a question: %s',
    async (place) => {
      await signInAs(spa.page, spa.url(place))
      await spa.page.reload()
      await settle()
      expect(await state()).toEqual({ state: 'signed_out' })
      await spa.page.evaluate('void lab.resume()')
      await expect.poll(inAPage).toBe('signed_in')
      await spa.page.evaluate('lab.signOut({ provider: false })')
      // Whoever signed out stays so.
      expect(await spa.page.evaluate('lab.resume()')).toMatchObject({ state: 'signed_out' })
    },
  )

  it('asks once: where the provider has no session either, nobody is signed in', async () => {
    await signInAs(spa.page, spa.url('memory'))
    await spa.context.clearCookies()
    const before = spa.requests.length
    await spa.page.reload()
    await settle()
    const back = spa.page.waitForRequest((request) =>
      request.url().includes('error=login_required'),
    )
    await spa.page.evaluate('void lab.resume()')
    await back
    await settle()
    expect(await spa.page.evaluate('lab.resume()')).toMatchObject({ state: 'signed_out' })
    const asked = spa.requests.slice(before).filter(({ url }) => url.includes('prompt=none'))
    expect(asked).toHaveLength(1)
  })
})

describe('createTokenClient: signing out', () => {
  beforeAll(async () => {
    spa = await openSpaPage()
  })
  afterAll(() => spa.close())

  it('ends the session at the provider, with no ID token in an address', async () => {
    await signInAs(spa.page, spa.url('local_storage'))
    const leaving = spa.page.waitForRequest((request) => request.url().includes('/session/end?'))
    await spa.page.evaluate('void lab.signOut()')
    const asked = new URL((await leaving).url())
    expect([...asked.searchParams.keys()]).toEqual(['client_id', 'post_logout_redirect_uri'])
    await spa.page
      .getByRole('button', { name: /sign out/i })
      .first()
      .click()
    await spa.page.waitForURL((address) => address.href === spa.url('local_storage'))
    await settle()
    expect(await state()).toMatchObject({ state: 'signed_out' })
    // Whoever asks the provider without a question finds nobody.
    const back = spa.page.waitForRequest((request) =>
      request.url().includes('error=login_required'),
    )
    await spa.page.evaluate("lab.signIn({ prompt: 'none' })")
    await back
    await settle()
    expect(await state()).toMatchObject({ state: 'signed_out' })
  })
})
