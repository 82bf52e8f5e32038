import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { PAYLOADS } from '../../../../lab/redirects/payloads.mjs'
import { KEEP_FRAGMENT_SCRIPT } from './pages.ts'
import { readReturnAddress } from './return-address.ts'

const ORIGIN = 'https://app.example'

describe('readReturnAddress', () => {
  it('keeps path, query and fragment', () => {
    expect(readReturnAddress(ORIGIN, '/a/b?c=d&e=%2Ff#g')).toBe('/a/b?c=d&e=%2Ff#g')
    expect(readReturnAddress(ORIGIN, undefined)).toBe('/')
  })

  it('T-LOGIN-04 refuses every way off the site', () => {
    const hostile = [
      '//evil.test',
      '///evil.test',
      '/\\evil.test',
      '\\\\evil.test',
      '/\t/evil.test',
      '/\n/evil.test',
      '/\r/evil.test',
      '\t//evil.test',
      ' //evil.test',
      'https://evil.test',
      'https:evil.test',
      'http:/evil.test',
      'javascript:alert(1)',
      'data:text/html,x',
      '/.//evil.test',
      '/..//evil.test',
      '/a/..//evil.test',
      '/%2e//evil.test',
      '/a/%2e%2e//evil.test',
      '@evil.test',
      '.evil.test',
      'evil.test',
      '?a',
      '#a',
      '/a\u0000b',
      '/a\u200bb',
      '/\u2028/x',
      '/auth/sign-in',
      '/%61uth/callback?code=x',
      '/%',
      '/auth/../auth/callback?x',
      '/./auth/sign-in',
      `/${'a'.repeat(9000)}`,
    ]
    for (const value of hostile)
      expect(readReturnAddress(ORIGIN, value), JSON.stringify(value)).toBeUndefined()
  })

  it.each(PAYLOADS)('T-LOGIN-04 stays on the origin, whatever is accepted: %j', (value) => {
    const address = readReturnAddress(ORIGIN, value) ?? '/'
    for (const base of [ORIGIN, `${ORIGIN}/deep/page`]) {
      expect(new URL(address, base).origin).toBe(ORIGIN)
      expect(new URL(ORIGIN + address).origin).toBe(ORIGIN)
    }
    expect(address).toMatch(/^\/(?!\/|\\|auth\/)[^\s\\]*$/)
  })
})

describe('KEEP_FRAGMENT_SCRIPT', () => {
  it('stands in the policy by its hash', () => {
    expect(KEEP_FRAGMENT_SCRIPT.sha256).toBe(
      createHash('sha256').update(KEEP_FRAGMENT_SCRIPT.source).digest('base64'),
    )
  })
})
