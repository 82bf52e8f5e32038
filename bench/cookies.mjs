// @ts-check
// Sealed session cookies: bytes and number for four providers' token sets, and rates, beside iron-session, Auth.js and
// nextjs-auth0.
import { randomBytes } from 'node:crypto'
import { decode, encode } from '@auth/core/jwt'
import { createKeyRing, generateKeyRing } from 'coatcheck/ring'
import { sealData, unsealData } from 'iron-session'
import { cookieCount } from '../packages/coatcheck/dist/cookies/chunks.js'
import { createSealedCookies } from '../packages/coatcheck/dist/sessions/sealed-cookie.js'
import { restoreVerifiedTokenSet } from '../packages/coatcheck/dist/tokens/restore-verified.js'
import { loadNextjsAuth0 } from './cookies/nextjs-auth0.mjs'
import { createShapes, tokenBytes } from './cookies/shapes.mjs'
import { measureRates, ratio, typicalRates } from './rates.mjs'

export const name = 'cookies'
export const about =
  'A session in cookies: token sets as Auth0, Entra ID, Keycloak and Google make them. Bytes are those of the Cookie header; the peers keep the tokens alone, without the claims that we give back. nextjs-auth0 keeps what its callback keeps: also the usual claims of the user. iron-session leaves cookies of more than 4096 bytes to its user. Rates are of the Auth0 set, medians over rounds in which all take turns.'
export const aim = 'one cookie for each, for Auth0 at most 0.42 of the bytes of iron-session'

const NAME = '__Host-Http-coatcheck'
const [USUAL, SMALLEST, IRON, AUTHJS, NEXTJS] = [
  'coatcheck',
  'coatcheck, always deflated',
  'iron-session 9',
  'Auth.js',
  'nextjs-auth0 4',
]

/**
 * @typedef {import('./cookies/shapes.mjs').Shape} Shape
 * @typedef {{ bytes: number, cookies: number }} Size
 * @typedef {import('./rates.mjs').Sealer & { size: Size }} Contender
 */

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run({ seconds, log }) {
  const shapes = await createShapes()
  const nextjs = await loadNextjsAuth0()
  /** @type {Map<string, Contender[]>} */
  const all = new Map()
  for (const shape of shapes) all.set(shape.title, await createContenders(shape, nextjs))
  const rates = await measureRates(all.get('Auth0') ?? [], { seconds, log })
  const rows = shapes.flatMap((shape) => sizeRows(shape, all.get(shape.title) ?? []))
  return { rows: [...rows, ...rateRows(rates)], figures: figuresOf(shapes, all) }
}

/** @param {Shape} shape @param {readonly Contender[]} contenders */
function sizeRows(shape, contenders) {
  const peer = sizeOf(contenders, IRON).bytes
  return contenders.map(({ title, size }) => ({
    'token set': `${shape.title}, ${tokenBytes(shape)} bytes`,
    contender: title,
    bytes: size.bytes,
    cookies: size.cookies,
    'of iron-session': (size.bytes / peer).toFixed(2),
  }))
}

/** @param {ReadonlyMap<string, import('./rates.mjs').Rates>} rates */
function rateRows(rates) {
  return [...rates.keys()].map((title) => ({
    'token set': 'Auth0, rates',
    contender: title,
    ...typicalRates(rates, title),
    'times iron-session': ['seal', 'open']
      .map((way) => ratio(rates, /** @type {'seal' | 'open'} */ (way), title, IRON).toFixed(1))
      .join(', '),
  }))
}

/** @param {readonly Shape[]} shapes @param {ReadonlyMap<string, Contender[]>} all */
function figuresOf(shapes, all) {
  const auth0 = all.get('Auth0') ?? []
  const ratio = sizeOf(auth0, SMALLEST).bytes / sizeOf(auth0, IRON).bytes
  const most = Math.max(...shapes.map(({ title }) => sizeOf(all.get(title) ?? [], USUAL).cookies))
  return [
    figure('bytes of Auth0, always deflated, of iron-session', ratio, '<= 0.42', ratio <= 0.42),
    figure('cookies of the largest', most, '1', most === 1),
  ]
}

/** @param {string} name @param {number} value @param {string} aim @param {boolean} ok */
function figure(name, value, aim, ok) {
  return { name, value: Number(value.toFixed(3)), aim, ok }
}

/** @param {readonly Contender[]} contenders @param {string} title @returns {Size} */
function sizeOf(contenders, title) {
  return contenders.find((contender) => contender.title === title)?.size ?? { bytes: 0, cookies: 0 }
}

