import { describe, expect, it } from 'vitest'
import { Secret } from '../core/secret.ts'
import { createProvider } from '../provider/provider.ts'
import { createKeyRing } from '../ring/key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import { memoryStore } from '../sessions/stores/memory.ts'
import { createCounter } from './counter.ts'

describe('a counter', () => {
  it('sweeps its store by itself when somebody signs in, at most once a minute', async () => {
    let now = 1_700_000_000_000
    const clock = (): number => now
    const store = memoryStore({ clock })
    const swept: number[] = []
    const counter = createCounter({
      origin: 'https://app.example',
      provider: createProvider({
        issuer: 'https://idp.example',
        clientId: 'app',
        clientSecret: new Secret('a secret for this test'),
      }),
      ring: createKeyRing(generateKeyRing()),
      sessions: {
        store: {
          ...store,
          sweep: (limit) => {
            swept.push(now)
            return store.sweep(limit)
          },
        },
      },
      clock,
    })
    const signIn = () =>
      counter.handle({
        method: 'GET',
        target: '/auth/sign-in',
        headers: [
          'host',
          'app.example',
          'sec-fetch-mode',
          'navigate',
          'sec-fetch-dest',
          'document',
        ],
        encrypted: true,
      })
    for (let index = 0; index < 5; index += 1) await signIn()
    expect(swept).toEqual([now])
    now += 60_000
    await signIn()
    expect(swept).toEqual([now - 60_000, now])
  })
})
