import { describe, expect, it } from 'vitest'
import { readApiAddresses } from './api-addresses.ts'

const allows = (address: string, entries: readonly string[], insecure = false): boolean =>
  readApiAddresses(entries, insecure)(new URL(address))

const V1 = ['https://api.example/v1/']

describe('readApiAddresses', () => {
  it.each([
    'https://api.example/v1/',
    'https://api.example/v1',
    'https://api.example/v1/orders?of=me#top',
    'https://API.example:443/v1/orders',
    'https://api.example/v1/a%2Fb',
    'https://api.example/v1/x/../orders',
  ])('takes %s', (address) => {
    expect(allows(address, V1)).toBe(true)
  })

  it.each([
    ['another scheme', 'http://api.example/v1/orders'],
    ['another port', 'https://api.example:8443/v1/orders'],
    ['another host', 'https://evil.test/v1/orders'],
    ['a host that begins alike', 'https://api.example.evil.test/v1/orders'],
    ['a host that ends alike', 'https://evil-api.example/v1/orders'],
    ['a subdomain', 'https://x.api.example/v1/orders'],
    ['a user name that looks like the host', 'https://api.example@evil.test/v1/'],
    ['a user name', 'https://me@api.example/v1/orders'],
    ['a path that begins alike', 'https://api.example/v10/orders'],
    ['a path that begins alike, after a dot', 'https://api.example/v1.evil/'],
    ['another path', 'https://api.example/admin'],
    ['dot segments', 'https://api.example/v1/../admin'],
    ['dot segments, encoded', 'https://api.example/v1/%2e%2e/admin'],
    ['an encoded slash behind dots', 'https://api.example/v1/..%2fadmin'],
    ['an encoded slash before dots', 'https://api.example/v1/x%2f..%2F..%2fadmin'],
    ['an encoded backslash', 'https://api.example/v1/..%5cadmin'],
    ['dots and slashes, twice encoded', 'https://api.example/v1/%252e%252e%252fadmin'],
    ['a parameter behind dots', 'https://api.example/v1/..;/admin'],
    ['a backslash', 'https://api.example/v1/..\\admin'],
    ['another letter case in the path', 'https://api.example/V1/orders'],
    ['a host with a dot at its end', 'https://api.example./v1/orders'],
    ['data', 'data:text/plain,https://api.example/v1/'],
    ['blob', 'blob:https://api.example/v1/'],
    ['a file', 'file:///v1/'],
  ])('T-BROWSER-02 refuses %s', (_, address) => {
    expect(allows(address, V1)).toBe(false)
  })

  it('takes an entry without a slash at its end as a segment, too', () => {
    expect(allows('https://api.example/v1/orders', ['https://api.example/v1'])).toBe(true)
    expect(allows('https://api.example/v10', ['https://api.example/v1'])).toBe(false)
  })

  it('takes an origin as all of its paths', () => {
    expect(allows('https://api.example/anything', ['https://api.example'])).toBe(true)
  })

  it.each(['http://localhost:3000/x', 'http://127.0.0.1:3000/x', 'http://[::1]:3000/x'])(
    'takes plain http on this machine by the named exception alone: %s',
    (address) => {
      const { origin } = new URL(address)
      expect(allows(address, [origin], true)).toBe(true)
      expect(() => readApiAddresses([origin], false)).toThrow(/https/)
    },
  )

  it.each([
    'http://api.example/',
    'http://localhost.evil.test/',
    'http://127.0.0.1.evil.test/',
    'https://me:secret@api.example/',
    'https://api.example/?x=1',
    'https://api.example/#x',
    '/v1/',
    'api.example',
    '',
    'javascript:alert(1)',
  ])('refuses as an entry: %s', (entry) => {
    expect(() => readApiAddresses([entry], true)).toThrow(
      expect.objectContaining({ code: 'invalid_configuration' }),
    )
  })

  it('allows nothing with an empty list', () => {
    expect(allows('https://api.example/', [])).toBe(false)
  })
})
