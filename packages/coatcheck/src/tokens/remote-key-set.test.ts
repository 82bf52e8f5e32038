import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createScene, hostileTokens } from '../../../../lab/hostile-tokens/corpus.mjs'
import { keyPair, makeToken, publicJwk } from '../../../../lab/hostile-tokens/signer.mjs'
import { allowInsecureHttp } from '../core/unsafe.ts'
import { createRemoteKeySet, type RemoteKeySetOptions } from './remote-key-set.ts'
import { createVerifier } from './verifier.ts'

const START_MS = 1_800_000_000_000
const first = keyPair('P-256')
const second = keyPair('P-256')
const jwks = (...names: readonly string[]): string => {
  const pairs: Record<string, typeof first> = { first, second }
  return JSON.stringify({
    keys: names.map((kid) => publicJwk(pairs[kid] ?? first, { kid, alg: 'ES256' })),
  })
}

let server: Server
let origin: string
let answer: RequestListener
let visits: string[]
let nowMs: number

beforeEach(async () => {
  visits = []
  nowMs = START_MS
  server = createServer((request, response) => {
    visits.push(request.url ?? '')
    if (request.url === '/.well-known/openid-configuration') {
      response.end(JSON.stringify({ issuer: origin, jwks_uri: `${origin}/keys` }))
    } else answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  answer = (_, response) => response.end(jwks('first'))
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const fetches = (): number => visits.filter((path) => path === '/keys').length

function makeVerifier(extra: Partial<RemoteKeySetOptions> = {}) {
  const clock = () => nowMs
  const keySet = createRemoteKeySet({
    issuer: origin,
    clock,
    timeoutMs: 2000,
    [allowInsecureHttp]: true,
    ...extra,
  })
  return createVerifier({ issuer: origin, audience: 'api', jwks: keySet, clock })
}

function token(kid: 'first' | 'second' | 'nobody', sub = 'ann'): string {
  const key = kid === 'second' ? second : first
  const claims = { iss: origin, aud: 'api', sub, exp: START_MS / 1000 + 1_000_000 }
  return makeToken({ alg: 'ES256', kid }, claims, key.privateKey)
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'accepted',
    (error: unknown) => Object.getOwnPropertyDescriptor(error, 'code')?.value ?? error,
  )

describe('createRemoteKeySet', () => {
  it('finds the keys by discovery, once for many tokens at once', async () => {
    const verifier = makeVerifier()
    const all = Array.from({ length: 50 }, (_, index) =>
      verifier.verify(token('first', `${index}`)),
    )
    expect(await Promise.all(all)).toHaveLength(50)
    expect(visits).toEqual(['/.well-known/openid-configuration', '/keys'])
  })

  it('T-TOKEN-02 looks for an unknown kid once per cool-down, however many come', async () => {
    const verifier = makeVerifier()
    await verifier.verify(token('first'))
    for (let index = 0; index < 100; index += 1) {
      const forged = token('nobody', `${index}`)
      expect(await codeOf(verifier.verify(forged))).toBe('token_key_unknown')
    }
    expect(fetches()).toBe(1)
    nowMs += 30_000
    const storm = Array.from({ length: 100 }, () => codeOf(verifier.verify(token('nobody'))))
    expect(new Set(await Promise.all(storm))).toEqual(new Set(['token_key_unknown']))
    expect(fetches()).toBe(2)
  })

  it('takes a new key up after the cool-down, and drops the withdrawn one with its tokens', async () => {
    const verifier = makeVerifier()
    await verifier.verify(token('first'))
    answer = (_, response) => response.end(jwks('second'))
    expect(await codeOf(verifier.verify(token('second')))).toBe('token_key_unknown')
    nowMs += 30_000
    expect(await codeOf(verifier.verify(token('second')))).toBe('accepted')
    expect(await codeOf(verifier.verify(token('first')))).toBe('token_key_unknown')
  })

  it('T-TOKEN-02 asks again when the set is over, even if only remembered tokens come', async () => {
    const verifier = makeVerifier({ cacheSeconds: 600 })
    const remembered = token('first')
    await verifier.verify(remembered)
    answer = (_, response) => response.end(jwks('second'))
    nowMs += 599_000
    expect(await codeOf(verifier.verify(remembered))).toBe('accepted')
    nowMs += 1000
    expect(await codeOf(verifier.verify(remembered))).toBe('token_key_unknown')
  })

  it('keeps the last good keys while the issuer is down, and not for ever', async () => {
    const verifier = makeVerifier({ cacheSeconds: 600, staleSeconds: 3600 })
    await verifier.verify(token('first'))
    answer = (_, response) => response.writeHead(500).end('down')
    nowMs += 4_199_000
    expect(await codeOf(verifier.verify(token('first', 'new')))).toBe('accepted')
    nowMs += 1000
    expect(await codeOf(verifier.verify(token('first', 'newer')))).toBe('key_set_unavailable')
    answer = (_, response) => response.end(jwks('first'))
    nowMs += 30_000
    expect(await codeOf(verifier.verify(token('first', 'newest')))).toBe('accepted')
  })

  it('is asked again soon when it never had a key', async () => {
    const good = answer
    answer = (_, response) => response.writeHead(503).end()
    const verifier = makeVerifier()
    expect(await codeOf(verifier.verify(token('first')))).toBe('key_set_unavailable')
    answer = good
    expect(await codeOf(verifier.verify(token('first')))).toBe('key_set_unavailable')
    expect(fetches()).toBe(1)
    nowMs += 5000
    expect(await codeOf(verifier.verify(token('first')))).toBe('accepted')
  })

  it.each<[string, RequestListener]>([
    ['500', (_, response) => response.writeHead(500).end(jwks('first'))],
    ['404', (_, response) => response.writeHead(404).end(jwks('first'))],
    ['201', (_, response) => response.writeHead(201).end(jwks('first'))],
    ['garbage', (_, response) => response.end('<html>')],
    ['nothing', (_, response) => response.end()],
    ['no UTF-8', (_, response) => response.end(Buffer.from([0xff, 0xfe, 0x7b]))],
    ['null', (_, response) => response.end('null')],
    ['a list', (_, response) => response.end('[]')],
    ['no keys', (_, response) => response.end('{"keys":[]}')],
    ['keys that are none', (_, response) => response.end('{"keys":[null,1,"x",{}]}')],
    ['keys as an object', (_, response) => response.end('{"keys":{"length":1}}')],
    ['101 keys', (_, response) => response.end(jwks(...Array(101).fill('first')))],
    ['a reset', (request) => request.socket.destroy()],
    [
      'half an answer',
      (request, response) => {
        response.writeHead(200, { 'content-length': '1000' }).write(jwks('first').slice(0, 20))
        setImmediate(() => request.socket.destroy())
      },
    ],
    ['300 KB', (_, response) => response.end(`{"keys":[],"x":"${'x'.repeat(300_000)}"}`)],
  ])('refuses tokens while the issuer answers with %s', async (_, listener) => {
    answer = listener
    expect(await codeOf(makeVerifier().verify(token('first')))).toBe('key_set_unavailable')
  })

  it('stops reading an endless answer at its bound', async () => {
    let written = 0
    answer = (_, response) => {
      const pour = (): void => {
        if (response.destroyed) return
        written += 65_536
        response.write('x'.repeat(65_536), () => setImmediate(pour))
      }
      pour()
    }
    expect(await codeOf(makeVerifier().verify(token('first')))).toBe('key_set_unavailable')
    expect(written).toBeLessThan(50_000_000)
  })

  it('gives up on an answer that trickles', async () => {
    answer = (_, response) => {
      response.write('{')
    }
    const verifier = makeVerifier({ timeoutMs: 50 })
    expect(await codeOf(verifier.verify(token('first')))).toBe('key_set_unavailable')
  })

  it('T-TOKEN-02 follows no redirect', async () => {
    answer = (request, response) => {
      if (request.url === '/elsewhere') response.end(jwks('first'))
      else response.writeHead(302, { location: '/elsewhere' }).end()
    }
    expect(await codeOf(makeVerifier().verify(token('first')))).toBe('key_set_unavailable')
    expect(visits).not.toContain('/elsewhere')
  })

  it('T-TOKEN-02 visits no address that a token names', async () => {
    const scene = createScene({ now: START_MS / 1000, canary: `${origin}/canary` })
    answer = (_, response) => response.end(JSON.stringify(scene.jwks))
    const jwks = createRemoteKeySet({
      jwksUri: `${origin}/keys`,
      clock: () => nowMs,
      cooldownSeconds: 0,
      [allowInsecureHttp]: true,
    })
    const { issuer, audience } = scene
    const verifier = createVerifier({ issuer, audience, jwks, clock: () => nowMs })
    for (const { name, to, token: jwt, checks } of hostileTokens(scene)) {
      const code = await codeOf(verifier.verify(jwt, checks))
      if (to === 'access') expect(code, name).not.toBe('accepted')
    }
    expect(visits.length).toBeGreaterThan(1)
    expect(new Set(visits)).toEqual(new Set(['/keys']))
  })

  it.each([
    ['http without the word', { issuer: 'http://idp.example' }],
    ['a file', { jwksUri: 'file:///etc/passwd' }],
    ['a password in the address', { jwksUri: 'https://user:secret@idp.example/keys' }],
    ['no address', {}],
    ['no URL', { issuer: 'idp.example' }],
  ])('fails at construction for %s', (_, options) => {
    expect(() => createRemoteKeySet(options)).toThrow(/https address/)
  })

  it('refuses metadata of another issuer, or with keys over plain http', async () => {
    const keySet = (issuer: string, jwksUri: string) => {
      const metadata = new Response(JSON.stringify({ issuer, jwks_uri: jwksUri }))
      return createRemoteKeySet({
        issuer: 'https://idp.example',
        fetch: async (address) =>
          address.endsWith('configuration') ? metadata : new Response(jwks('first')),
      })
    }
    const header = { alg: 'ES256', kid: 'first' } as const
    const find = async (issuer: string, jwksUri: string) => keySet(issuer, jwksUri).find(header)
    expect(await find('https://idp.example', 'https://keys.example/')).toHaveLength(1)
    for (const [issuer, uri] of [
      ['https://idp.example/', 'https://keys.example/'],
      ['https://evil.test', 'https://keys.example/'],
      ['https://idp.example', 'http://keys.example/'],
      ['https://idp.example', 'not an address'],
    ] as const) {
      expect(await codeOf(find(issuer, uri)), uri).toBe('key_set_unavailable')
    }
  })
})
