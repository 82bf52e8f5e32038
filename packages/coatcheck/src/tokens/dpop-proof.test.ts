import { createHash } from 'node:crypto'
import { decodeProtectedHeader, EmbeddedJWK, jwtVerify } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import type { DpopKey } from './dpop-proof.ts'

const NOW = 1_800_000_000
const clock = () => NOW * 1000 + 999
const request = { method: 'GET', url: 'https://api.example/orders', clock }

function claimsOf(proof: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(proof.split('.')[1] ?? '', 'base64url').toString())
}

// The file takes the place that the import condition gives it outside of Node.
async function onPlatform(platform: 'node' | 'webcrypto') {
  vi.resetModules()
  vi.doMock('#signature', () => import(`./signature.${platform}.ts`))
  const proof = await import('./dpop-proof.ts')
  const verifier = await import('./dpop-verifier.ts')
  return { ...proof, ...verifier }
}

for (const platform of ['node', 'webcrypto'] as const) {
  const { generateDpopKeyPair, dpopKeyOf, createDpopProof, createDpopVerifier } =
    await onPlatform(platform)
  const pair = await generateDpopKeyPair()
  const key = await dpopKeyOf(pair)

  describe(`generateDpopKeyPair on ${platform}`, () => {
    it('T-BIND-05 makes a key that cannot be exported', async () => {
      const { privateKey, publicKey } = pair as CryptoKeyPair
      expect(privateKey.extractable).toBe(false)
      expect(privateKey.usages).toEqual(['sign'])
      expect(publicKey.usages).toEqual(['verify'])
      for (const format of ['jwk', 'pkcs8'] as const) {
        await expect(crypto.subtle.exportKey(format, privateKey)).rejects.toThrow()
      }
    })

    it('makes another one each time', async () => {
      const other = await dpopKeyOf(await generateDpopKeyPair())
      expect(other.thumbprint).not.toBe(key.thumbprint)
    })
  })

  describe(`dpopKeyOf on ${platform}`, () => {
    it('has the public members alone, and their thumbprint', async () => {
      expect(Object.keys(key.publicJwk).sort()).toEqual(['crv', 'kty', 'x', 'y'])
      expect(key.publicJwk).toMatchObject({ kty: 'EC', crv: 'P-256' })
      const { crv, kty, x, y } = key.publicJwk
      const text = JSON.stringify({ crv, kty, x, y })
      expect(key.thumbprint).toBe(createHash('sha256').update(text).digest('base64url'))
    })

    it('is the same key again for a pair that was kept', async () => {
      const kept = structuredClone(pair)
      expect(await dpopKeyOf(kept)).toMatchObject({
        publicJwk: key.publicJwk,
        thumbprint: key.thumbprint,
      })
    })
  })

  describe(`createDpopProof on ${platform}`, () => {
    it('says what RFC 9449, 4.2 asks for, and no more', async () => {
      const proof = await createDpopProof(key, request)
      expect(decodeProtectedHeader(proof)).toEqual({
        typ: 'dpop+jwt',
        alg: 'ES256',
        jwk: key.publicJwk,
      })
      expect(claimsOf(proof)).toEqual({
        jti: expect.stringMatching(/^[\w-]{22,}$/),
        htm: 'GET',
        htu: 'https://api.example/orders',
        iat: NOW,
      })
    })

    it('takes nonce and hash of the access token along', async () => {
      const accessToken = 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU'
      const proof = await createDpopProof(key, { ...request, accessToken, nonce: 'n-1' })
      expect(claimsOf(proof)).toMatchObject({
        nonce: 'n-1',
        ath: 'fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo',
      })
      expect(proof).not.toContain(accessToken)
    })

    it.each([
      ['https://api.example/orders?page=2&q=a%20b#top', 'https://api.example/orders'],
      ['https://api.example/orders#top?', 'https://api.example/orders'],
      ['HTTPS://API.example:443', 'https://api.example/'],
      ['https://user:password@api.example:8443/a/../b', 'https://api.example:8443/b'],
    ])('names %s as %s', async (url, htu) => {
      expect(claimsOf(await createDpopProof(key, { ...request, url })).htu).toBe(htu)
    })

    it('leaves the method as it is', async () => {
      const proof = await createDpopProof(key, { ...request, method: 'patch' })
      expect(claimsOf(proof).htm).toBe('patch')
    })

    it('T-BIND-05 has a jti of its own in each of 1,000 proofs', async () => {
      const proofs = await Promise.all(
        Array.from({ length: 1000 }, () => createDpopProof(key, request)),
      )
      expect(new Set(proofs.map((proof) => claimsOf(proof).jti)).size).toBe(1000)
    })

    it('takes 16 bytes for a jti from the source that it is given', async () => {
      const asked: number[] = []
      const random = (length: number) => {
        asked.push(length)
        return new Uint8Array(length).fill(7)
      }
      const proof = await createDpopProof(key, { ...request, random })
      expect(asked).toEqual([16])
      expect(claimsOf(proof).jti).toBe(Buffer.alloc(16, 7).toString('base64url'))
    })

    it('takes the clock of the machine and a secure source by itself', async () => {
      const proof = await createDpopProof(key, { method: 'GET', url: request.url })
      expect(Math.abs(Number(claimsOf(proof).iat) - Date.now() / 1000)).toBeLessThan(10)
    })

    it('is accepted by jose, by the key that it carries', async () => {
      const proof = await createDpopProof(key, { ...request, nonce: 'n', accessToken: 'token' })
      const { payload } = await jwtVerify(proof, EmbeddedJWK, {
        typ: 'dpop+jwt',
        algorithms: ['ES256'],
        currentDate: new Date(NOW * 1000),
        requiredClaims: ['jti', 'htm', 'htu', 'iat', 'nonce', 'ath'],
        maxTokenAge: '10s',
      })
      expect(payload.htm).toBe('GET')
    })

    it('is accepted by the verifier here', async () => {
      const seen: string[] = []
      const { verify } = createDpopVerifier({
        clock,
        claimJti: (jti) => seen.push(jti) === 1,
        nonces: { current: () => 'n', accepts: (nonce) => nonce === 'n' },
      })
      const proof = await createDpopProof(key, { ...request, nonce: 'n', accessToken: 'token' })
      const { thumbprint } = key
      expect(await verify({ ...request, proof, accessToken: 'token', thumbprint })).toEqual({
        jti: claimsOf(proof).jti,
        thumbprint,
      })
      expect(seen.length).toBe(1)
    })

    it('T-BIND-05 signs with the key alone: another one of the same name does not verify', async () => {
      const other = await dpopKeyOf(await generateDpopKeyPair())
      const mixed: DpopKey = { ...key, sign: other.sign }
      const proof = await createDpopProof(mixed, request)
      await expect(jwtVerify(proof, EmbeddedJWK)).rejects.toThrow()
    })
  })
}
