import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemRandom } from '../../packages/coatcheck/src/core/random.ts'
import { Secret } from '../../packages/coatcheck/src/core/secret.ts'
import { createCounter } from '../../packages/coatcheck/src/counter/counter.ts'
import type { CounterEvent, CounterOptions } from '../../packages/coatcheck/src/counter/options.ts'
import { createProvider } from '../../packages/coatcheck/src/provider/provider.ts'
import { createSealedSessions } from '../../packages/coatcheck/src/sessions/sealed-sessions.ts'
import { manualClock, newRing, tokenSet } from './session-fixture.ts'

export const ORIGIN = 'http://localhost:8080'
export const NAME = '__Host-Http-coatcheck-8080'
export const IDLE_MS = 1_800_000
const ISSUER = 'https://idp.example'

/** A counter with sealed sessions, and the cookie of somebody who is signed in: `tokenMs` is for how long the access token is good. */
export async function sealedCounter(changes: Partial<CounterOptions> = {}, tokenMs = 1e9) {
  const { clock, pass } = manualClock()
  const ring = newRing()
  const events: CounterEvent[] = []
  const counter = createCounter({
    origin: ORIGIN,
    provider: createProvider({
      issuer: ISSUER,
      clientId: 'app',
      clientSecret: new Secret('a secret for this test'),
    }),
    ring,
    sessions: { kind: 'sealed-cookie' },
    pages: { protected: ['/account/*'] },
    clock,
    onEvent: (event) => events.push(event),
    ...changes,
  })
  // What the callback would have set.
  const maker = createSealedSessions({
    ...{ site: ORIGIN, issuer: ISSUER, clientId: 'app', ring, name: NAME, clock },
    attributes: { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' },
    random: systemRandom,
    onEvent: () => {},
  })
  const accessTokenExpiresAt = clock() + tokenMs
  const set = tokenSet({ issuer: ISSUER, clientId: 'app', accessTokenExpiresAt })
  const { setCookies } = await maker.create({ tokenSet: set }, undefined)
  return { counter, clock, pass, events, cookie: setCookies[0]?.split(';')[0] ?? '' }
}

/** Servers on free ports of 127.0.0.1, to be closed together. */
export function servers() {
  const open: Server[] = []
  const others: (() => unknown)[] = []
  return {
    /** Something that is closed with them. */
    closeLater: (close: () => unknown) => void others.push(close),
    /** Starts one; gives its port. */
    listen: async (listener: RequestListener, upgrade?: (...all: never[]) => void) => {
      const server = createServer(listener).listen(0, '127.0.0.1')
      if (upgrade !== undefined) server.on('upgrade', upgrade as never)
      await once(server, 'listening')
      open.push(server)
      return (server.address() as AddressInfo).port
    },
    close: async () => {
      for (const close of others.splice(0)) await close()
      for (const server of open.splice(0)) {
        server.closeAllConnections()
        server.close()
      }
    },
  }
}

/** What a page load by a link on the site itself sends. */
export function navigation(cookie: string) {
  const mode = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
  return { host: 'localhost:8080', cookie, 'sec-fetch-site': 'same-origin', ...mode }
}

/** What a script of the site itself sends to an API. */
export function script(cookie: string) {
  return { host: 'localhost:8080', cookie, 'sec-fetch-site': 'same-origin', 'x-coatcheck': '1' }
}
