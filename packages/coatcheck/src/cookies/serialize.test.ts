import { describe, expect, it } from 'vitest'
import { cookieNames } from './names.ts'
import { type CookieAttributes, deleteCookie, serializeCookie } from './serialize.ts'

const TICKET: CookieAttributes = { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' }

describe('serializeCookie', () => {
  it('T-COOKIE-01 writes every attribute', () => {
    expect(serializeCookie('__Host-Http-coatcheck', 'v', TICKET)).toBe(
      '__Host-Http-coatcheck=v; Path=/; Secure; HttpOnly; SameSite=Strict',
    )
  })

  it('T-COOKIE-01 refuses a prefix whose promise the attributes break', () => {
    const broken: CookieAttributes[] = [
      { ...TICKET, secure: false },
      { ...TICKET, httpOnly: false },
      { ...TICKET, path: '/app' },
      { ...TICKET, domain: 'example.com' },
    ]
    for (const attributes of broken) {
      expect(() => serializeCookie('__Host-Http-x', 'v', attributes)).toThrow(/wrong|prefix|Path/)
      expect(() => serializeCookie('__hOST-hTTP-x', 'v', attributes)).toThrow()
    }
  })

  it('refuses what would split or cut the header', () => {
    for (const value of ['a;b', 'a b', 'a,b', 'a"b', 'a\\b', 'ü', 'a\r\nb', 'a\u0000']) {
      expect(() => serializeCookie('x', value, TICKET)).toThrow()
    }
    for (const name of ['', 'a b', 'a=b', 'a;b', 'ä', 'a\n']) {
      expect(() => serializeCookie(name, 'v', TICKET)).toThrow()
    }
    expect(() => serializeCookie('x', 'v', { ...TICKET, path: '/;a' })).toThrow()
  })

  it('refuses more than browsers keep: 4096 bytes of name and value', () => {
    expect(serializeCookie('x', 'v'.repeat(4095), TICKET)).toContain('x=v')
    expect(() => serializeCookie('x', 'v'.repeat(4096), TICKET)).toThrow(/4097/)
  })

  it('refuses SameSite=None without Secure', () => {
    expect(() =>
      serializeCookie('x', 'v', { ...TICKET, secure: false, sameSite: 'None' }),
    ).toThrow()
  })

  it('deletes with the attributes that the cookie was set with', () => {
    expect(deleteCookie('__Host-Http-x', TICKET)).toBe(
      '__Host-Http-x=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict',
    )
  })
})

describe('cookieNames', () => {
  it('has the port in the name on loopback alone, where cookies are shared between ports', () => {
    expect(cookieNames('https://app.example').ticket).toBe('__Host-Http-coatcheck')
    expect(cookieNames('https://app.example:8443').ticket).toBe('__Host-Http-coatcheck')
    expect(cookieNames('http://localhost:8080').ticket).toBe('__Host-Http-coatcheck-8080')
    expect(cookieNames('https://localhost').ticket).toBe('__Host-Http-coatcheck-443')
    expect(cookieNames('http://127.0.0.1:1').ticket).toBe('__Host-Http-coatcheck-1')
  })
})
