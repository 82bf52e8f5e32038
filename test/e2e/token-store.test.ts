import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keyPair } from '../../lab/hostile-tokens/signer.mjs'
import { type OwnLogin, startOwnLogin } from '../support/own-login.ts'
import { isThere, openSpaPage, type SpaPage, signInAs } from '../support/spa-page.ts'

let spa: SpaPage
let login: OwnLogin

const state = () => spa.page.evaluate<Record<string, unknown>>('lab.state()')
const accept = (answer: unknown) =>
  spa.page.evaluate<Record<string, unknown>>(`lab.accept(${JSON.stringify(answer)})`)
const entry = () => spa.page.evaluate<string | null>(`localStorage.getItem(${name()})`)
const name = () => JSON.stringify(`coatcheck:${login.issuer}:spa`)
const change = (from: string, to: string) =>
  spa.page.evaluate(`(() => {
    const name = ${name()}
    localStorage.setItem(name, localStorage.getItem(name).replace(${from}, ${JSON.stringify(to)}))
  })()`)
async function reload(): Promise<void> {
  await spa.page.reload()
  await isThere(spa.page)
}
async function signInByPassword(): Promise<Record<string, unknown>> {
  await spa.page.goto(spa.url('local_storage'))
  await isThere(spa.page)
  return spa.page.evaluate(
    `fetch('${login.issuer}/login', { method: 'POST', body: ${JSON.stringify(
      JSON.stringify(login.user),
    )} }).then((answer) => answer.json()).then((answer) => lab.accept(answer))`,
  )
}

beforeAll(async () => {
  login = await startOwnLogin('spa')
  spa = await openSpaPage({
    client: { issuer: login.issuer, audience: login.audience, apis: [`${login.issuer}/api/`] },
    connect: [login.issuer],
  })
})
afterAll(async () => {
  await spa.close()
  login.close()
})

describe("accept: the answer of one's own login", () => {
  it('takes what verifies, and keeps it', async () => {
    expect(await signInByPassword()).toMatchObject({
      state: 'signed_in',
      claims: { sub: 'u-ada', iss: login.issuer },
    })
    expect(await entry()).toContain('access_token=')
  })

  it.each([
    ['no token', () => ({ error: 'login' }), 'provider_response_invalid'],
    ['nothing', () => null, 'provider_response_invalid'],
    ['text', () => 'token', 'provider_response_invalid'],
    [
      'another key',
      () => ({
        access_token: login.sign({ aud: login.audience, client_id: 'spa' }, keyPair('P-256')),
        token_type: 'Bearer',
      }),
      'token_signature_invalid',
    ],
    [
      'another audience',
      () => ({ access_token: login.sign({ aud: 'urn:other' }), token_type: 'Bearer' }),
      'token_audience_mismatch',
    ],
    [
      'another client',
      () => ({
        access_token: login.sign({ aud: login.audience, client_id: 'other' }),
        token_type: 'Bearer',
      }),
      'token_audience_mismatch',
    ],
    [
      'an old one',
      () => ({
        access_token: login.sign({ aud: login.audience, iat: 1_700_000_000, exp: 1_700_000_300 }),
        token_type: 'Bearer',
      }),
      'token_expired',
    ],
    ['an opaque one', () => ({ access_token: 'opaque', token_type: 'Bearer' }), 'token_malformed'],
  ])('T-TOKEN-05 keeps nothing unverified: %s', async (_, answer, error) => {
    await spa.page.goto(spa.url('local_storage'))
    await isThere(spa.page)
    await spa.page.evaluate('lab.signOut({ provider: false })')
    expect(await accept(answer())).toEqual({ error })
    expect(await entry()).toBeNull()
    expect(await state()).toMatchObject({ state: 'signed_out' })
  })
})

