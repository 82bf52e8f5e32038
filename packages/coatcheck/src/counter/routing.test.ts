import { describe, expect, it } from 'vitest'
import { Secret } from '../core/secret.ts'
import { createProvider } from '../provider/provider.ts'
import { createKeyRing } from '../ring/key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import { memoryStore } from '../sessions/stores/memory.ts'
import { createCounter } from './counter.ts'
import type { CounterOptions } from './options.ts'

const counterWith = (options: Partial<CounterOptions>): ReturnType<typeof createCounter> =>
  createCounter({
    origin: 'https://app.example',
    provider: createProvider({
      issuer: 'https://idp.example',
      clientId: 'app',
      clientSecret: new Secret('a secret for this test'),
    }),
    ring: createKeyRing(generateKeyRing()),
    sessions: { store: memoryStore() },
    ...options,
  })

describe('routes that overlap', () => {
  it('T-PROXY-01 are told apart by the longest, in whatever order they are listed', async () => {
    const apis = [
      { path: '/api/', upstream: 'https://api.example/' },
      { path: '/api/admin/', upstream: 'https://admin.example/', methods: ['GET'] },
    ]
    for (const listed of [apis, apis.toReversed()]) {
      const outcome = await counterWith({ apis: listed }).handle({
        method: 'DELETE',
        target: '/api/admin/users',
        headers: ['host', 'app.example', 'sec-fetch-site', 'same-origin', 'x-coatcheck', '1'],
        encrypted: true,
      })
      expect(outcome).toMatchObject({ kind: 'respond', answer: { status: 405 } })
    }
  })
})

describe('the address of a client', () => {
  const addressSeen = async (
    trustedProxyHops: number,
    forwardedFor: readonly string[],
  ): Promise<string | undefined> => {
    const counter = counterWith({ trustedProxyHops, app: { upstream: 'https://pages.example/' } })
    const outcome = await counter.handle({
      method: 'GET',
      target: '/',
      headers: [
        'host',
        'app.example',
        ...forwardedFor.flatMap((value) => ['x-forwarded-for', value]),
      ],
      remoteAddress: '192.0.2.1',
      encrypted: true,
    })
    if (outcome.kind !== 'forward') throw new Error('expected a call')
    const { headers } = outcome.forward
    expect(headers.filter((name) => name === 'x-forwarded-for')).toHaveLength(1)
    return headers[headers.indexOf('x-forwarded-for') + 1]
  }

  it('T-PROXY-02 is the one that our own proxies vouch for, whatever a client claims', async () => {
    expect(await addressSeen(0, ['6.6.6.6'])).toBe('192.0.2.1')
    expect(await addressSeen(1, ['6.6.6.6, 198.51.100.7'])).toBe('198.51.100.7')
    expect(await addressSeen(1, ['6.6.6.6', '2001:db8::7'])).toBe('2001:db8::7')
    expect(await addressSeen(2, ['6.6.6.6, 198.51.100.7, 10.0.0.1'])).toBe('198.51.100.7')
    expect(await addressSeen(1, [])).toBe('192.0.2.1')
    expect(await addressSeen(2, ['198.51.100.7'])).toBe('192.0.2.1')
  })

  it('T-PROXY-02 is never text that is no address', async () => {
    for (const odd of [
      '',
      ' , ',
      'admin',
      'unknown',
      '_hidden',
      '1.2.3.4.5',
      '1.2.3.4"; a=b',
      'x'.repeat(5000),
    ]) {
      expect(await addressSeen(1, [odd]), odd).toBe('192.0.2.1')
    }
  })
})
