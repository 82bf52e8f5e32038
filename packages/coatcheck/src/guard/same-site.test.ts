import { describe, expect, it } from 'vitest'
import { isSameSite } from './same-site.ts'

describe('isSameSite', () => {
  it.each([
    ['https://app.example.com', 'https://www.example.com', true],
    ['https://app.example.com', 'https://example.com:8443', true],
    ['https://example.com', 'https://example.com', true],
    ['https://a.example.co.uk', 'https://b.example.co.uk', true],
    ['https://a.co.uk', 'https://b.co.uk', false],
    ['https://a.github.io', 'https://b.github.io', false],
    ['https://app.example.com', 'http://www.example.com', false],
    ['https://example.com', 'https://example.org', false],
    ['https://example.com', 'https://evilexample.com', false],
    ['http://localhost:8080', 'http://localhost:9090', true],
    ['http://localhost:8080', 'http://127.0.0.1:8080', false],
    ['https://a.app.localhost', 'https://b.app.localhost', true],
    ['https://a.localhost', 'https://b.localhost', false],
    ['http://192.0.2.1', 'http://192.0.2.1:81', true],
    ['http://192.0.2.1', 'http://192.0.2.2', false],
    ['http://[2001:db8::1]', 'http://[2001:db8::2]', false],
  ])('%s and %s: %s', (one, other, expected) => {
    expect(isSameSite(one, other)).toBe(expected)
    expect(isSameSite(other, one)).toBe(expected)
  })
})
