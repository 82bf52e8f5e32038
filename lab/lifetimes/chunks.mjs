// @ts-check
// Sessions that take several cookies, in a real browser's jar: parallel answers, a lost chunk, a smaller successor.
import { randomBytes } from 'node:crypto'
import { createKeyRing, generateKeyRing } from 'coatcheck/ring'
import { createSealedCookies } from '../../packages/coatcheck/dist/sessions/sealed-cookie.js'
import { restoreVerifiedTokenSet } from '../../packages/coatcheck/dist/tokens/restore-verified.js'

const NAME = '__Host-Http-chunks-443'
const ISSUER = 'https://idp.example'
const CLIENT_ID = 'app'
const LARGE = 9000
const SLOW_MS = 600

/** What a site answers below `/chunks/`. */
export function createChunkSite() {
  const cookies = createSealedCookies({
    ring: createKeyRing(generateKeyRing()),
    ...{ site: 'https://chunks.localhost', issuer: ISSUER, clientId: CLIENT_ID, name: NAME },
    attributes: { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' },
    clock: () => Date.now(),
    random: (length) => new Uint8Array(randomBytes(length)),
    budgetBytes: 65_536,
  })

  /**
   * @param {URL} url
   * @param {string | undefined} header
   * @returns {Promise<{ body: string, setCookies: readonly string[] }>}
   */
  return async ({ pathname, searchParams }, header) => {
    const request = cookies.open(header)
    const count = (header?.match(new RegExp(NAME, 'g')) ?? []).length
    switch (pathname) {
      case '/chunks/set': {
        const sealed = cookies.seal(
          contentsOf(searchParams.get('mark') ?? '', Number(searchParams.get('bytes'))),
          request,
        )
        // Sealed first, and on its way longer than what is sealed after it.
        if (searchParams.has('slow')) await new Promise((resolve) => setTimeout(resolve, SLOW_MS))
        return { body: 'set', setCookies: sealed.ok ? sealed.setCookies : [] }
      }
      case '/chunks/drop': {
        const [first = ''] = request.names
        return {
          body: first,
          setCookies: [`${first}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict`],
        }
      }
      case '/chunks/clear':
        return { body: 'cleared', setCookies: cookies.clear(request) }
      default: {
        const what = request.ok ? request.contents.tokenSet.subject : request.reason
        return { body: `${what}, ${count}`, setCookies: [] }
      }
    }
  }
}

/**
 * @param {import('../browsers/browsers.mjs').LabPage} page
 * @param {string} origin
 * @returns {Promise<{ what: string, expected: string, seen: string }[]>}
 */
export async function chunkRows(page, origin) {
  await page.goto(`${origin}/chunks/read`)
  const ask = (/** @type {string} */ path) =>
    page.evaluate(`fetch('/chunks/${path}').then((answer) => answer.text())`)
  const both = (/** @type {string} */ one, /** @type {string} */ other) =>
    page.evaluate(
      `Promise.all([fetch('/chunks/${one}'), new Promise((resolve) => setTimeout(resolve, 100)).then(() => fetch('/chunks/${other}'))]).then(() => 'done')`,
    )
  /** @type {{ what: string, expected: string, seen: string }[]} */
  const rows = []
  const row = async (/** @type {string} */ what, /** @type {string} */ expected) =>
    rows.push({ what, expected, seen: await ask('read') })
  await ask(`set?bytes=${LARGE}&mark=first`)
  await row('a session of 12 KB, read again', 'first, 3')
  await both(`set?bytes=${LARGE}&mark=second&slow`, `set?bytes=${LARGE}&mark=third`)
  await row('two answers at once, the newer one overtakes', 'third, 6')
  await ask(`set?bytes=${LARGE}&mark=fourth`)
  await row('the next one deletes both', 'fourth, 3')
  await ask('drop')
  await row('a chunk is lost', 'incomplete, 2')
  await ask('clear')
  await ask(`set?bytes=${LARGE}&mark=fifth`)
  await ask('set?bytes=100&mark=sixth')
  await row('a smaller one in its place', 'sixth, 1')
  await ask('clear')
  await row('signed out', 'absent, 0')
  return rows
}

/**
 * @param {string} subject
 * @param {number} bytes
 */
function contentsOf(subject, bytes) {
  const now = Date.now()
  return {
    id: randomBytes(16).toString('base64url'),
    tokenSet: restoreVerifiedTokenSet({
      ...{ issuer: ISSUER, clientId: CLIENT_ID, subject, claims: { sub: subject } },
      ...{ accessToken: 'opaque', tokenType: 'Bearer', accessTokenKind: 'opaque' },
      refreshToken: randomBytes(bytes).toString('base64url'),
    }),
    createdAt: now,
    absoluteEndsAt: now + 43_200_000,
  }
}
