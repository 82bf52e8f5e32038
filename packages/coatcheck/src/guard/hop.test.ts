import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { PAGE_STYLE } from '../core/html-page.ts'
import { readDecidingHeaders } from '../core/request-head.ts'
import { HOP_SCRIPT, hopPage, isDocumentNavigation, mayLackStrictCookies, readHop } from './hop.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64')
const navigation = (site: string) =>
  readDecidingHeaders([
    'sec-fetch-site',
    site,
    'sec-fetch-mode',
    'navigate',
    'sec-fetch-dest',
    'document',
  ])

describe('hopPage', () => {
  it('allows its own script and style by hash and forbids framing', () => {
    expect(HOP_SCRIPT.sha256).toBe(sha256(HOP_SCRIPT.source))
    expect(PAGE_STYLE.sha256).toBe(sha256(PAGE_STYLE.source))
    const { headers, body } = hopPage('https://app.example', '/account?a=1')
    expect(headers.join('\n')).toContain("frame-ancestors 'none'")
    expect(headers.join('\n')).toContain('no-store')
    expect(body).toContain('https://app.example/account?a=1&amp;coatcheck-hop=1')
  })

  it('T-LOGIN-04 never leaves the site and never breaks out of its markup', () => {
    const { body } = hopPage('https://app.example', '/a?"><script>alert(1)</script>')
    expect(body).not.toContain('<script>alert')
  })
})

describe('mayLackStrictCookies', () => {
  it('T-COOKIE-03 holds for page loads from elsewhere, none included', () => {
    expect(mayLackStrictCookies('GET', navigation('cross-site'))).toBe(true)
    expect(mayLackStrictCookies('GET', navigation('none'))).toBe(true)
    expect(mayLackStrictCookies('GET', navigation('same-origin'))).toBe(false)
    expect(mayLackStrictCookies('GET', navigation('same-site'))).toBe(false)
    expect(mayLackStrictCookies('POST', navigation('cross-site'))).toBe(false)
    expect(mayLackStrictCookies('GET', readDecidingHeaders(['accept', 'text/html']))).toBe(true)
  })

  it('never holds for a frame or a fetch', () => {
    const frame = [
      'sec-fetch-site',
      'cross-site',
      'sec-fetch-mode',
      'navigate',
      'sec-fetch-dest',
      'iframe',
    ]
    expect(isDocumentNavigation(readDecidingHeaders(frame))).toBe(false)
    expect(
      isDocumentNavigation(readDecidingHeaders(['sec-fetch-mode', 'cors', 'accept', 'text/html'])),
    ).toBe(false)
  })
})

describe('readHop', () => {
  it('takes the marker off, twice if it came twice, and nothing else', () => {
    expect(readHop('/a?b=1&coatcheck-hop=1')).toEqual({ hopped: true, target: '/a?b=1' })
    expect(readHop('/a?coatcheck-hop=1')).toEqual({ hopped: true, target: '/a' })
    expect(readHop('/a?coatcheck-hop=1&coatcheck-hop=1')).toEqual({ hopped: true, target: '/a' })
    expect(readHop('/a?x-coatcheck-hop=1')).toEqual({
      hopped: false,
      target: '/a?x-coatcheck-hop=1',
    })
    expect(readHop('/a?coatcheck-hop=1&b=2').hopped).toBe(false)
  })
})
