import { createHash, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import {
  base64url,
  keyPair,
  makeToken,
  publicJwk,
  segment,
  signature,
} from '../../../../lab/hostile-tokens/signer.mjs'
import type { DpopRequest, DpopVerifierOptions } from './dpop-verifier.ts'

const NOW = 1_800_000_000
const clock = () => NOW * 1000
const TOKEN = 'canary-access-token.canary-payload.canary-signature'
const TARGET = 'https://api.example/orders'

const keys = {
  client: keyPair('P-256'),
  other: keyPair('P-256'),
  p384: keyPair('P-384'),
  p521: keyPair('P-521'),
  ed: keyPair('Ed25519'),
  rsa: keyPair('RSA'),
  weak: keyPair('RSA-1024'),
}
const jwk = publicJwk(keys.client)
const secret = new Uint8Array(32).fill(1)
const ath = hash(TOKEN)

function hash(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

function thumbprintOf(key: Record<string, unknown>): string {
  const { crv, e, kty, n, x, y } = key
  return hash(JSON.stringify({ crv, e, kty, n, x, y }))
}

const header = (members = {}) => ({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...members })

const claims = (members = {}) => ({
  jti: `canary-jti-${randomUUID()}`,
  htm: 'POST',
  htu: TARGET,
  iat: NOW,
  ath,
  ...members,
})

const proofOf = (headers = {}, members = {}, key = keys.client.privateKey, alg?: string) =>
  makeToken(header(headers), claims(members), key, alg)

/** Header and payload as they stand. */
const rawProof = (headerText: string, payloadText: string): string => {
  const input = `${segment(headerText)}.${segment(payloadText)}`
  return `${input}.${base64url(signature('ES256', input, keys.client.privateKey))}`
}

/** The good texts, with a member put before all others. */
const headerWith = (member: string) => `{${member},${JSON.stringify(header()).slice(1)}`
const claimsWith = (member: string) => `{${member},${JSON.stringify(claims()).slice(1)}`

const request = (members: Partial<DpopRequest> = {}): DpopRequest => ({
  proof: proofOf(),
  method: 'POST',
  url: `${TARGET}?page=2`,
  accessToken: TOKEN,
  thumbprint: thumbprintOf(jwk),
  ...members,
})

const nonces = { current: () => 'good', accepts: (nonce: string) => nonce === 'good' }

interface Case {
  readonly name: string
  readonly code: string | readonly string[]
  readonly proof: DpopRequest['proof'] | number | object
  readonly request?: Partial<DpopRequest>
  readonly options?: Partial<DpopVerifierOptions>
}

const malformed = 'token_dpop_malformed'
const keyRefused = 'token_dpop_key_refused'
const mismatch = 'token_dpop_request_mismatch'
const time = 'token_dpop_time_refused'
// A platform refuses such a key when it imports it, or when it first verifies with it.
const unusable = [keyRefused, 'token_dpop_signature_invalid']

const FAULTS: readonly Case[] = [
  // 1: one header
  { name: 'no header', code: 'token_dpop_missing', proof: undefined },
  { name: 'no header, as Headers.get says it', code: 'token_dpop_missing', proof: null },
  { name: 'an empty list of headers', code: 'token_dpop_missing', proof: [] },
  { name: 'two headers', code: malformed, proof: [proofOf(), proofOf()] },
  { name: 'the same header twice', code: malformed, proof: Array(2).fill(proofOf()) },
  { name: 'two headers joined', code: malformed, proof: `${proofOf()}, ${proofOf()}` },
  // 2: a well-formed JWT
  { name: 'an empty header', code: malformed, proof: '' },
  { name: 'a number', code: malformed, proof: 1 },
  { name: 'an object', code: malformed, proof: { proof: proofOf() } },
  { name: 'a list with an object', code: malformed, proof: [{}] },
  { name: 'a string object', code: malformed, proof: Object(proofOf()) },
  { name: 'white space around', code: malformed, proof: ` ${proofOf()}` },
  { name: 'two segments', code: malformed, proof: proofOf().split('.').slice(0, 2).join('.') },
  { name: 'four segments', code: malformed, proof: `${proofOf()}.AAAA` },
  { name: 'no header segment', code: malformed, proof: `.${proofOf().split('.')[1]}.AAAA` },
  { name: 'the JSON form', code: malformed, proof: '{"payload":"e30","signatures":[]}' },
  { name: 'padding', code: malformed, proof: `${proofOf()}==` },
  { name: 'the bytes 0xff in the header', code: malformed, proof: '_w.e30.AAAA' },
  { name: '100 KB', code: malformed, proof: proofOf({}, { pad: 'a'.repeat(75_000) }) },
  { name: 'one byte over the limit', code: malformed, proof: 'a'.repeat(8193) },
  { name: 'a header that is a list', code: malformed, proof: rawProof('[]', '{}') },
  {
    name: 'a payload that is a list',
    code: malformed,
    proof: proofOf({}, {}).replace(/\..*\./, '.W10.'),
  },
  {
    name: 'a payload that is no JSON',
    code: malformed,
    proof: rawProof(JSON.stringify(header()), '{"jti":'),
  },
  {
    name: 'alg doubled',
    code: malformed,
    proof: rawProof(headerWith('"alg":"none"'), JSON.stringify(claims())),
  },
  {
    name: 'jwk doubled',
    code: malformed,
    proof: rawProof(
      headerWith(`"jwk":${JSON.stringify(publicJwk(keys.other))}`),
      JSON.stringify(claims()),
    ),
  },
  {
    name: 'htu doubled',
    code: malformed,
    proof: rawProof(JSON.stringify(header()), claimsWith('"htu":"https://evil.test/"')),
  },
  {
    name: 'jti doubled, spelled otherwise',
    code: malformed,
    proof: rawProof(JSON.stringify(header()), claimsWith('"\\u006ati":"a"')),
  },
  {
    name: '__proto__ in the header',
    code: malformed,
    proof: rawProof(headerWith('"__proto__":{"typ":"dpop+jwt"}'), JSON.stringify(claims())),
  },
  {
    name: '__proto__ in the payload',
    code: malformed,
    proof: rawProof(JSON.stringify(header()), claimsWith('"__proto__":{}')),
  },
  {
    name: '__proto__ in the key',
    code: malformed,
    proof: rawProof(
      `{"typ":"dpop+jwt","alg":"ES256","jwk":{"__proto__":{},${JSON.stringify(jwk).slice(1)}}`,
      JSON.stringify(claims()),
    ),
  },
  {
    name: 'nesting',
    code: malformed,
    proof: proofOf({}, { deep: JSON.parse('['.repeat(20) + ']'.repeat(20)) }),
  },
  { name: 'crit', code: malformed, proof: proofOf({ crit: ['exp'] }) },
  { name: 'crit, empty', code: malformed, proof: proofOf({ crit: [] }) },
  { name: 'b64: false', code: malformed, proof: proofOf({ b64: false, crit: ['b64'] }) },
  { name: 'b64: true', code: malformed, proof: proofOf({ b64: true }) },
  { name: 'zip', code: malformed, proof: proofOf({ zip: 'DEF' }) },
  { name: 'enc', code: malformed, proof: proofOf({ enc: 'A256GCM' }) },
  // 3: the required claims
  ...['jti', 'htm', 'htu', 'iat'].flatMap((name) => [
    { name: `no ${name}`, code: malformed, proof: proofOf({}, { [name]: undefined }) },
    { name: `${name}: null`, code: malformed, proof: proofOf({}, { [name]: null }) },
    { name: `${name}: a list`, code: malformed, proof: proofOf({}, { [name]: ['POST'] }) },
    { name: `${name}: an empty text`, code: malformed, proof: proofOf({}, { [name]: '' }) },
  ]),
  { name: 'jti: a number', code: malformed, proof: proofOf({}, { jti: 1 }) },
  { name: 'nonce: a number', code: malformed, proof: proofOf({}, { nonce: 1 }) },
  { name: 'ath: a number', code: malformed, proof: proofOf({}, { ath: 1 }) },
  { name: 'exp: a text', code: malformed, proof: proofOf({}, { exp: '9999999999' }) },
  // 4: typ
  ...[undefined, 'JWT', 'at+jwt', 'dpop', 'DPoP+JWT', 'application/dpop+jwt', 1, ['dpop+jwt']].map(
    (typ) => ({
      name: `typ ${JSON.stringify(typ)}`,
      code: 'token_dpop_type_refused',
      proof: proofOf({ typ }),
    }),
  ),
  // 5: alg
  {
    name: 'alg none',
    code: 'token_dpop_algorithm_refused',
    proof: `${segment(header({ alg: 'none' }))}.${segment(claims())}.`,
  },
  {
    name: 'alg none, signed',
    code: 'token_dpop_algorithm_refused',
    proof: proofOf({ alg: 'none' }, {}, keys.client.privateKey, 'ES256'),
  },
  {
    name: 'HS256 with a key of its own',
    code: 'token_dpop_algorithm_refused',
    proof: makeToken(
      header({ alg: 'HS256', jwk: { kty: 'oct', k: base64url(secret) } }),
      claims(),
      secret,
    ),
  },
  {
    name: 'HS256 with the public key as secret',
    code: 'token_dpop_algorithm_refused',
    proof: makeToken(header({ alg: 'HS256' }), claims(), Buffer.from(String(jwk.x), 'base64url')),
  },
  {
    name: 'no alg',
    code: 'token_dpop_algorithm_refused',
    proof: proofOf({ alg: undefined }, {}, keys.client.privateKey, 'ES256'),
  },
  {
    name: 'alg in small letters',
    code: 'token_dpop_algorithm_refused',
    proof: proofOf({ alg: 'es256' }, {}, keys.client.privateKey, 'ES256'),
  },
  {
    name: 'an algorithm that is not allowed',
    code: 'token_dpop_algorithm_refused',
    proof: proofOf(),
    options: { algorithms: ['EdDSA'] },
  },
  {
    name: 'ES512, which is not allowed by itself',
    code: 'token_dpop_algorithm_refused',
    proof: proofOf({ alg: 'ES512', jwk: publicJwk(keys.p521) }, {}, keys.p521.privateKey),
  },
  // 6 and 7: the key
  { name: 'no jwk', code: keyRefused, proof: proofOf({ jwk: undefined }) },
  { name: 'jwk: null', code: keyRefused, proof: proofOf({ jwk: null }) },
  { name: 'jwk: a text', code: keyRefused, proof: proofOf({ jwk: JSON.stringify(jwk) }) },
  { name: 'jwk: a list', code: keyRefused, proof: proofOf({ jwk: [jwk] }) },
  {
    name: 'a private key',
    code: keyRefused,
    proof: proofOf({ jwk: keys.client.privateKey.export({ format: 'jwk' }) }),
  },
  {
    name: 'a private RSA key',
    code: keyRefused,
    proof: proofOf(
      { alg: 'RS256', jwk: keys.rsa.privateKey.export({ format: 'jwk' }) },
      {},
      keys.rsa.privateKey,
    ),
  },
  ...['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'].map((name) => ({
    name: `a key with ${name}`,
    code: keyRefused,
    proof: proofOf({ jwk: { ...jwk, [name]: 'AAAA' } }),
  })),
  { name: 'a key with d: null', code: keyRefused, proof: proofOf({ jwk: { ...jwk, d: null } }) },
  {
    name: 'a key for encryption',
    code: keyRefused,
    proof: proofOf({ jwk: { ...jwk, use: 'enc' } }),
  },
  {
    name: 'a key of another curve',
    code: keyRefused,
    proof: proofOf({ jwk: publicJwk(keys.p384) }),
  },
  {
    name: 'a key for another algorithm',
    code: keyRefused,
    proof: proofOf({ jwk: { ...jwk, alg: 'ES384' } }),
  },
  {
    name: 'an RSA key under ES256',
    code: keyRefused,
    proof: proofOf({ jwk: publicJwk(keys.rsa) }),
  },
  {
    name: 'an RSA key of 1024 bits',
    code: keyRefused,
    proof: proofOf({ alg: 'RS256', jwk: publicJwk(keys.weak) }, {}, keys.weak.privateKey),
  },
  {
    name: 'RSA with the exponent 1',
    code: keyRefused,
    proof: proofOf(
      { alg: 'RS256', jwk: { ...publicJwk(keys.rsa), e: 'AQ' } },
      {},
      keys.rsa.privateKey,
    ),
  },
  ...(
    [
      [
        'a modulus that is even',
        'RS256',
        { kty: 'RSA', n: base64url(Buffer.alloc(256, 0xfe)), e: 'AQAB' },
      ],
      [
        'a modulus of ones',
        'PS256',
        { kty: 'RSA', n: base64url(Buffer.alloc(256, 0xff)), e: 'AQAB' },
      ],
      ['a point that is not on the curve', 'ES256', { ...jwk, y: jwk.x }],
      [
        'the point at zero',
        'ES256',
        { ...jwk, x: base64url(Buffer.alloc(32)), y: base64url(Buffer.alloc(32)) },
      ],
      ['a point of one byte', 'ES256', { ...jwk, x: 'AQ' }],
      ['coordinates that are no base64url', 'ES256', { ...jwk, x: '!!', y: '??' }],
      ['an Ed25519 key that is too short', 'EdDSA', { kty: 'OKP', crv: 'Ed25519', x: 'AQ' }],
    ] as const
  ).map(([name, alg, key]) => ({
    name,
    code: unusable,
    proof: proofOf({ alg, jwk: key }, {}, keys.rsa.privateKey, 'RS256'),
    request: { thumbprint: thumbprintOf(key) },
  })),
  {
    name: 'the public key of another',
    code: 'token_dpop_signature_invalid',
    proof: proofOf({ jwk: publicJwk(keys.other) }),
    request: { thumbprint: thumbprintOf(publicJwk(keys.other)) },
  },
  {
    name: 'a signature of zeros',
    code: 'token_dpop_signature_invalid',
    proof: proofOf().replace(/[^.]*$/, base64url(new Uint8Array(64))),
  },
  {
    name: 'an empty signature',
    code: 'token_dpop_signature_invalid',
    proof: proofOf().replace(/[^.]*$/, ''),
  },
  {
    name: 'a signature in DER',
    code: 'token_dpop_signature_invalid',
    proof: proofOf().replace(/[^.]*$/, base64url(new Uint8Array(70).fill(48))),
  },
  {
    name: 'a key behind jku',
    code: keyRefused,
    proof: proofOf({ jwk: undefined, jku: 'http://127.0.0.1:9/keys' }),
  },
  // 8: htm
  { name: 'htm of another method', code: mismatch, proof: proofOf({}, { htm: 'GET' }) },
  { name: 'htm in small letters', code: mismatch, proof: proofOf({}, { htm: 'post' }) },
  { name: 'htm with white space', code: mismatch, proof: proofOf({}, { htm: 'POST ' }) },
  // 9: htu
  ...[
    'https://evil.test/orders',
    'https://api.example.evil.test/orders',
    'https://api.example:8443/orders',
    'https://api.example/orders/1',
    'https://api.example/Orders',
    'https://api.example/orders/',
    'https://api.example/',
    'http://api.example/orders',
    'https://ann@api.example/orders',
    'https://api.example\\orders',
    'https://api.example/orders%2F',
    '/orders',
    'orders',
    'urn:orders',
  ].map((htu) => ({ name: `htu ${htu}`, code: mismatch, proof: proofOf({}, { htu }) })),
  {
    name: 'a URL that is not absolute',
    code: mismatch,
    proof: proofOf({}, { htu: '/orders' }),
    request: { url: '/orders' },
  },
  // 10: nonce
  {
    name: 'no nonce where nonces are given',
    code: 'token_dpop_nonce_required',
    proof: proofOf(),
    options: { nonces },
  },
  {
    name: 'a wrong nonce',
    code: 'token_dpop_nonce_required',
    proof: proofOf({}, { nonce: 'bad' }),
    options: { nonces },
  },
  {
    name: 'an empty nonce',
    code: 'token_dpop_nonce_required',
    proof: proofOf({}, { nonce: '' }),
    options: { nonces: { ...nonces, accepts: () => true } },
  },
  {
    name: 'a nonce that is accepted by no clear yes',
    code: 'token_dpop_nonce_required',
    proof: proofOf({}, { nonce: 'good' }),
    options: { nonces: { ...nonces, accepts: () => 'OK' as never } },
  },
  // 11: iat, by 60 and 5 seconds
  { name: 'iat 65 seconds ago', code: time, proof: proofOf({}, { iat: NOW - 65 }) },
  { name: 'iat a year ago', code: time, proof: proofOf({}, { iat: NOW - 31_536_000 }) },
  { name: 'iat 0', code: time, proof: proofOf({}, { iat: 0 }) },
  { name: 'iat 6 seconds ahead', code: time, proof: proofOf({}, { iat: NOW + 6 }) },
  { name: 'iat in milliseconds', code: malformed, proof: proofOf({}, { iat: NOW * 1000 }) },
  { name: 'iat as a text', code: malformed, proof: proofOf({}, { iat: String(NOW) }) },
  {
    name: 'iat NaN',
    code: malformed,
    proof: rawProof(JSON.stringify(header()), JSON.stringify(claims()).replace(String(NOW), 'NaN')),
  },
  {
    name: 'iat without bound',
    code: malformed,
    proof: rawProof(
      JSON.stringify(header()),
      JSON.stringify(claims()).replace(String(NOW), '1e999'),
    ),
  },
  { name: 'iat before 1970', code: malformed, proof: proofOf({}, { iat: -NOW }) },
  { name: 'an exp that is over', code: time, proof: proofOf({}, { exp: NOW - 5 }) },
  { name: 'an nbf ahead', code: time, proof: proofOf({}, { nbf: NOW + 6 }) },
  {
    name: 'a clock that stands still at NaN',
    code: time,
    proof: proofOf(),
    options: { clock: () => Number.NaN },
  },
  // 12: the access token
  { name: 'no ath', code: 'token_dpop_token_mismatch', proof: proofOf({}, { ath: undefined }) },
  {
    name: 'ath of another token',
    code: 'token_dpop_token_mismatch',
    proof: proofOf({}, { ath: hash('another') }),
  },
  {
    name: 'ath in hexadecimal',
    code: 'token_dpop_token_mismatch',
    proof: proofOf({}, { ath: Buffer.from(ath, 'base64url').toString('hex') }),
  },
  {
    name: 'an access token of another key',
    code: 'token_dpop_binding_mismatch',
    proof: proofOf(),
    request: { thumbprint: thumbprintOf(publicJwk(keys.other)) },
  },
  {
    name: 'an access token that names no key',
    code: 'token_dpop_binding_mismatch',
    proof: proofOf(),
    request: { thumbprint: undefined },
  },
  {
    name: "a thief's own key",
    code: 'token_dpop_binding_mismatch',
    proof: proofOf({ jwk: publicJwk(keys.other) }, {}, keys.other.privateKey),
  },
  // replay
  {
    name: 'a jti that is known',
    code: 'token_dpop_replayed',
    proof: proofOf(),
    options: { claimJti: () => false },
  },
  {
    name: 'a jti that is claimed by no clear yes',
    code: 'token_dpop_replayed',
    proof: proofOf(),
    options: { claimJti: () => 'OK' as never },
  },
]

// The file takes the place that the import condition gives it outside of Node.
async function onPlatform(platform: 'node' | 'webcrypto') {
  vi.resetModules()
  vi.doMock('#signature', () => import(`./signature.${platform}.ts`))
  const { createDpopVerifier } = await import('./dpop-verifier.ts')
  const { createJtiMemory } = await import('./dpop-jti-memory.ts')
  return {
    createJtiMemory,
    createDpopVerifier,
    verifier: (options: Partial<DpopVerifierOptions> = {}) =>
      createDpopVerifier({ clock, claimJti: createJtiMemory({ clock }).claim, ...options }),
  }
}

async function codeOf(outcome: Promise<unknown>): Promise<unknown> {
  try {
    await outcome
    return 'accepted'
  } catch (error) {
    return Object.getOwnPropertyDescriptor(error, 'code')?.value ?? error
  }
}

it('T-BIND-05 tells its faults apart by name', () => {
  expect(FAULTS.length).toBeGreaterThan(100)
  expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length)
})

for (const platform of ['node', 'webcrypto'] as const) {
  const { verifier, createDpopVerifier, createJtiMemory } = await onPlatform(platform)

  describe(`createDpopVerifier on ${platform}`, () => {
    it.each(FAULTS)('T-BIND-05 refuses $name', async (fault) => {
      const { proof, code, options } = fault
      const claimed: string[] = []
      const claimJti = (jti: string) => claimed.push(jti) > 0
      const { verify } = verifier({ claimJti, ...options })
      const asked = request({ ...fault.request, proof: proof as DpopRequest['proof'] })
      expect([code].flat()).toContain(await codeOf(verify(asked)))
      // Once more: nothing of it was remembered.
      expect([code].flat()).toContain(await codeOf(verify(asked)))
      expect(claimed).toEqual([])
    })

    it('T-OPS-03 names no part of a proof or token in an error', async () => {
      for (const { proof, request: asked, options } of FAULTS) {
        const { verify } = verifier(options)
        const error = await verify(
          request({ ...asked, proof: proof as DpopRequest['proof'] }),
        ).catch((thrown: unknown) => thrown as Error)
        if (!(error instanceof Error)) throw new Error('it was accepted')
        const text = `${error} ${JSON.stringify(error)} ${error.stack} ${JSON.stringify(error.cause)}`
        expect(text).not.toMatch(/canary|evil\.test|api\.example/)
        for (const value of [proof].flat()) {
          for (const part of typeof value === 'string' ? value.split('.') : []) {
            if (part.length > 20) expect(text.includes(part.slice(0, 20))).toBe(false)
          }
        }
      }
    })

    it('gives back jti and thumbprint of a good proof', async () => {
      const proof = proofOf({}, { jti: 'the jti' })
      expect(await verifier().verify(request({ proof }))).toEqual({
        jti: 'the jti',
        thumbprint: thumbprintOf(jwk),
      })
    })

    it.each<[string, Partial<DpopRequest>]>([
      ['in a list of one', { proof: [proofOf()] }],
      ['whose htu has a query', { proof: proofOf({}, { htu: `${TARGET}?other=1#top` }) }],
      [
        'whose htu is spelled otherwise',
        { proof: proofOf({}, { htu: 'HTTPS://API.example:443/a/../%6Frders' }) },
      ],
      ['for a URL that is spelled otherwise', { url: 'HTTPS://API.EXAMPLE:443/./orders#a' }],
      ['made 64 seconds ago', { proof: proofOf({}, { iat: NOW - 64 }) }],
      ['made 5 seconds ahead', { proof: proofOf({}, { iat: NOW + 5 }) }],
      ['made at half a second', { proof: proofOf({}, { iat: NOW - 0.5 }) }],
      ['with a nonce that nobody asked for', { proof: proofOf({}, { nonce: 'any' }) }],
      [
        'with claims of its own',
        { proof: proofOf({ kid: 'a' }, { exp: NOW + 1, nbf: NOW, more: [1] }) },
      ],
      [
        'whose key says more',
        {
          proof: proofOf({
            jwk: { ...jwk, alg: 'ES256', use: 'sig', kid: 'a', key_ops: ['verify'] },
          }),
        },
      ],
      [
        'without ath and access token',
        { proof: proofOf({}, { ath: undefined }), accessToken: undefined, thumbprint: undefined },
      ],
      ['with ath, without access token', { accessToken: undefined }],
    ])('accepts a proof %s', async (_, members) => {
      expect(await codeOf(verifier().verify(request(members)))).toBe('accepted')
    })

    it.each([
      ['ES384', keys.p384],
      ['EdDSA', keys.ed],
      ['Ed25519', keys.ed],
      ['RS256', keys.rsa],
      ['PS256', keys.rsa],
    ] as const)('accepts %s by itself', async (alg, pair) => {
      const key = publicJwk(pair)
      const proof = proofOf({ alg, jwk: key }, {}, pair.privateKey)
      const { verify } = verifier()
      const { thumbprint } = await verify(request({ proof, thumbprint: thumbprintOf(key) }))
      expect(thumbprint).toBe(thumbprintOf(key))
    })

    it('T-BIND-05 accepts a proof once', async () => {
      const { verify } = verifier()
      const proof = proofOf()
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, () => codeOf(verify(request({ proof })))),
      )
      expect(outcomes.filter((outcome) => outcome === 'accepted').length).toBe(1)
      expect(await codeOf(verify(request({ proof })))).toBe('token_dpop_replayed')
    })

    it('T-BIND-05 accepts a jti once, whatever else the proof says; that of another key is another', async () => {
      const { verify } = verifier()
      const jti = 'one for both'
      expect(await codeOf(verify(request({ proof: proofOf({}, { jti }) })))).toBe('accepted')
      const again = request({
        proof: proofOf({}, { jti, htu: 'https://api.example/b' }),
        url: 'https://api.example/b',
      })
      expect(await codeOf(verify(again))).toBe('token_dpop_replayed')
      const key = publicJwk(keys.other)
      const proof = proofOf({ jwk: key }, { jti }, keys.other.privateKey)
      const other = request({ proof, thumbprint: thumbprintOf(key) })
      expect(await codeOf(verify(other))).toBe('accepted')
    })

    it('T-BIND-05 claims a short name that tells nothing, until the proof is too old', async () => {
      const claimed: [string, number][] = []
      const claimJti = (name: string, expiresAtMs: number) => claimed.push([name, expiresAtMs]) > 0
      const { verify } = verifier({ claimJti })
      const long = 'canary'.repeat(500)
      for (const jti of ['a', 'b', long])
        await verify(request({ proof: proofOf({}, { jti, iat: NOW - 2.0001 }) }))
      expect(new Set(claimed.map(([name]) => name)).size).toBe(3)
      for (const [name, expiresAtMs] of claimed) {
        expect(name).toMatch(/^[\w-]{43}$/)
        expect(expiresAtMs).toBe((NOW - 2 + 60 + 5) * 1000)
      }
    })

    it('T-BIND-05 refuses a replay in every moment at which the proof is not too old', async () => {
      let nowMs = NOW * 1000
      const moving = () => nowMs
      const { verify } = verifier({
        clock: moving,
        claimJti: createJtiMemory({ clock: moving }).claim,
      })
      const proof = proofOf({}, { iat: NOW + 5 })
      expect(await codeOf(verify(request({ proof })))).toBe('accepted')
      for (; nowMs < (NOW + 80) * 1000; nowMs += 500) {
        const late = nowMs >= (NOW + 70) * 1000
        expect(await codeOf(verify(request({ proof })))).toBe(late ? time : 'token_dpop_replayed')
      }
    })

    it('T-BIND-05 refuses everything while the memory of proofs is full', async () => {
      const { verify } = verifier({ claimJti: createJtiMemory({ clock, maxEntries: 2 }).claim })
      expect(await codeOf(verify(request({ proof: proofOf() })))).toBe('accepted')
      expect(await codeOf(verify(request({ proof: proofOf() })))).toBe('accepted')
      expect(await codeOf(verify(request({ proof: proofOf() })))).toBe('token_dpop_replayed')
    })

    it('accepts a proof with a good nonce, told now or later', async () => {
      for (const accepts of [nonces.accepts, async (nonce: string) => nonce === 'good']) {
        const { verify } = verifier({ nonces: { ...nonces, accepts } })
        const proof = proofOf({}, { nonce: 'good' })
        expect(await codeOf(verify(request({ proof })))).toBe('accepted')
      }
    })

    it('T-BIND-05 does not fall back to proofs without a nonce after a good one', async () => {
      const { verify } = verifier({ nonces })
      expect(await codeOf(verify(request({ proof: proofOf({}, { nonce: 'good' }) })))).toBe(
        'accepted',
      )
      expect(await codeOf(verify(request({ proof: proofOf() })))).toBe('token_dpop_nonce_required')
    })

    it('T-BIND-05 asks for another nonce only where the rest of the proof is good', async () => {
      const { verify } = verifier({ nonces })
      const forged = proofOf({ jwk: publicJwk(keys.other) })
      const thumbprint = thumbprintOf(publicJwk(keys.other))
      expect(await codeOf(verify(request({ proof: forged, thumbprint })))).toBe(
        'token_dpop_signature_invalid',
      )
    })

    it('passes on what the memory of proofs says when it is broken', async () => {
      const claimJti = () => Promise.reject(new Error('the store is down'))
      await expect(verifier({ claimJti }).verify(request({ proof: proofOf() }))).rejects.toThrow(
        'the store is down',
      )
    })

    it('T-BIND-05 refuses a good proof in which any one character was changed', async () => {
      const proof = proofOf()
      const { verify } = verifier()
      await fc.assert(
        fc.asyncProperty(
          fc.nat({ max: proof.length - 1 }),
          fc.oneof(
            fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
            fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.'),
          ),
          async (index, character) => {
            fc.pre(proof[index] !== character)
            const changed = proof.slice(0, index) + character + proof.slice(index + 1)
            expect(await codeOf(verify(request({ proof: changed })))).toMatch(/^token_dpop_/)
          },
        ),
        { numRuns: 500 },
      )
      expect(await codeOf(verify(request({ proof })))).toBe('accepted')
    })

    it('T-BIND-05 refuses any text and any header and payload with a code of its own', async () => {
      const { verify } = verifier()
      await fc.assert(
        fc.asyncProperty(
          fc.oneof(
            fc.string(),
            fc.tuple(fc.json(), fc.json()).map(([one, other]) => rawProof(one, other)),
            fc
              .dictionary(
                fc.constantFrom('kty', 'crv', 'x', 'y', 'n', 'e', 'use', 'alg'),
                fc.oneof(
                  fc.string(),
                  fc.constantFrom('EC', 'RSA', 'OKP', 'P-256', 'Ed25519', 'AQAB'),
                  fc.jsonValue(),
                ),
              )
              .map((key) => proofOf({ jwk: key })),
            fc
              .dictionary(
                fc.constantFrom('jti', 'htm', 'htu', 'iat', 'ath', 'nonce', 'exp', 'nbf'),
                fc.jsonValue(),
                { minKeys: 8 },
              )
              .map((said) => proofOf({}, said)),
          ),
          async (proof) => {
            expect(await codeOf(verify(request({ proof })))).toMatch(/^token_dpop_/)
          },
        ),
        { numRuns: 300 },
      )
    })

    it('is as sure of a key that it has seen before', async () => {
      const { verify } = verifier()
      const proofs = Array.from({ length: 3 }, () => proofOf())
      for (const proof of proofs) expect(await codeOf(verify(request({ proof })))).toBe('accepted')
      const forged = proofOf({}, {}, keys.other.privateKey)
      expect(await codeOf(verify(request({ proof: forged })))).toBe('token_dpop_signature_invalid')
      const thumbprint = thumbprintOf(publicJwk(keys.other))
      expect(await codeOf(verify(request({ proof: proofOf(), thumbprint })))).toBe(
        'token_dpop_binding_mismatch',
      )
    })

    it('serves more keys than it keeps', async () => {
      const { verify } = verifier()
      for (let index = 0; index < 1100; index += 1) {
        const proof = proofOf({ kid: `${index}` })
        expect(await codeOf(verify(request({ proof })))).toBe('accepted')
      }
    })

    it('has defaults that are safe', async () => {
      const { verify } = createDpopVerifier({ claimJti: () => true })
      const iat = Math.floor(Date.now() / 1000)
      expect(await codeOf(verify(request({ proof: proofOf({}, { iat }) })))).toBe('accepted')
      expect(await codeOf(verify(request({ proof: proofOf({}, { iat: iat - 90 }) })))).toBe(time)
      expect(await codeOf(verify(request({ proof: proofOf({}, { iat: iat + 30 }) })))).toBe(time)
    })

    it.each<[string, Partial<DpopVerifierOptions>, RegExp]>([
      ['no algorithm', { algorithms: [] }, /algorithms must not be empty/],
      ['none', { algorithms: ['none' as never] }, /algorithms: none/],
      ['HS256', { algorithms: ['ES256', 'HS256' as never] }, /algorithms: HS256/],
      ['a max age that is no number', { maxAgeSeconds: Number.NaN }, /maxAgeSeconds/],
      ['a max age of a day', { maxAgeSeconds: 86_400 }, /maxAgeSeconds/],
      [
        'a tolerance without bound',
        { clockToleranceSeconds: Number.POSITIVE_INFINITY },
        /clockTolerance/,
      ],
      ['no bound of size', { maxProofBytes: Number.NaN }, /maxProofBytes/],
      ['no memory', { claimJti: undefined as never }, /claimJti/],
    ])('refuses %s at set-up', (_, extra, message) => {
      const make = () => createDpopVerifier({ claimJti: () => true, ...extra })
      expect(make).toThrow(message)
      expect(make).toThrow(expect.objectContaining({ code: 'invalid_configuration' }))
    })

    it('tells all faults at once', () => {
      const make = () =>
        createDpopVerifier({ algorithms: [], maxAgeSeconds: 0, claimJti: undefined as never })
      expect(make).toThrow(/claimJti.*algorithms.*maxAgeSeconds/)
    })
  })
}
