import { describe, expect, it } from 'vitest'
import { cookieJar } from '../../../../test/support/cookie-jar.ts'
import { call } from '../../../../test/support/sealed-site.ts'
import { BINDING, newRing, tokenSet } from '../../../../test/support/session-fixture.ts'
import { sessionCookie } from '../cookies/session-cookie.ts'
import { systemRandom } from '../core/random.ts'
import { memoryStore } from '../sessions/stores/memory.ts'
import { createBrowserSessions } from './session-kinds.ts'

describe('createBrowserSessions', () => {
  it.each(
    [
      { store: memoryStore() },
      { kind: 'sealed-cookie', refreshTokens: 'single-process' } as const,
    ].flatMap(
      (settings) =>
        [
          [false, settings],
          [true, settings],
        ] as const,
    ),
  )(
    'a provider that is an instance of a class renews (control, bound: %s)',
    async (bound, settings) => {
      const asked: string[] = []
      class Traced {
        issuer = BINDING.issuer
        clientId = BINDING.clientId
        refreshReuseGraceSeconds = 0
        asked = asked
        async renew({ refreshToken }: { refreshToken: string }) {
          this.asked.push(refreshToken)
          return {
            kind: 'renewed',
            tokenSet: tokenSet({
              accessToken: 'new',
              refreshToken: 'r2',
              accessTokenExpiresAt: Date.now() + 300_000,
            }),
          }
        }
        async revoke() {}
        constructor() {
          if (bound) this.renew = this.renew.bind(this)
        }
      }
      const ring = newRing()
      const sessions = createBrowserSessions(
        { origin: BINDING.site, provider: new Traced() as never, ring, sessions: settings },
        {
          store: memoryStore(),
          cookie: sessionCookie(BINDING.site, {}),
          clock: Date.now,
          random: systemRandom,
          onEvent: () => {},
        },
      )
      const page = cookieJar()
      page.set(
        (
          await sessions.create(
            {
              tokenSet: tokenSet({
                accessTokenReceivedAt: Date.now() - 290_000,
                accessTokenExpiresAt: Date.now() + 10_000,
              }),
            },
            undefined,
          )
        ).setCookies,
      )
      expect((await call(sessions, page.header())).token).toBe('new')
    },
  )
})
