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

describe('a request that came over http', () => {
  const ask = (
    headers: readonly string[],
    {
      method = 'GET',
      encrypted = false,
      ...options
    }: Partial<CounterOptions> & {
      readonly method?: string
      readonly encrypted?: boolean
    } = {},
  ) =>
    counterWith(options).handle({
      method,
      target: '/page?a=b',
      headers: ['host', 'app.example', ...headers],
      encrypted,
    })

  it('T-OPS-02 is led to https where our own proxies say so, and refused when it would change something', async () => {
    const ways: readonly (readonly [Partial<CounterOptions>, string, string, string])[] = [
      [{ trustedProxyHops: 1 }, 'x-forwarded-proto', 'http', 'https'],
      [{ trustedProxyHops: 1 }, 'x-forwarded-proto', 'https, HTTP', 'http, https'],
      [
        { trustedProxyHops: 1, forwardedBy: 'forwarded' },
        'forwarded',
        'for=6.6.6.6;proto=https, for=192.0.2.1;proto=http',
        'for=6.6.6.6;proto=http, for=192.0.2.1;proto=https',
      ],
      [
        { trustedProxyHops: 2, forwardedBy: 'forwarded' },
        'forwarded',
        'proto=https, for=192.0.2.1;proto=http, proto=https',
        'proto=http, for=192.0.2.1;proto=https, proto=http',
      ],
    ]
    for (const [options, name, http, https] of ways) {
      expect(await ask([name, http], options)).toMatchObject({
        kind: 'respond',
        answer: {
          status: 308,
          headers: expect.arrayContaining(['location', 'https://app.example/page?a=b']),
        },
      })
      const posted = await ask([name, http], { ...options, method: 'POST' })
      expect(posted).toMatchObject({ answer: { status: 403 } })
      expect((await ask([name, https], options)).kind).toBe('pass')
      expect((await ask([], options)).kind).toBe('pass')
    }
  })

  it('is not known as such by what strangers say', async () => {
    expect((await ask(['x-forwarded-proto', 'http'])).kind).toBe('pass')
    expect((await ask(['forwarded', 'proto=http'])).kind).toBe('pass')
    expect((await ask(['forwarded', 'proto=http'], { trustedProxyHops: 1 })).kind).toBe('pass')
    expect((await ask(['x-forwarded-proto', 'nonsense'], { trustedProxyHops: 1 })).kind).toBe(
      'pass',
    )
  })
})
