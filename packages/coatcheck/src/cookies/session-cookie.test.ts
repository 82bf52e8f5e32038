import { describe, expect, it } from 'vitest'
import { deleteCookie, serializeCookie } from './serialize.ts'
import { type SessionCookieOptions, sessionCookie, sessionCookieFaults } from './session-cookie.ts'

const ORIGIN = 'https://app.example.com'
const DAY = 86_400

function written(options: SessionCookieOptions, origin = ORIGIN): string {
  const { names, attributes } = sessionCookie(origin, options)
  return serializeCookie(names.ticket, 'v', attributes)
}

describe('sessionCookie', () => {
  it('T-COOKIE-01 T-COOKIE-02 sets every attribute, and the longest promise that the scope allows', () => {
    const table: readonly (readonly [SessionCookieOptions, string])[] = [
      [{}, '__Host-Http-coatcheck=v; Path=/; Secure; HttpOnly; SameSite=Strict'],
      [{ sameSite: 'lax' }, '__Host-Http-coatcheck=v; Path=/; Secure; HttpOnly; SameSite=Lax'],
      [{ sameSite: 'none' }, '__Host-Http-coatcheck=v; Path=/; Secure; HttpOnly; SameSite=None'],
      [{ name: 'app' }, '__Host-Http-app=v; Path=/; Secure; HttpOnly; SameSite=Strict'],
      [
        { domain: 'example.com' },
        '__Http-coatcheck=v; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=Strict',
      ],
      [
        { lifetime: { maxAgeSeconds: DAY } },
        '__Host-Http-coatcheck=v; Path=/; Max-Age=86400; Secure; HttpOnly; SameSite=Strict',
      ],
      [
        { embedded: true },
        '__Host-Http-coatcheck=v; Path=/; Secure; HttpOnly; SameSite=None; Partitioned',
      ],
    ]
    for (const [options, expected] of table) {
      expect(written(options)).toBe(expected)
      expect(sessionCookieFaults(ORIGIN, options, 30 * DAY)).toEqual([])
    }
  })

  it('deletes with exactly the attributes that it sets, but for the lifetime', () => {
    for (const options of [
      {},
      { domain: 'example.com' },
      { embedded: true },
      { lifetime: { maxAgeSeconds: DAY } },
    ]) {
      const { names, attributes } = sessionCookie(ORIGIN, options)
      const plain = (text: string): string => text.replace('=v;', '=;').replace(/ Max-Age=\d+;/, '')
      expect(plain(deleteCookie(names.ticket, attributes))).toBe(plain(written(options)))
      expect(deleteCookie(names.ticket, attributes)).toContain('; Max-Age=0;')
    }
  })

  it('puts the port into the name on loopback, in every scope', () => {
    expect(written({ name: 'app' }, 'http://localhost:8080')).toContain('__Host-Http-app-8080=')
    const shared = written({ domain: 'app.localhost' }, 'https://a.app.localhost:8443')
    expect(shared).toContain('__Http-coatcheck-8443=v; Path=/; Domain=app.localhost;')
  })

  it('keeps the cookies of a sign-in to one host, whoever shares the session', () => {
    const { names } = sessionCookie(ORIGIN, { domain: 'example.com' })
    expect(names.transactionPrefix).toBe('__Host-Http-coatcheck-in-')
  })
})

describe('sessionCookieFaults', () => {
  it('tells each option that browsers would drop, and each combination without a meaning', () => {
    const table: readonly (readonly [SessionCookieOptions, string])[] = [
      [{ name: '__Host-x' }, 'cookie.name'],
      [{ name: 'a b' }, 'cookie.name'],
      [{ name: '' }, 'cookie.name'],
      [{ domain: '.example.com' }, 'no leading dot'],
      [{ domain: 'EXAMPLE.com' }, 'lower case'],
      [{ domain: 'com' }, 'two labels'],
      [{ domain: '1.2.3.4' }, 'must be a domain'],
      [{ domain: 'other.com' }, 'parent of it'],
      [{ domain: 'b.example.com' }, 'parent of it'],
      [{ domain: 'ple.com' }, 'parent of it'],
      [{ domain: 'example.com;x' }, 'must be a domain'],
      [{ embedded: true, sameSite: 'strict' }, 'cannot go with cookie.embedded'],
      [{ embedded: true, domain: 'example.com' }, 'leave one out'],
      [{ lifetime: { maxAgeSeconds: 0 } }, 'must be whole'],
      [{ lifetime: { maxAgeSeconds: 1.5 } }, 'must be whole'],
      [{ lifetime: { maxAgeSeconds: 401 * DAY } }, 'no cookie longer'],
      [{ lifetime: { maxAgeSeconds: 31 * DAY } }, 'sessions.absoluteSeconds'],
    ]
    for (const [options, part] of table) {
      expect(sessionCookieFaults(ORIGIN, options, 30 * DAY).join(), part).toContain(part)
    }
    const local = sessionCookieFaults('http://127.0.0.1:80', { domain: 'a.b' }, DAY)
    expect(local.join()).toContain('parent of it')
  })
})
