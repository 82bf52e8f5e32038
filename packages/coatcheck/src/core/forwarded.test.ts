import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressOf, readForwarded } from './forwarded.ts'

describe('readForwarded', () => {
  it('reads the examples of RFC 7239, section 4', () => {
    expect(readForwarded('for="_gazonk"')).toEqual([{ for: '_gazonk' }])
    expect(readForwarded('For="[2001:db8:cafe::17]:4711"')).toEqual([
      { for: '[2001:db8:cafe::17]:4711' },
    ])
    expect(readForwarded('for=192.0.2.60;proto=http;by=203.0.113.43')).toEqual([
      { for: '192.0.2.60', proto: 'http', by: '203.0.113.43' },
    ])
    expect(readForwarded('for=192.0.2.43, for=198.51.100.17')).toEqual([
      { for: '192.0.2.43' },
      { for: '198.51.100.17' },
    ])
    expect(readForwarded('for=192.0.2.43,for="[2001:db8:cafe::17]",for=unknown')).toEqual([
      { for: '192.0.2.43' },
      { for: '[2001:db8:cafe::17]' },
      { for: 'unknown' },
    ])
    // Section 7.1: a value in quotes, with a separator in it.
    expect(readForwarded('for="a,b;c";PROTO=HTTPS;host="app.example:8443"')).toEqual([
      { for: 'a,b;c', proto: 'https', host: 'app.example:8443' },
    ])
    expect(readForwarded('for="a\\"b"')).toEqual([{ for: 'a"b' }])
  })

  it.each([
    '',
    ',',
    'for',
    'for=',
    '=a',
    'for=192.0.2.1;',
    'for=192.0.2.1,',
    ',for=192.0.2.1',
    'for=192.0.2.1;;proto=http',
    'for=192.0.2.1 proto=http',
    'for=[2001:db8::1]',
    'for=192.0.2.1:80',
    'for="192.0.2.1',
    'for=a"b"',
    'for=192.0.2.1;for=192.0.2.2',
    'for=192.0.2.1;FOR=192.0.2.2',
    'for=a\u0000b',
    'for="a\nb"',
    'for=ä',
    `for=${'a'.repeat(5000)}`,
    Array(40).fill('for=a').join(','),
  ])('believes nothing of %j', (header) => {
    expect(readForwarded(header)).toBeUndefined()
  })

  it('never throws, and gives back what was written by its grammar', () => {
    fc.assert(fc.property(fc.string(), (text) => void readForwarded(text)))
    const value = fc.string({ unit: fc.constantFrom(...' \t!#[]:;,=azAZ09"\\'), minLength: 0 })
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 8 }), (values) => {
        const quoted = values.map((text) => `for="${text.replace(/["\\]/g, '\\$&')}"`)
        expect(readForwarded(quoted.join(' ,\t'))?.map((each) => each.for)).toEqual(values)
      }),
    )
  })
})

describe('addressOf', () => {
  it('takes the port off an address, and nothing else for one', () => {
    expect(addressOf('192.0.2.1')).toBe('192.0.2.1')
    expect(addressOf('192.0.2.1:4711')).toBe('192.0.2.1')
    expect(addressOf('[2001:db8::1]')).toBe('2001:db8::1')
    expect(addressOf('[2001:db8::1]:4711')).toBe('2001:db8::1')
    expect(addressOf('2001:db8::1')).toBe('2001:db8::1')
    for (const odd of ['unknown', '_hidden', 'app.example', '[::1', '192.0.2.1:x', '', 'a b']) {
      expect(addressOf(odd), odd).toBeUndefined()
    }
    expect(addressOf(undefined)).toBeUndefined()
  })
})
