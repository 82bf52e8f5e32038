// @ts-check
// Tokens that are bound to a key (DPoP), in the place that is easiest to read: what is a copy worth elsewhere?
import { createHash, randomBytes } from 'node:crypto'
import { createDpopProver, createTrustingFetch, requestPublicTokens } from '@coatcheck/dev'
import { temporaryFolder } from '../../test/support/dev-process.ts'
import { openBrowser } from '../browsers/browsers.mjs'
import { startSpaSite } from '../spa/site.mjs'
import { signIn, until } from '../spa/steps.mjs'

/** @typedef {import('./after-load.mjs').Row} Row */

const OK = 200

/**
 * @param {string} browser
 * @returns {Promise<Row[]>}
 */
export async function boundRows(browser) {
  const profile = temporaryFolder()
  const site = await startSpaSite({ dpop: true })
  const { page, close } = await openBrowser(browser, profile.path)
  const url = `${site.origin}/local_storage/`
  try {
    await signIn(page, url)
    return [
      await copied(page, site),
      await provedByThePage(page, site),
      await ownSignIn(page, site, url),
    ]
  } finally {
    await close()
    await site.close()
    profile.remove()
  }
}

/**
 * @typedef {import('../browsers/browsers.mjs').LabPage} LabPage
 * @typedef {import('../spa/site.mjs').SpaSite} SpaSite
 * @typedef {import('@coatcheck/dev').DpopProver} DpopProver
 */

/** @param {LabPage} page @param {SpaSite} site @returns {Promise<Row>} */
async function copied(page, site) {
  const kept = await entryOf(page)
  const access = kept.get('access_token') ?? ''
  const thief = await createDpopProver()
  const outside = callerOf(site)
  const answers = [
    await outside({ authorization: `Bearer ${access}` }),
    await outside({ authorization: `DPoP ${access}` }),
    await outside({ authorization: `DPoP ${access}`, dpop: await proofBy(thief, site, access) }),
  ]
  const grant = { grant_type: 'refresh_token', refresh_token: kept.get('refresh_token') ?? '' }
  const renewal = await requestPublicTokens(clientOf(site, thief), grant)
  const got = [...answers.map(({ status }) => status), renewal.status].join(', ')
  return {
    attack:
      'T-BIND-05 single theft: all tokens, used elsewhere: as Bearer, unproved, with another key, renewed',
    said: 'stopped',
    got: `access and refresh token, from localStorage; answered ${got}`,
    ok: got === '401, 401, 401, 400' && access !== '',
  }
}

/** @param {LabPage} page @param {SpaSite} site @returns {Promise<Row>} */
async function provedByThePage(page, site) {
  const access = (await entryOf(page)).get('access_token') ?? ''
  const outside = callerOf(site)
  const address = `${site.api.origin}/v1/orders`
  const withoutNonce = await outside({
    authorization: `DPoP ${access}`,
    dpop: await pageProof(page, address, access),
  })
  const nonce = withoutNonce.headers.get('dpop-nonce') ?? ''
  const proof = await pageProof(page, address, access, nonce)
  const headers = { authorization: `DPoP ${access}`, dpop: proof }
  const got = [withoutNonce, await outside(headers), await outside(headers)]
    .map(({ status }) => status)
    .join(', ')
  return {
    attack:
      'T-BIND-05 proofs that the page was made to make, used elsewhere: ahead, with the nonce, again',
    said: 'limited: one call for each, while the page lives',
    got: `answered ${got}`,
    ok: got === '401, 200, 401',
  }
}

/** @param {LabPage} page @param {SpaSite} site @param {string} url @returns {Promise<Row>} */
async function ownSignIn(page, site, url) {
  const verifier = randomBytes(32).toString('base64url')
  const address = new URL(`${site.provider.issuer}/auth`)
  address.search = new URLSearchParams({
    ...{ client_id: 'spa', response_type: 'code', redirect_uri: url, scope: 'openid orders:read' },
    ...{ state: 'own', nonce: 'own', prompt: 'none', code_challenge_method: 'S256' },
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  }).toString()
  await page.start(`location.assign(${JSON.stringify(address.href)})`)
  // The page has it out of its address at once; the browser still says with what it was loaded.
  const loaded = "performance.getEntriesByType('navigation')[0]?.name ?? ''"
  const last = await until(async () => {
    const name = await page.evaluate(loaded)
    return name.includes('state=own') && name
  })
  const thief = await createDpopProver()
  const code = new URL(last).searchParams.get('code') ?? ''
  const grant = {
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: url,
  }
  const answer = await requestPublicTokens(clientOf(site, thief), grant)
  const { access_token: access = '' } = /** @type {{ access_token?: string }} */ (
    await answer.json()
  )
  const outside = callerOf(site)
  const first = await outside({
    authorization: `DPoP ${access}`,
    dpop: await proofBy(thief, site, access),
  })
  const nonce = first.headers.get('dpop-nonce') ?? ''
  const dpop = await proofBy(thief, site, access, nonce)
  const { status } = await outside({ authorization: `DPoP ${access}`, dpop })
  return {
    attack: 'T-BIND-05 new tokens: a sign-in by leaving the page, with a key of its own',
    said: 'not stopped',
    got: `tokens; elsewhere the access token is answered ${status}`,
    ok: status === OK,
  }
}

/** @param {LabPage} page */
async function entryOf(page) {
  const text = await page.evaluate(
    "Object.values({ ...localStorage }).find((each) => each.includes('access_token='))",
  )
  return new URLSearchParams(text)
}

/** @param {SpaSite} site */
function callerOf(site) {
  const fetch = createTrustingFetch(site.certificate)
  return (/** @type {Record<string, string>} */ headers) =>
    fetch(`${site.api.origin}/v1/orders`, { headers })
}

/** @param {SpaSite} site @param {DpopProver} prover */
function clientOf({ provider, origin, certificate }, prover) {
  const client = { clientId: 'spa', origin, dpop: true }
  return { provider, client, prover, fetch: createTrustingFetch(certificate) }
}

/** @param {DpopProver} prover @param {SpaSite} site @param {string} accessToken @param {string} [nonce] */
function proofBy(prover, site, accessToken, nonce) {
  const request = { method: 'GET', address: `${site.api.origin}/v1/orders`, accessToken }
  return prover.prove(nonce === undefined ? request : { ...request, nonce })
}

/**
 * A proof by the key that the page has, which a script there can use and not take along.
 * @param {LabPage} page
 * @param {string} url
 * @param {string} accessToken
 * @param {string} [nonce]
 */
function pageProof(page, url, accessToken, nonce) {
  const facts = JSON.stringify({ url, accessToken, nonce })
  return page.evaluate(`(async ({ url, accessToken, nonce }) => {
    const text = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
      .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
    const encode = (value) => new TextEncoder().encode(value)
    const done = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result) })
    const database = await done(indexedDB.open('coatcheck'))
    const [pair] = await done(database.transaction('dpop-keys').objectStore('dpop-keys').getAll())
    database.close()
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
    const ath = text(await crypto.subtle.digest('SHA-256', encode(accessToken)))
    const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } }
    const payload = { jti: crypto.randomUUID(), htm: 'GET', htu: url, iat: Math.floor(Date.now() / 1000), ath, nonce }
    const input = [header, payload].map((each) => text(encode(JSON.stringify(each)))).join('.')
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, pair.privateKey, encode(input))
    return input + '.' + text(signature)
  })(${facts})`)
}
