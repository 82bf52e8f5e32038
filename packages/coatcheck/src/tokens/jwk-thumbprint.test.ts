import { calculateJwkThumbprint } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import { keyPair, publicJwk } from '../../../../lab/hostile-tokens/signer.mjs'
import type { JsonWebKeyLike } from './jwk.ts'

interface Vector {
  readonly name: string
  readonly jwk: JsonWebKeyLike
  readonly thumbprint: string
}

const VECTORS: readonly Vector[] = [
  {
    name: 'RFC 7638, 3.1: RSA',
    jwk: {
      kty: 'RSA',
      n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
      e: 'AQAB',
      alg: 'RS256',
      kid: '2011-04-29',
    },
    thumbprint: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
  },
  {
    name: 'RFC 9449, 6.1: EC',
    jwk: {
      kty: 'EC',
      x: 'l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs',
      y: '9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA',
      crv: 'P-256',
    },
    thumbprint: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I',
  },
  {
    name: 'RFC 8037, A.3: OKP',
    jwk: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
    thumbprint: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
  },
]

// The file takes the place that the import condition gives it outside of Node.
async function onPlatform(platform: 'node' | 'webcrypto') {
  vi.resetModules()
  vi.doMock('#signature', () => import(`./signature.${platform}.ts`))
  return import('./jwk-thumbprint.ts')
}

for (const platform of ['node', 'webcrypto'] as const) {
  const { jwkThumbprint } = await onPlatform(platform)

  describe(`jwkThumbprint on ${platform}`, () => {
    it.each(VECTORS)('gives that of $name', async ({ jwk, thumbprint }) => {
      expect(await jwkThumbprint(jwk)).toBe(thumbprint)
    })

    it.each(VECTORS)(
      'looks at nothing else in the key, nor at its order: $name',
      async (vector) => {
        const turned = Object.fromEntries(Object.entries(vector.jwk).reverse())
        const key = { use: 'sig', d: 'private', kid: 'another', ext: true, ...turned }
        expect(await jwkThumbprint(key)).toBe(vector.thumbprint)
      },
    )

    it.each(['RSA', 'P-256', 'P-384', 'P-521', 'Ed25519'] as const)(
      'is what jose gives for a key of its own: %s',
      async (kind) => {
        const jwk = publicJwk(keyPair(kind))
        expect(await jwkThumbprint(jwk)).toBe(await calculateJwkThumbprint(jwk))
      },
    )

    it.each<[string, JsonWebKeyLike]>([
      ['an unknown type', { kty: 'XYZ', x: 'a' }],
      ['no type', { crv: 'P-256', x: 'a', y: 'b' }],
      ['the name of a built-in as type', { kty: 'constructor', x: 'a' }],
      ['a type that is a list', { kty: ['EC'], crv: 'P-256', x: 'a', y: 'b' }],
      ['a secret', { kty: 'oct' }],
      ['half a point', { kty: 'EC', crv: 'P-256', x: 'a' }],
      ['a member that is no text', { kty: 'EC', crv: 'P-256', x: 'a', y: { x: 'b' } }],
      ['a modulus alone', { kty: 'RSA', n: 'a' }],
    ])('refuses %s', async (_, jwk) => {
      await expect(jwkThumbprint(jwk)).rejects.toMatchObject({ code: 'wrong_use' })
    })
  })
}
