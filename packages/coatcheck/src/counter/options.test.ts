import { describe, expect, it } from 'vitest'
import { Secret } from '../core/secret.ts'
import { createProvider } from '../provider/provider.ts'
import { createKeyRing } from '../ring/key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import { memoryStore } from '../sessions/stores/memory.ts'
import { type CounterOptions, checkOptions } from './options.ts'

const good: CounterOptions = {
  origin: 'https://app.example',
  provider: createProvider({
    issuer: 'https://idp.example',
    clientId: 'app',
    clientSecret: new Secret('a-secret-of-enough-length'),
  }),
  ring: createKeyRing(generateKeyRing()),
  sessions: { store: memoryStore() },
}

function faultsOf(changes: Partial<CounterOptions>): string {
  try {
    checkOptions({ ...good, ...changes })
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

describe('checkOptions', () => {
  it('takes what is in order', () => {
    expect(faultsOf({})).toBe('')
    const fine = ['/*', '/account', '/account/*', '/a/b.html', '/café/*', '/']
    expect(faultsOf({ pages: { protected: fine }, signOut: { returnTo: '/bye?a=b' } })).toBe('')
  })

  it('T-OPS-03 refuses a protected pattern that can never match: it would protect nothing', () => {
    for (const pattern of [
      'account/*',
      '/account/**',
      '/account*',
      '/*/secret',
      '/caf%C3%A9/*',
      '/a?b',
      '/a#b',
      '//account',
      '/a/../b',
      'https://app.example/account',
      '',
    ]) {
      expect(faultsOf({ pages: { protected: [pattern] } }), pattern).toContain('pages.protected[0]')
    }
  })

  it('T-LOGIN-04 refuses a way back from sign-out that leaves the site', () => {
    for (const returnTo of [
      '//evil.test',
      '@evil.test',
      '.evil.test/',
      'https://evil.test',
      ':1',
    ]) {
      expect(faultsOf({ signOut: { returnTo } }), returnTo).toContain('signOut.returnTo')
    }
  })

  it('T-LOGOUT-05 never lets sign-out take the cookies of a whole domain', () => {
    const clearSiteData = ['cache', 'cookies'] as never
    expect(faultsOf({ signOut: { clearSiteData } })).toContain('signOut.clearSiteData (cookies)')
    expect(faultsOf({ signOut: { clearSiteData: ['cache', 'storage'] } })).not.toContain('signOut')
  })

  it('tells all faults at once', () => {
    const text = faultsOf({
      origin: 'https://app.example/path',
      trustedProxyHops: -1,
      pages: { protected: ['x'] },
      apis: [{ path: '/auth/', upstream: 'http://api.example' }],
    })
    for (const part of [
      'origin',
      'trustedProxyHops',
      'pages.protected[0]',
      'apis[0].path',
      'apis[0].upstream',
    ]) {
      expect(text).toContain(part)
    }
    expect(text).not.toContain('signOut')
  })
})