describe('an entry in localStorage', () => {
  it('is verified again, and taken', async () => {
    await signInByPassword()
    await reload()
    expect(await state()).toMatchObject({ state: 'signed_in', claims: { sub: 'u-ada' } })
  })

  it.each([
    ['its token', '/(access_token=[^.]+\\.[^.]{30})../', '$1-_'],
    ['its version', "'v=1'", 'v=9'],
    ['all of it', '/^.*$/', '{"access_token":"x"}'],
    ['its signature', '/access_token=([^.]+)\\.([^.]+)\\.[^&]+/', 'access_token=$1.$2.'],
  ])(
    'T-BROWSER-01 is dropped when a script has changed %s, with the reason told',
    async (_, from, to) => {
      await signInByPassword()
      await change(from, to)
      await reload()
      expect(await state()).toEqual({ state: 'signed_out', reason: 'entry_refused' })
      expect(await entry()).toBeNull()
    },
  )

  it("is not another person's when a script brings another token", async () => {
    await signInByPassword()
    const other = login.sign({ aud: 'urn:other', client_id: 'spa' })
    await change('/access_token=[^&]+/', `access_token=${other}`)
    await reload()
    expect(await state()).toMatchObject({ reason: 'entry_refused' })
  })

  it('whose key was withdrawn since is no forgery: it is renewed', async () => {
    await signInByPassword()
    login.rotateKeys()
    const before = login.renewals.length
    await reload()
    expect(await state()).toMatchObject({ state: 'signed_in', claims: { sub: 'u-ada' } })
    expect(login.renewals.length).toBe(before + 1)
  })

  it('whose access token is over is no forgery: it is renewed by the next call', async () => {
    await signInByPassword()
    const before = login.renewals.length
    await spa.page.goto(`${spa.url('local_storage')}?clock=3600000`)
    await isThere(spa.page)
    expect(await state()).toMatchObject({ state: 'renewing' })
    await spa.page.evaluate("lab.call('orders')")
    expect(login.renewals.length).toBe(before + 1)
    expect(await state()).toMatchObject({ state: 'signed_in' })
  })

  it('is over when nobody has used it for three months', async () => {
    await signInByPassword()
    await spa.page.goto(`${spa.url('local_storage')}?clock=${91 * 86_400_000}`)
    await isThere(spa.page)
    expect(await state()).toEqual({ state: 'signed_out', reason: 'entry_refused' })
    expect(await entry()).toBeNull()
  })

  it('is renewed by nobody where another origin does', async () => {
    const here = await openSpaPage({ client: { renew: false }, accessTokenSeconds: 5 })
    await signInAs(here.page, here.url('script_cookie_shared'))
    await here.page.evaluate('lab.setClock(3600000)')
    expect(await here.page.evaluate("lab.call('orders')")).toEqual({
      error: 'access_token_expired',
    })
    expect(await here.page.evaluate('lab.state()')).toMatchObject({ state: 'expired' })
    expect(here.requests.filter(({ body }) => body.includes('refresh_token'))).toEqual([])
    await here.close()
  })

  it('stays, and nothing is sent, while the browser gives no database; then it is renewed', async () => {
    await signInByPassword()
    const before = login.renewals.length
    await spa.page.evaluate('lab.setClock(3600000)')
    // A connection that stays open, and a deletion that waits for it: whoever opens now waits behind both.
    await spa.page.evaluate(`new Promise((resolve) => {
      const opening = indexedDB.open('coatcheck')
      opening.onsuccess = () => {
        window.connection = opening.result
        const deleting = indexedDB.deleteDatabase('coatcheck')
        deleting.onblocked = () => resolve()
      }
    })`)
    const refused = await spa.page.evaluate(`lab.call('${login.issuer}/api/')`)
    expect(refused).toEqual({ error: 'database_unavailable' })
    expect(login.renewals.length).toBe(before)
    expect(await state()).toMatchObject({ state: 'renewing' })
    await spa.page.evaluate('window.connection.close()')
    await expect
      .poll(() => spa.page.evaluate(`lab.call('${login.issuer}/api/')`))
      .toMatchObject({ status: 200 })
    expect(login.renewals.length).toBe(before + 1)
  })

  it('is gone for every tab when it is cleared by hand', async () => {
    await signInByPassword()
    const other = await spa.context.newPage()
    await other.goto(spa.url('local_storage'))
    await isThere(other)
    expect(await other.evaluate('lab.state()')).toMatchObject({ state: 'signed_in' })
    await spa.page.evaluate('localStorage.clear()')
    await expect
      .poll(() => other.evaluate('lab.states.at(-1)'))
      .toEqual({ state: 'signed_out', reason: 'signed_out_elsewhere' })
    await other.close()
  })
})

describe('an API that refuses the token sooner than our clock', () => {
  it('is called once more, with renewed tokens', async () => {
    const here = await openSpaPage({ accessTokenSeconds: 5 })
    await signInAs(here.page, here.url('local_storage'))
    // This machine is an hour behind from now on: the token looks good for long.
    await here.page.evaluate('lab.setClock(-3600000)')
    await new Promise((resolve) => setTimeout(resolve, 11_500))
    const answer = await here.page.evaluate("lab.call('orders')")
    expect(answer).toMatchObject({ status: 200 })
    const renewals = here.requests.filter(({ body }) => body.includes('grant_type=refresh_token'))
    expect(renewals).toHaveLength(1)
    await here.close()
  })
})
