// @ts-check
import { randomBytes } from 'node:crypto'
import { createCounter, createProvider, Secret } from 'coatcheck'
import { memoryStore } from 'coatcheck/memory-store'
import { createKeyRing, generateKeyRing } from 'coatcheck/ring'
import { createSealedSessions } from '../../packages/coatcheck/dist/sessions/sealed-sessions.js'
import { createSessions } from '../../packages/coatcheck/dist/sessions/sessions.js'
import { restoreVerifiedTokenSet } from '../../packages/coatcheck/dist/tokens/restore-verified.js'

const ISSUER = 'https://idp.example'
const CLIENT_ID = 'app'

/** Tokens of usual sizes: an access token of 900 characters, an ID token of 1,100. */
export function sampleTokenSet() {
  const segment = (/** @type {number} */ length) =>
    Buffer.alloc(length, 7).toString('base64url').slice(0, length)
  return restoreVerifiedTokenSet({
    issuer: ISSUER,
    clientId: CLIENT_ID,
    subject: 'user-1',
    accessToken: `${segment(100)}.${segment(457)}.${segment(341)}`,
    tokenType: 'Bearer',
    accessTokenKind: 'jwt',
    accessTokenExpiresAt: Date.now() + 86_400_000,
    refreshToken: segment(64),
    idToken: `${segment(100)}.${segment(657)}.${segment(341)}`,
    claims: { sub: 'user-1', name: 'Ada Lovelace', email: 'ada@users.example' },
  })
}

/**
 * A counter on the memory store with one session in it.
 * @param {string} origin
 * @param {string} [upstream]
 */
export async function counterWithSession(origin, upstream) {
  const { counter, cookies } = await counterWithSessions(origin, { upstream })
  return { counter, cookie: cookies[0] ?? '' }
}

/**
 * A counter whose sessions lie in cookies, and the cookie of one.
 * @param {string} origin
 * @param {number} openedCacheEntries
 */
export async function counterWithSealedSession(origin, openedCacheEntries) {
  const ring = createKeyRing(generateKeyRing())
  const provider = createProvider({
    issuer: ISSUER,
    clientId: CLIENT_ID,
    clientSecret: new Secret('not used here'),
  })
  const maker = createSealedSessions({
    ...{ site: origin, issuer: ISSUER, clientId: CLIENT_ID, ring },
    name: `__Host-Http-coatcheck-${new URL(origin).port}`,
    attributes: { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' },
    clock: () => Date.now(),
    random: (length) => new Uint8Array(randomBytes(length)),
    onEvent: () => {},
  })
  const { setCookies } = await maker.create({ tokenSet: sampleTokenSet() }, undefined)
  const sessions = { kind: /** @type {const} */ ('sealed-cookie'), openedCacheEntries }
  const counter = createCounter({ origin, provider, ring, sessions })
  return { counter, cookie: setCookies[0]?.split(';')[0] ?? '' }
}

/**
 * A counter on any store with as many sessions as are asked for.
 * @param {string} origin
 * @param {{ upstream?: string | undefined, store?: import('coatcheck/memory-store').SessionStore, count?: number }} options
 */
export async function counterWithSessions(origin, { upstream, store = memoryStore(), count = 1 }) {
  const ring = createKeyRing(generateKeyRing())
  const provider = createProvider({
    issuer: ISSUER,
    clientId: CLIENT_ID,
    clientSecret: new Secret('not used here'),
  })
  const sessions = createSessions({
    site: origin,
    issuer: ISSUER,
    clientId: CLIENT_ID,
    ring,
    store,
  })
  const { port } = new URL(origin)
  const cookies = []
  for (let index = 0; index < count; index += 1) {
    const { ticket } = await sessions.create({ tokenSet: sampleTokenSet() })
    cookies.push(`__Host-Http-coatcheck-${port}=${ticket}`)
  }
  const counter = createCounter({
    origin,
    provider,
    ring,
    sessions: { store },
    apis: upstream === undefined ? [] : [{ path: '/api/', upstream: `${upstream}/` }],
  })
  return { counter, cookies }
}