/**
 * @param {Shape} shape
 * @param {Awaited<ReturnType<typeof loadNextjsAuth0>>} nextjs
 * @returns {Promise<Contender[]>}
 */
async function createContenders(shape, nextjs) {
  return [
    sealedCookie(shape, USUAL, 'to_save_a_cookie'),
    sealedCookie(shape, SMALLEST, 'always'),
    await ironSession(shape),
    await authJs(shape),
    ...(nextjs === undefined ? [] : [await nextjsAuth0(shape, nextjs)]),
  ]
}

/**
 * @param {Shape} shape
 * @param {string} title
 * @param {'to_save_a_cookie' | 'always'} deflate
 * @returns {Contender}
 */
function sealedCookie({ tokens }, title, deflate) {
  const { issuer, clientId } = tokens
  const cookies = createSealedCookies({
    ring: createKeyRing(generateKeyRing()),
    site: 'https://app.example',
    issuer,
    clientId,
    name: NAME,
    attributes: { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' },
    clock: () => Date.now(),
    random: (length) => new Uint8Array(randomBytes(length)),
    deflate,
  })
  const createdAt = tokens.accessTokenReceivedAt
  const contents = {
    id: randomBytes(16).toString('base64url'),
    tokenSet: restoreVerifiedTokenSet(tokens),
    createdAt,
    absoluteEndsAt: createdAt + 43_200_000,
  }
  const nobody = cookies.open(undefined)
  const seal = () => cookies.seal(contents, nobody)
  const sealed = seal()
  if (!sealed.ok) throw new Error(`${title}: ${sealed.bytes} bytes`)
  const header = sealed.setCookies.map((line) => line.slice(0, line.indexOf(';'))).join('; ')
  // Tokens are written out when they are asked for, as a request does with the access token.
  const open = () => {
    const opened = cookies.open(header)
    return opened.ok ? opened.contents.tokenSet.accessToken : undefined
  }
  expectToken(open(), tokens)
  return { title, seal, open, size: { bytes: header.length, cookies: sealed.setCookies.length } }
}

/** @param {Shape} shape @returns {Promise<Contender>} */
async function ironSession({ tokens }) {
  const options = { password: randomBytes(32).toString('base64url'), ttl: 0 }
  const { claims: _, ...kept } = tokens
  const value = await sealData(kept, options)
  const opened = /** @type {typeof tokens} */ (await unsealData(value, options))
  expectToken(opened.accessToken, tokens)
  return {
    title: IRON,
    seal: () => sealData(kept, options),
    open: () => unsealData(value, options),
    size: { bytes: NAME.length + 1 + value.length, cookies: cookieCount(NAME, value.length) },
  }
}

/** @param {Shape} shape @returns {Promise<Contender>} */
async function authJs({ tokens }) {
  const name = '__Secure-authjs.session-token'
  const options = { secret: randomBytes(32).toString('base64url'), salt: name }
  const { claims: _, ...kept } = tokens
  const value = await encode({ token: kept, ...options })
  expectToken((await decode({ token: value, ...options }))?.accessToken, tokens)
  const { SessionStore } = await import(
    new URL('lib/utils/cookie.js', import.meta.resolve('@auth/core/jwt')).href
  )
  const store = new SessionStore({ name, options: {} }, {}, { debug: () => {} })
  /** @type {{ name: string, value: string }[]} */
  const cookies = store.chunk(value, {})
  return {
    title: AUTHJS,
    seal: () => encode({ token: kept, ...options }),
    open: () => decode({ token: value, ...options }),
    size: { bytes: headerOf(cookies).length, cookies: cookies.length },
  }
}

/**
 * @param {Shape} shape
 * @param {NonNullable<Awaited<ReturnType<typeof loadNextjsAuth0>>>} nextjs
 * @returns {Promise<Contender>}
 */
async function nextjsAuth0({ tokens }, nextjs) {
  const { seal, open, accessToken, cookies } = await nextjs(tokens)
  expectToken(accessToken, tokens)
  return {
    title: NEXTJS,
    seal,
    open,
    size: { bytes: headerOf(cookies).length, cookies: cookies.length },
  }
}

/** @param {readonly { name: string, value: string }[]} cookies */
function headerOf(cookies) {
  return cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
}

/** @param {unknown} token @param {import('./cookies/shapes.mjs').TokenSet} tokens */
function expectToken(token, tokens) {
  if (token !== tokens.accessToken) throw new Error('what was opened is not what was sealed')
}
