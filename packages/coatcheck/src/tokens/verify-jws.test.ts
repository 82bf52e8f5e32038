import { describe, expect, it, vi } from 'vitest'
import { decodeBase64url } from '../core/bytes.ts'
import type { Algorithm } from './algorithm.ts'
import type { JsonWebKeyLike } from './jwk.ts'

const PAYLOAD =
  'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ'

const HMAC_KEY =
  'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow'

interface Vector {
  readonly name: string
  readonly alg: Algorithm
  readonly jws: string
  readonly jwk?: JsonWebKeyLike
}

const VECTORS: readonly Vector[] = [
  {
    name: 'RFC 7515 A.1, HS256',
    alg: 'HS256',
    jws: `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${PAYLOAD}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`,
  },
  {
    name: 'RFC 7515 A.2, RS256',
    alg: 'RS256',
    jws: `eyJhbGciOiJSUzI1NiJ9.${PAYLOAD}.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw`,
    jwk: {
      kty: 'RSA',
      n: 'ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ',
      e: 'AQAB',
    },
  },
  {
    name: 'RFC 7515 A.3, ES256',
    alg: 'ES256',
    jws: `eyJhbGciOiJFUzI1NiJ9.${PAYLOAD}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q`,
    jwk: {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    },
  },
  {
    name: 'RFC 7515 A.4, ES512',
    alg: 'ES512',
    jws: 'eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn',
    jwk: {
      kty: 'EC',
      crv: 'P-521',
      x: 'AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk',
      y: 'ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2',
    },
  },
  {
    name: 'RFC 8037 A.4, EdDSA',
    alg: 'EdDSA',
    jws: 'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg',
    jwk: { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
  },
]

// The file takes the place that the import condition gives it outside of Node.
async function onPlatform(platform: 'node' | 'webcrypto') {
  vi.resetModules()
  vi.doMock('#signature', () => import(`./signature.${platform}.ts`))
  // One after the other: loaded at once, some would still get the platform before.
  const { importSecret } = await import('#signature')
  const { createLocalKeySet } = await import('./key-set.ts')
  const { parseJws } = await import('./jws.ts')
  const { verifyJws } = await import('./verify-jws.ts')
  return { verifyJws, parseJws, createLocalKeySet, importSecret }
}

for (const platform of ['node', 'webcrypto'] as const) {
  const { verifyJws, parseJws, createLocalKeySet, importSecret } = await onPlatform(platform)

  const run = async ({ alg, jws, jwk }: Vector): Promise<string> => {
    const secret = decodeBase64url(HMAC_KEY)
    if (secret === undefined) throw new Error('the vector is broken')
    const key = importSecret(secret)
    const keySet =
      jwk === undefined
        ? { find: () => [key], has: () => true }
        : createLocalKeySet({ keys: [jwk] })
    try {
      await verifyJws(parseJws(jws, 16_384), keySet, new Set([alg]))
      return 'verified'
    } catch (error) {
      return String(Object.getOwnPropertyDescriptor(error, 'code')?.value ?? error)
    }
  }

  describe(`verifyJws on ${platform}`, () => {
    it.each(VECTORS)('verifies $name', async (vector) => {
      expect(await run(vector)).toBe('verified')
    })

    it.each(VECTORS)('T-TOKEN-01 refuses $name with a payload changed', async (vector) => {
      const [header, payload = '', signature] = vector.jws.split('.')
      const first = payload.startsWith('e') ? 'f' : 'V'
      const jws = `${header}.${first}${payload.slice(1)}.${signature}`
      expect(await run({ ...vector, jws })).toBe('token_signature_invalid')
    })

    it.each(VECTORS)(
      'T-TOKEN-01 refuses $name with a byte of the signature cut',
      async (vector) => {
        const [header, payload, signature = ''] = vector.jws.split('.')
        const cut = Buffer.from(signature, 'base64url').subarray(1).toString('base64url')
        expect(await run({ ...vector, jws: `${header}.${payload}.${cut}` })).toBe(
          'token_signature_invalid',
        )
      },
    )

    it('T-TOKEN-01 refuses RFC 7515 A.5, the unsecured one', async () => {
      const jws = `eyJhbGciOiJub25lIn0.${PAYLOAD}.`
      expect(await run({ name: '', alg: 'HS256', jws })).toBe('token_algorithm_refused')
    })

    it('T-TOKEN-01 holds a key that names no algorithm to the first that it was seen with', async () => {
      const { makeToken, keyPair, publicJwk } = await import(
        '../../../../lab/hostile-tokens/signer.mjs'
      )
      const pair = keyPair('RSA')
      const keySet = createLocalKeySet({ keys: [publicJwk(pair)] })
      const algorithms = new Set<Algorithm>(['RS256', 'PS256'])
      const verify = async (alg: Algorithm): Promise<void> => {
        const token = makeToken({ alg }, { sub: 'ann' }, pair.privateKey)
        await verifyJws(parseJws(token, 16_384), keySet, algorithms)
      }
      await verify('PS256')
      await verify('PS256')
      await expect(verify('RS256')).rejects.toMatchObject({ code: 'token_key_unknown' })
    })
  })
}

describe('importPublicKey', () => {
  it('is one key for both platforms, and the same refusals', async () => {
    const node = await import('./signature.node.ts')
    const web = await import('./signature.webcrypto.ts')
    for (const { jwk } of VECTORS) {
      if (jwk === undefined) continue
      for (const spoiled of [
        { ...jwk, use: 'enc' },
        { ...jwk, key_ops: ['sign'] },
        { ...jwk, key_ops: 'verify' },
        { ...jwk, kty: 'oct' },
        { ...jwk, kty: undefined },
        { ...jwk, x: 1, n: 1 },
      ]) {
        expect(node.importPublicKey(spoiled), JSON.stringify(spoiled)).toBeUndefined()
        expect(web.importPublicKey(spoiled), JSON.stringify(spoiled)).toBeUndefined()
      }
      expect(node.importPublicKey(jwk)?.jwk).toBe(jwk)
      expect(web.importPublicKey(jwk)?.jwk).toBe(jwk)
    }
  })
})
