// @ts-check
// Two sites of one provider on two registrable domains, over HTTPS, each with a counter, a store and a server of its own.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { openDataFolder, sampleCertificate, startDevProvider } from '@coatcheck/dev'
import { allowInsecureHttp, createCounter, createProvider, Secret } from 'coatcheck'
import { memoryStore } from 'coatcheck/memory-store'
import { createNodeHandler } from 'coatcheck/node'
import { createKeyRing, generateKeyRing } from 'coatcheck/ring'
import { createLetters } from '../../packages/coatcheck/dist/login/hand-off-letters.js'
import { freePort, temporaryFolder } from '../../test/support/dev-process.ts'
import { send } from '../../test/support/send.ts'

const SOURCE = 'members.localhost'
const TARGET = 'shop.localhost'
const OTHER = 'https://other.localhost'

/**
 * A request that was caught on its way.
 * @typedef {{ url: string, cookie: string }} Caught
 */

/** Starts both, and the provider that they share. */
export async function startSites() {
  const folder = temporaryFolder()
  const { file } = await sampleCertificate(openDataFolder(folder.path))
  const pem = readFileSync(file)
  folder.remove()
  const [sourceOrigin, targetOrigin] = [
    `https://${SOURCE}:${await freePort()}`,
    `https://${TARGET}:${await freePort()}`,
  ]
  const provider = await startDevProvider({
    clientOrigin: sourceOrigin,
    furtherClients: [{ clientId: 'shop', origin: targetOrigin }],
  })
  const [shared, otherRing] = [createKeyRing(generateKeyRing()), createKeyRing(generateKeyRing())]
  // Time passes when it is told to.
  const time = { skewMs: 0 }
  const clock = () => Date.now() + time.skewMs
  const common = { pem, provider, clock }
  const source = await startSite(common, sourceOrigin, provider.clientId, {
    to: [
      { origin: targetOrigin, ring: shared },
      // A partner as good as the target, for whom no code is meant.
      { origin: OTHER, ring: otherRing },
    ],
  })
  const target = await startSite(common, targetOrigin, 'shop', {
    from: [{ origin: sourceOrigin, ring: shared }],
  })
  /** Letters as the server of a site writes them. @param {string} origin */
  const lettersOf = (origin) =>
    createLetters({ origin, fetch: overLoopback, clock, random: (length) => randomBytes(length) })
  return {
    source,
    target,
    time,
    /**
     * What the server of a partner gets for a code: the target's, or the other one's.
     * @param {'target' | 'other'} as
     * @param {{ code: string, verifier: string }} given
     */
    redeem: (as, given) =>
      as === 'target'
        ? lettersOf(targetOrigin).send({ origin: sourceOrigin, ring: shared }, 'redeem', given)
        : lettersOf(OTHER).send({ origin: sourceOrigin, ring: otherRing }, 'redeem', given),
    close: async () => {
      await source.close()
      await target.close()
      await provider.close()
    },
  }
}

/** @param {number} length */
function randomBytes(length) {
  return crypto.getRandomValues(new Uint8Array(length))
}

/**
 * @param {{ pem: Buffer, provider: import('@coatcheck/dev').DevProvider, clock: () => number }} common
 * @param {string} origin
 * @param {string} clientId
 * @param {Omit<import('coatcheck').HandOffOptions, 'fetch'>} partners
 */
async function startSite({ pem, provider, clock }, origin, clientId, partners) {
  const counter = createCounter({
    origin,
    provider: createProvider({
      issuer: provider.issuer,
      clientId,
      clientSecret: new Secret(provider.clientSecret),
      [allowInsecureHttp]: true,
    }),
    ring: createKeyRing(generateKeyRing()),
    sessions: { store: memoryStore({ clock }) },
    pages: { protected: ['/account/*'] },
    handOff: { ...partners, fetch: overLoopback },
    clock,
  })
  const handler = createNodeHandler(counter, {
    pass: (request, response) => {
      if (request.url === '/probe') {
        answerProbe(request, response)
        return
      }
      response.writeHead(200, { 'content-type': 'text/html' })
      response.end(
        '<!doctype html><title>page</title><a id="hand-off" href="/auth/hand-off?return=/account/">Sign in with members</a><form id="out" method="post" action="/auth/sign-out"><button>Sign out</button></form>',
      )
    },
  })
  /** @type {Caught[]} */
  const caught = []
  let created = 0
  counter.on('session.created', () => {
    created += 1
  })
  const state = { catches: false }
  const server = createServer({ key: pem, cert: pem }, (request, response) => {
    if (state.catches && request.url?.startsWith('/auth/hand-off/callback?')) {
      // Somebody on the way has it; the server never saw it.
      caught.push({ url: `${origin}${request.url}`, cookie: request.headers.cookie ?? '' })
      response.end('<title>caught</title>')
    } else handler(request, response)
  }).listen(Number(new URL(origin).port), '127.0.0.1')
  await once(server, 'listening')
  return {
    origin,
    /** How many sessions have begun. */
    created: () => created,
    /** Catches callbacks of hand-offs from now on, or no more. @param {boolean} does */
    catchCodes: (does) => {
      state.catches = does
    },
    /** What was caught last. @returns {Caught} */
    lastCaught: () => {
      const last = caught.pop()
      if (last === undefined) throw new Error('nothing was caught')
      return last
    },
    close: async () => {
      await counter.close()
      server.closeAllConnections()
      server.close()
    },
  }
}

// A cookie as third parties have them, and whether it came along.
/** @type {NonNullable<import('coatcheck/node').NodeHandlerOptions['pass']>} */
function answerProbe(request, response) {
  response.writeHead(200, {
    'set-cookie': 'probe=1; Secure; SameSite=None; Path=/',
    'access-control-allow-origin': request.headers.origin ?? '*',
    'access-control-allow-credentials': 'true',
  })
  response.end(request.headers.cookie?.includes('probe=1') === true ? 'sent' : 'none sent')
}

/**
 * The names below .localhost are this machine, which not every resolver knows.
 * @type {NonNullable<import('coatcheck').HandOffOptions['fetch']>}
 */
async function overLoopback(address, init) {
  const url = new URL(address)
  const headers = Object.fromEntries(new Headers(init.headers))
  const { host } = url
  url.hostname = '127.0.0.1'
  return send(url.href, { method: init.method ?? 'GET', headers: { ...headers, host } })
}

/**
 * A page load from 127.0.0.1, as a browser's own page asks for it.
 * @param {string} address
 * @param {string} cookie
 * @param {'cross-site' | 'same-origin'} [from]
 */
export function visit(address, cookie, from = 'cross-site') {
  const url = new URL(address)
  const { host } = url
  url.hostname = '127.0.0.1'
  const headers = {
    host,
    'sec-fetch-site': from,
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
    accept: 'text/html',
    ...(cookie === '' ? {} : { cookie }),
  }
  return send(url.href, { headers })
}
