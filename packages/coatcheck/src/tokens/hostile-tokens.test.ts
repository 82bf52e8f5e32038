import { describe, expect, it, vi } from 'vitest'
import { createScene, goodTokens, hostileTokens } from '../../../../lab/hostile-tokens/corpus.mjs'
import type { Verifier } from './verifier.ts'

const now = 1_800_000_000
const scene = createScene({ now, canary: 'http://127.0.0.1:9' })
const good = goodTokens(scene)
const attacks = hostileTokens(scene)

// The file takes the place that the import condition gives it outside of Node.
async function onPlatform(platform: 'node' | 'webcrypto') {
  vi.resetModules()
  vi.doMock('#signature', () => import(`./signature.${platform}.ts`))
  const { createVerifier } = await import('./verifier.ts')
  const { Secret } = await import('../core/secret.ts')
  const common = { issuer: scene.issuer, clock: () => now * 1000 }
  const api = { ...common, audience: scene.audience }
  const secret = new Secret(new Uint8Array(scene.secret))
  const verifiers: Record<string, Verifier> = {
    access: createVerifier({ ...api, jwks: scene.jwks }),
    id: createVerifier({ ...common, audience: scene.clientId, jwks: scene.jwks, kind: 'id_token' }),
    ec: createVerifier({ ...api, jwks: scene.jwks, algorithms: ['ES256'] }),
    secret: createVerifier({ ...api, secret }),
  }
  return async (to: string, token: string, checks = {}): Promise<unknown> => {
    return verifiers[to]?.verify(token, checks).catch((error: unknown) => error)
  }
}

function codeOf(outcome: unknown): unknown {
  const code = Object.getOwnPropertyDescriptor(outcome, 'code')?.value
  return code ?? (outcome instanceof Error ? outcome : 'accepted')
}

it('has 60 hostile tokens at least, each its own', () => {
  expect(attacks.length).toBeGreaterThanOrEqual(60)
  expect(new Set(attacks.map(({ name, to }) => `${to} ${name}`)).size).toBe(attacks.length)
})

for (const platform of ['node', 'webcrypto'] as const) {
  const verify = await onPlatform(platform)

  describe(`createVerifier on ${platform}`, () => {
    it.each(good)('accepts $name', async ({ to, token, checks }) => {
      expect(codeOf(await verify(to, token, checks))).toBe('accepted')
    })

    it.each(attacks)('T-TOKEN-01..04 refuses: $name ($to)', async (attack) => {
      const { to, token, code, checks } = attack
      expect(codeOf(await verify(to, token, checks))).toBe(code)
      // Once more: a second look must not find it in a cache.
      expect(codeOf(await verify(to, token, checks))).toBe(code)
    })

    it('T-TOKEN-04 refuses what is no text', async () => {
      const values = [undefined, null, 1, {}, [], Object('a.b.c'), Buffer.from('a.b.c')]
      for (const value of values) {
        expect(codeOf(await verify('access', value))).toBe('token_malformed')
      }
    })

    it('T-OPS-03 names no part of a token in an error', async () => {
      for (const { to, token, checks } of attacks) {
        const error = (await verify(to, token, checks)) as Error
        const text = `${error} ${JSON.stringify(error)} ${error.stack} ${error.cause}`
        for (const part of token.split('.')) {
          if (part.length > 20) expect(text.includes(part.slice(0, 20))).toBe(false)
        }
        expect(text).not.toMatch(/evil\.test|admin|"ann"/)
      }
    })
  })
}
