// @ts-check
// nextjs-auth0's own session cookies. What it needs of Next.js is elsewhere: its cookies load without.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensurePeer } from '../../scripts/peers.mjs'

const VERSION = '4.30.0'
const HOUR_SECONDS = 3600

/**
 * What seals as nextjs-auth0 does; `undefined` where it cannot be installed.
 * @returns {Promise<((tokens: import('./shapes.mjs').TokenSet) => Promise<Sealed>) | undefined>}
 *
 * @typedef {{
 *   seal: () => Promise<string>, open: () => Promise<unknown>, accessToken: unknown,
 *   cookies: readonly { name: string, value: string }[],
 * }} Sealed
 */
export async function loadNextjsAuth0() {
  const folder = ensurePeer('@auth0/nextjs-auth0', VERSION)
  if (folder === undefined) return undefined
  const load = (/** @type {string} */ file) =>
    import(pathToFileURL(join(folder, 'dist/server', file)).href)
  const [store, cookies, user] = await Promise.all(
    ['session/stateless-session-store.js', 'cookies.js', 'user.js'].map(load),
  )
  return (tokens) => sealedBy({ ...store, ...cookies, ...user }, tokens)
}

/**
 * The session that its callback makes: the tokens, and of the claims those that it keeps by default. Bytes are what
 * its store sets; rates are those of its encryption alone, without cutting into cookies.
 * @param {any} library
 * @param {import('./shapes.mjs').TokenSet} tokens
 * @returns {Promise<Sealed>}
 */
async function sealedBy(library, tokens) {
  const { accessToken, idToken, scope, refreshToken, claims } = tokens
  const secret = randomBytes(32).toString('hex')
  const now = Math.floor(Date.now() / 1000)
  const expiresAt = Math.floor(tokens.accessTokenExpiresAt / 1000)
  const session = {
    user: library.filterDefaultIdTokenClaims(claims),
    tokenSet: { accessToken, idToken, scope, refreshToken, expiresAt },
    internal: { sid: claims.sid ?? '', createdAt: now },
  }
  const store = new library.StatelessSessionStore({ secret, cookieOptions: { secure: true } })
  const answer = new library.ResponseCookies(new Headers())
  await store.set(new library.RequestCookies(new Headers()), answer, session)
  /** @type {{ name: string, value: string }[]} */
  const all = answer.getAll()
  // Those without a value delete what may have been there before.
  const cookies = all.filter(({ value }) => value !== '')
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  const request = new library.RequestCookies(new Headers({ cookie }))
  const opened = await store.get(request)
  const value = cookies.map((each) => each.value).join('')
  return {
    seal: () => library.encrypt(session, secret, now + HOUR_SECONDS),
    open: () => library.decrypt(value, secret),
    accessToken: opened?.tokenSet.accessToken,
    cookies,
  }
}
