import { describe, expect, it } from 'vitest'
import { createPageMatcher, matchesPath, readTarget } from './path.ts'

describe('readTarget', () => {
  it('takes a plain target apart', () => {
    expect(readTarget('/api/orders?page=2')).toEqual({
      rawPath: '/api/orders',
      path: '/api/orders',
      query: '?page=2',
    })
    expect(readTarget('/a%20b')?.path).toBe('/a b')
    expect(readTarget('/.well-known/x')?.path).toBe('/.well-known/x')
    expect(readTarget('/a@b:c')?.path).toBe('/a@b:c')
    expect(readTarget('/100%25.txt')?.path).toBe('/100%.txt')
    expect(readTarget('/')?.path).toBe('/')
  })

  it('T-PROXY-01 refuses what two readers could understand differently', () => {
    const ambiguous = [
      '',
      '*',
      'http://evil.test/',
      '//evil.test',
      '/a//b',
      '/a/../b',
      '/a/..',
      '/./a',
      '/a/%2e%2e/b',
      '/a/%2E%2e',
      '/a/.%2e/b',
      '/a%2fb',
      '/a%2Fb',
      '/a%5cb',
      '/a\\b',
      '/a%00b',
      '/a%0d%0ab',
      '/a#b',
      '/a b',
      '/a\tb',
      '/ü',
      '/a%',
      '/a%zz',
      '/%ff',
      '/a%252e%252e/b',
      '/a%252fb',
      '/a/..;x=1/b',
      '/a?b#c',
      '/a?b c',
      '/a?\u00fc',
    ]
    for (const target of ambiguous) expect(readTarget(target), target).toBeUndefined()
  })
})

describe('matchesPath', () => {
  it('matches exactly, or everything below', () => {
    expect(matchesPath('/account/*', '/account/a/b')).toBe(true)
    expect(matchesPath('/account/*', '/account')).toBe(true)
    expect(matchesPath('/account/*', '/accounts')).toBe(false)
    expect(matchesPath('/account', '/account/a')).toBe(false)
    expect(matchesPath('/*', '/a')).toBe(true)
  })
})

describe('createPageMatcher', () => {
  it('protects a page under every name that a file server knows it by', () => {
    const isProtected = createPageMatcher(['/report', '/account/*', '/a/b.html', '/café/*'])
    for (const path of [
      '/report',
      '/report/',
      '/report.html',
      '/report.htm',
      '/report/index.html',
      '/report/index',
      '/REPORT',
      '/report;x=1',
      '/;x/report',
      '/account',
      '/account.html',
      '/Account/Orders',
      '/account;a=b/orders',
      '/a/b',
      '/a/b/',
      '/cafe\u0301/menu',
    ]) {
      expect(isProtected(path), path).toBe(true)
    }
    for (const path of ['/', '/reports', '/report/x', '/accounts', '/a', '/index.html']) {
      expect(isProtected(path), path).toBe(false)
    }
  })

  it('protects the front page, or everything', () => {
    for (const path of ['/', '/index.html', '/index']) {
      expect(createPageMatcher(['/'])(path), path).toBe(true)
    }
    expect(createPageMatcher(['/'])('/a')).toBe(false)
    for (const path of ['/', '/a', '/a/b.css']) {
      expect(createPageMatcher(['/*'])(path), path).toBe(true)
    }
    expect(createPageMatcher([])('/')).toBe(false)
  })
})
