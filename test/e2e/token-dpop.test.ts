import { createDpopProver, createTrustingFetch, requestPublicTokens } from '@coatcheck/dev'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isThere, openSpaPage, type SpaPage, signInAs } from '../support/spa-page.ts'

let spa: SpaPage
const call = () => spa.page.evaluate<Record<string, unknown>>("lab.call('orders')")

beforeAll(async () => {
  spa = await openSpaPage({ dpop: true, accessTokenSeconds: 6 })
})
afterAll(() => spa.close())

describe('createTokenClient with dpopKeys', () => {
  it.each(['local_storage', 'session_storage', 'script_cookie', 'memory', 'worker'])(
    'T-BIND-05 proves each request, and renews: %s',
    async (place) => {
      await signInAs(spa.page, spa.url(place))
      const before = spa.requests.filter(({ body }) => body.includes('refresh_token')).length
      expect(await call()).toMatchObject({ status: 200 })
      await new Promise((resolve) => setTimeout(resolve, 3500))
      expect(await call()).toMatchObject({ status: 200 })
      expect(await spa.page.evaluate('lab.state().then(({ state }) => state)')).toBe('signed_in')
      const renewals = spa.requests.filter(({ body }) => body.includes('refresh_token')).length
      if (place !== 'worker') expect(renewals).toBeGreaterThan(before)
      await spa.page.evaluate('lab.signOut({ provider: false })')
    },
  )

  it('T-BIND-05 proves calls side by side, each with the nonce that it was asked for', async () => {
    await signInAs(spa.page, spa.url('memory'))
    const statuses = await spa.page.evaluate(
      "Promise.all(Array.from({ length: 8 }, () => lab.call('orders'))).then((all) => all.map(({ status }) => status))",
    )
    expect(statuses).toEqual(Array(8).fill(200))
  })

  it('T-BIND-05 has one key over reload and tabs, which no script can take out', async () => {
    await signInAs(spa.page, spa.url('local_storage'))
    await spa.page.reload()
    await isThere(spa.page)
    expect(await call()).toMatchObject({ status: 200 })
    const found = await spa.page.evaluate(`new Promise((resolve) => {
      const opening = indexedDB.open('coatcheck')
      opening.onsuccess = () => {
        const keys = opening.result.transaction('dpop-keys').objectStore('dpop-keys').getAll()
        keys.onsuccess = async () => {
          const [{ privateKey }] = keys.result
          const formats = ['jwk', 'pkcs8', 'raw'].map((format) =>
            crypto.subtle.exportKey(format, privateKey).then(() => 'exported', (error) => error.name))
          opening.result.close()
          resolve({ count: keys.result.length, extractable: privateKey.extractable, taken: await Promise.all(formats) })
        }
      }
    })`)
    expect(found).toMatchObject({ count: 1, extractable: false })
    expect(found).not.toMatchObject({ taken: expect.arrayContaining(['exported']) })
  })

  it('T-BIND-05 makes a stolen token useless elsewhere: at the API and at the provider', async () => {
    await signInAs(spa.page, spa.url('local_storage'))
    const entry = new URLSearchParams(
      await spa.page.evaluate<string>(
        "localStorage.getItem(Object.keys(localStorage).find((key) => localStorage.getItem(key).includes('access_token=')))",
      ),
    )
    const [access = '', refresh = ''] = ['access_token', 'refresh_token'].map(
      (name) => entry.get(name) ?? '',
    )
    expect(entry.get('token_type')).toBe('DPoP')
    const { api, provider, certificate, origin } = spa.site
    const fetch = createTrustingFetch(certificate)
    const address = `${api.origin}/v1/orders`
    const thief = await createDpopProver()
    const proof = await thief.prove({ method: 'GET', address, accessToken: access })
    for (const headers of [
      { authorization: `Bearer ${access}` },
      { authorization: `DPoP ${access}` },
      { authorization: `DPoP ${access}`, dpop: proof },
    ]) {
      expect((await fetch(address, { headers })).status).toBe(401)
    }
    const client = {
      provider,
      client: { clientId: 'spa', origin, dpop: true },
      fetch,
      prover: thief,
    }
    const grant = { grant_type: 'refresh_token', refresh_token: refresh }
    expect((await requestPublicTokens(client, grant)).status).toBe(400)
    // Whoever it belongs to goes on.
    expect(await call()).toMatchObject({ status: 200 })
  })

  it("keeps the key that another person's tab is bound to, over a sign-out and a reload", async () => {
    await signInAs(spa.page, spa.url('session_storage'))
    const other = await spa.context.newPage()
    await signInAs(other, spa.url('session_storage'), 'grace')
    await spa.page.evaluate('lab.signOut({ provider: false })')
    await other.reload()
    await isThere(other)
    expect(await other.evaluate("lab.call('orders')")).toMatchObject({ status: 200 })
    await other.close()
  })
})
