import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { joinCookies } from './found-chunks.ts'
import {
  findCookie,
  headerSizes,
  listCookieNames,
  listCookies,
  listCookieValues,
  withoutOwnCookies,
} from './parse.ts'

const TICKET = '__Host-Http-coatcheck'

/** What RFC 6265bis lets a server see, by its letter: pairs between semicolons, white space off their ends. */
function byTheLetter(header: string): readonly (readonly [string, string])[] {
  return header
    .split(';')
    .filter((pair) => pair.includes('='))
    .map((pair) => {
      const equals = pair.indexOf('=')
      const name = pair.slice(0, equals).replace(/^[ \t]+/, '')
      return [name, pair.slice(equals + 1).replace(/^[ \t]+|[ \t]+$/g, '')] as const
    })
}

function readAll(header: string): void {
  findCookie(header, TICKET)
  listCookies(header, TICKET)
  listCookieNames(header, '')
  listCookieValues(header, TICKET, 8)
  withoutOwnCookies(header, 'coatcheck')
  headerSizes(header, [TICKET])
  joinCookies(header, TICKET)
}

describe('a Cookie header, as RFC 6265bis lets a server see it', () => {
  it('T-COOKIE-04 is read by the letter, whatever it holds', () => {
    const name = fc.constantFrom(
      'a',
      'aa',
      'b',
      TICKET,
      TICKET.toUpperCase(),
      '',
      '__proto__',
      'a b',
    )
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('=', '==', '"', ''),
    )
    const pair = fc.tuple(
      fc.constantFrom('', ' ', '\t'),
      name,
      fc.constantFrom('=', '', ' ='),
      text,
    )
    const header = fc.array(pair.map((parts) => parts.join(''))).map((pairs) => pairs.join(';'))
    fc.assert(
      fc.property(header, (given) => {
        readAll(given)
        const pairs = byTheLetter(given)
        for (const wanted of ['a', 'b', TICKET, '__proto__', 'toString']) {
          const values = pairs.filter(([each]) => each === wanted).map(([, value]) => value)
          expect(listCookies(given, wanted).filter(({ name: each }) => each === wanted)).toEqual(
            values.map((value) => ({ name: wanted, value })),
          )
          const reading = findCookie(given, wanted)
          if (values.length === 0) expect(reading).toEqual({ ok: false, reason: 'absent' })
          if (values.length === 1) expect(reading).toEqual({ ok: true, value: values[0] })
          if (values.length > 1) expect(reading).toEqual({ ok: false, reason: 'twins' })
        }
      }),
      { numRuns: 150 },
    )
  })

  it('T-COOKIE-04 has nameless cookies that imitate: as a twin nothing is used', () => {
    // `Set-Cookie: =__Host-Http-coatcheck=evil` is sent back as the value alone.
    const nameless = `${TICKET}=evil`
    expect(findCookie(`${TICKET}=good; ${nameless}`, TICKET)).toEqual({
      ok: false,
      reason: 'twins',
    })
    expect(joinCookies(`${nameless}; ${TICKET}=good`, TICKET)).toMatchObject({ reason: 'twins' })
    expect(findCookie(`=${nameless}`, TICKET)).toEqual({ ok: false, reason: 'absent' })
    expect(findCookie(`${TICKET}; x=1`, TICKET)).toEqual({ ok: false, reason: 'absent' })
  })

  it('keeps quotes, equals signs, commas and percent signs as they are', () => {
    for (const value of ['"quoted"', '"', 'a=b==', '=', 'a,b', '%3D', '%', '{"a":1}']) {
      expect(findCookie(`x=1; t=${value}; y=2`, 't')).toEqual({ ok: true, value })
    }
    expect(findCookie('t="a;b"', 't')).toEqual({ ok: true, value: '"a' })
  })

  it('keeps control characters and 8-bit letters away from names and structure', () => {
    for (const strange of [
      '\u0000',
      '\u0001',
      '\u000b',
      '\u007f',
      '\u0085',
      '\u00a0',
      '\u00ff',
      '\n',
    ]) {
      expect(findCookie(`t=a${strange}b`, 't')).toEqual({ ok: true, value: `a${strange}b` })
      expect(findCookie(`${strange}t=a`, 't')).toEqual({ ok: false, reason: 'absent' })
      expect(findCookie(`t${strange}=a`, 't')).toEqual({ ok: false, reason: 'absent' })
      expect(findCookie(`x=1${strange}t=a`, 't')).toEqual({ ok: false, reason: 'absent' })
    }
  })

  it('has no prototype keys', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      expect(findCookie('a=1', name)).toEqual({ ok: false, reason: 'absent' })
      expect(findCookie(`${name}=1`, name)).toEqual({ ok: true, value: '1' })
    }
    const named = listCookies('__proto__=1; a=2', '')
    expect(named).toEqual([
      { name: '__proto__', value: '1' },
      { name: 'a', value: '2' },
    ])
  })

  it('T-COOKIE-05 finds one among a hundred, and reads 64 KB of anything', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => `c${index}=${'v'.repeat(40)}`)
    expect(findCookie([...hundred, 't=x'].join('; '), 't')).toEqual({ ok: true, value: 'x' })
    expect(findCookie(hundred.join('; '), 't')).toEqual({ ok: false, reason: 'absent' })
    for (const unit of [
      ' ',
      '\t',
      ';',
      '=',
      't',
      't=',
      't ',
      ' t',
      ';=',
      '; ',
      `${TICKET}=`,
      `${TICKET}-`,
      `; ${TICKET}`,
      `${TICKET}=a;`,
      `;${TICKET}-0trobc00aaaa-0=2`,
      '\u0000',
      '\ud800',
      '\u00ff',
    ]) {
      const header = unit.repeat(Math.ceil(65_536 / unit.length))
      expect(() => readAll(header)).not.toThrow()
      expect(() => findCookie(header, 't')).not.toThrow()
    }
  })
})
