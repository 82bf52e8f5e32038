import { describe, expect, it } from 'vitest'
import { cookieJar } from '../../../../test/support/cookie-jar.ts'
import { found, NAME, sealedSite, signedIn } from '../../../../test/support/sealed-site.ts'
import { tokenSet } from '../../../../test/support/session-fixture.ts'
import { encodeBase64url } from '../core/bytes.ts'
import { systemRandom } from '../core/random.ts'

describe('createSealedSessions, what a browser may bring', () => {
  it('T-SESSION-02 the session of who was there before does not come back when the newer one is gone', async () => {
    const { start, pass } = sealedSite()
    const settings = { remembered: {}, rememberSeconds: 2_592_000 }
    const [here, elsewhere] = [start(settings), start(settings)]
    const page = cookieJar()
    const anna = {
      ...tokenSet(),
      accessToken: tokenSet().accessToken,
      subject: 'anna',
      claims: { sub: 'anna' },
      refreshToken: undefined,
      idToken: undefined,
    }
    const first = await here.create(
      { tokenSet: tokenSet(anna as never), remembered: true },
      undefined,
    )
    page.set(first.setCookies)
    pass(1000)
    // Ben signs in over it, without being remembered; what the callback does:
    const former = await found(here, page.header())
    const ben = await here.create(
      { tokenSet: tokenSet({ idToken: encodeBase64url(systemRandom(3000)) }) },
      page.header(),
    )
    expect(ben.setCookies.length).toBeGreaterThan(1)
    await here.end(former, 'replaced', { revoke: true })
    page.set(ben.setCookies)
    expect((await found(here, page.header())).tokenSet.subject).not.toBe('anna')
    // The browser closes: what has no Max-Age goes.
    const kept = [...page.cookies].filter(([name]) => name === NAME)
    const header = kept.map(([n, v]) => `${n}=${v}`).join('; ')
    const reading = await elsewhere.read(header)
    expect(reading.ok ? reading.session.tokenSet.subject : 'nobody').toBe('nobody')
  })

  it('T-COOKIE-04 hostile headers throw nothing', async () => {
    const { start, tickets } = sealedSite()
    const sessions = start({ tickets: tickets() })
    const { page } = await signedIn(sessions)
    const parts = [
      NAME,
      '=',
      ';',
      ' ',
      '\t',
      '-',
      `${NAME}-000000000000-0=2`,
      `${NAME}-000000000000-1=x`,
      page.header(),
      'A'.repeat(64),
      'AQ'.repeat(32),
      '\u0000',
      '\u00ff',
      '\ud800',
      '"',
      '9',
      '[{"name":',
    ]
    let seed = 7
    const next = (n: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648
      return seed % n
    }
    for (let n = 0; n < 3000; n += 1) {
      const header = Array.from({ length: next(9) }, () => parts[next(parts.length)]).join('')
      const reading = await sessions.read(header)
      if (reading.ok) await sessions.touch(reading.session)
      sessions.clear(header)
      if (n % 20 === 0) await sessions.twins(header)
    }
  })
})
