import { describe, expect, it } from 'vitest'
import { findCookie, listCookieNames, withoutOwnCookies } from './parse.ts'

describe('findCookie', () => {
  it('finds a cookie among others, wherever it stands', () => {
    expect(findCookie('a=1; t=x; b=2', 't')).toEqual({ ok: true, value: 'x' })
    expect(findCookie('t=x', 't')).toEqual({ ok: true, value: 'x' })
    expect(findCookie('a=1;t=x', 't')).toEqual({ ok: true, value: 'x' })
    expect(findCookie('a=1;\t t=x ;b', 't')).toEqual({ ok: true, value: 'x' })
  })

  it('takes no part of another name or value for the name', () => {
    expect(findCookie('at=1; ta=2; a=t=3', 't')).toEqual({ ok: false, reason: 'absent' })
    expect(findCookie('a="; t=x"', 't')).toEqual({ ok: true, value: 'x"' })
    expect(findCookie('T=1', 't')).toEqual({ ok: false, reason: 'absent' })
  })

  it('keeps equals signs in values', () => {
    expect(findCookie('t=a=b==', 't')).toEqual({ ok: true, value: 'a=b==' })
  })

  it('T-COOKIE-04 uses none of two cookies of one name', () => {
    expect(findCookie('t=1; t=2', 't')).toEqual({ ok: false, reason: 'twins' })
    expect(findCookie('t=1; a=3; t=1', 't')).toEqual({ ok: false, reason: 'twins' })
  })

  it('never throws and never finds a prototype key', () => {
    for (const header of [
      '',
      ';',
      '=',
      '=;=',
      '\u0000',
      'a',
      ';;;;t',
      '%',
      '\ud800',
      `${' '.repeat(65536)}t`,
    ]) {
      expect(findCookie(header, 't').ok).toBe(false)
    }
    expect(findCookie('a=1', '__proto__').ok).toBe(false)
    expect(findCookie(undefined, 't').ok).toBe(false)
  })
})

describe('listCookieNames', () => {
  it('lists names with a prefix', () => {
    expect(listCookieNames('p-1=a; q=b;p-2=c; =p-3; p-4', 'p-')).toEqual(['p-1', 'p-2'])
  })
})

describe('withoutOwnCookies', () => {
  it('removes ours in any letter case and the nameless one that imitates it', () => {
    expect(
      withoutOwnCookies('__Host-x=1; theme=dark; __hOST-X-in-2=3; =__http-X=4; x=5', 'x'),
    ).toBe('theme=dark; x=5')
    expect(withoutOwnCookies('__Host-x=1', 'x')).toBeUndefined()
    expect(withoutOwnCookies(undefined, 'x')).toBeUndefined()
  })
})
