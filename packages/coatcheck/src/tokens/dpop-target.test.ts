import { describe, expect, it } from 'vitest'
import { normalTarget } from './dpop-target.ts'

describe('normalTarget', () => {
  it.each([
    // RFC 3986, 6.2.2.1: letter case
    ['HTTPS://API.Example/Orders', 'https://api.example/Orders'],
    ['https://api.example/a%2fb%c3%a4', 'https://api.example/a%2Fb%C3%A4'],
    // 6.2.2.2: percent-encoding of what needs none
    ['https://api.example/%7Eann/%61-%2D%5f', 'https://api.example/~ann/a--_'],
    ['https://api.example/%252e', 'https://api.example/%252e'],
    // 6.2.2.3: dot segments
    ['https://api.example/a/./b/../c', 'https://api.example/a/c'],
    ['https://api.example/a/%2E%2e/c', 'https://api.example/c'],
    // 6.2.3: default port, empty path
    ['https://api.example:443', 'https://api.example/'],
    ['http://api.example:80/', 'http://api.example/'],
    ['https://api.example:/', 'https://api.example/'],
    ['https://api.example:8443/', 'https://api.example:8443/'],
    // RFC 9449, 4.3: query and fragment are left out
    ['https://api.example/orders?a=1#b', 'https://api.example/orders'],
    ['https://api.example/orders#b?a', 'https://api.example/orders'],
    ['https://api.example?a=/../b', 'https://api.example/'],
    ['https://api.example/a//b/', 'https://api.example/a//b/'],
    ['http://[2001:DB8::1]:8080/', 'http://[2001:db8::1]:8080/'],
  ])('%s is %s', (url, normal) => {
    expect(normalTarget(url)).toBe(normal)
    expect(normalTarget(normal)).toBe(normal)
  })

  it.each([
    '',
    '/orders',
    'api.example/orders',
    '//api.example/orders',
    'https://',
    'ftp://api.example/',
    'javascript:alert(1)',
    'blob:https://api.example/a',
    'https://ann@api.example/',
    'https://ann:secret@api.example/',
    'https://@api.example/',
    'https://api.example\\orders',
    'https:\\\\api.example/orders',
    'https:/api.example/orders',
    'https:api.example/orders',
    'https://api.example/a b',
    'https://api.example/a\tb',
    ' https://api.example/',
    'https://api.example/\n',
    'https://api.example/grün',
    'https://ａpi.example/',
    'https://api.example:99999/',
  ])('is undefined for %j', (url) => {
    expect(normalTarget(url)).toBeUndefined()
  })

  it.each([
    ['https://api.example/a', 'https://api.example/A'],
    ['https://api.example/a', 'https://api.example/a/'],
    ['https://api.example/a', 'http://api.example/a'],
    ['https://api.example/a', 'https://api.example:8443/a'],
    ['https://api.example/a', 'https://api.example./a'],
    ['https://api.example/a/b', 'https://api.example/a%2Fb'],
    ['https://api.example/a', 'https://api.example//a'],
  ])('%s is not %s', (one, other) => {
    expect(normalTarget(one)).not.toBe(normalTarget(other))
  })
})
