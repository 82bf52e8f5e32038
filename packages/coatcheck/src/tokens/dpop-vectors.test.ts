import { describe, expect, it, vi } from 'vitest'

// The proofs of RFC 9449 have one header, and so one key.
const HEADER =
  'eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19'
const THUMBPRINT = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I'

const VECTORS = [
  {
    name: '4.1, a token request',
    proof: `${HEADER}.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg`,
    jti: '-BwC3ESc6acc2lTc',
    iat: 1_562_262_616,
    request: { method: 'POST', url: 'https://server.example.com/token' },
  },
  {
    name: '7.1, a request to a protected resource',
    proof: `${HEADER}.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA`,
    jti: 'e1j3V_bKic8-LAEB',
    iat: 1_562_262_618,
    request: {
      method: 'GET',
      url: 'https://resource.example.org/protectedresource',
      accessToken: 'Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU',
      thumbprint: THUMBPRINT,
    },
  },
] as const

// The file takes the place that the import condition gives it outside of Node.
async function onPlatform(platform: 'node' | 'webcrypto') {
  vi.resetModules()
  vi.doMock('#signature', () => import(`./signature.${platform}.ts`))
  return import('./dpop-verifier.ts')
}

for (const platform of ['node', 'webcrypto'] as const) {
  const { createDpopVerifier } = await onPlatform(platform)

  describe(`the proofs of RFC 9449 on ${platform}`, () => {
    it.each(VECTORS)('are accepted at their time: $name', async ({ proof, jti, iat, request }) => {
      const { verify } = createDpopVerifier({ clock: () => iat * 1000, claimJti: () => true })
      expect(await verify({ ...request, proof })).toEqual({ jti, thumbprint: THUMBPRINT })
    })

    it.each(VECTORS)('T-BIND-05 are refused at another: $name', async ({ proof, iat, request }) => {
      for (const seconds of [iat + 65, iat - 6]) {
        const { verify } = createDpopVerifier({ clock: () => seconds * 1000, claimJti: () => true })
        await expect(verify({ ...request, proof })).rejects.toMatchObject({
          code: 'token_dpop_time_refused',
        })
      }
    })

    it.each(VECTORS)(
      'T-BIND-05 are refused with the signature of the other: $name',
      async (vector) => {
        const other = VECTORS.find(({ name }) => name !== vector.name)
        const [head, payload] = vector.proof.split('.')
        const proof = `${head}.${payload}.${other?.proof.split('.')[2]}`
        const clock = () => vector.iat * 1000
        const { verify } = createDpopVerifier({ clock, claimJti: () => true })
        await expect(verify({ ...vector.request, proof })).rejects.toMatchObject({
          code: 'token_dpop_signature_invalid',
        })
      },
    )
  })
}
