// @ts-check
import { createCounter, createProvider, Secret } from 'coatcheck'
import { memoryStore } from 'coatcheck/memory-store'
import { createKeyRing, generateKeyRing } from 'coatcheck/ring'
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
