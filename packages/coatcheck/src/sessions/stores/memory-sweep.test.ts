import { describe, expect, it } from 'vitest'
import type { StoredSession } from '../session-store.ts'
import { memoryStore } from './memory.ts'

const bytes = new Uint8Array(1)

describe('memoryStore', () => {
  it('sweeps all that is over in the end, a bounded number at a time', async () => {
    let now = 0
    const store = memoryStore({ clock: () => now })
    const count = 50_000
    for (let index = 0; index < count; index += 1) {
      const session: StoredSession = {
        format: 1,
        id: `s-${index}`,
        version: 1,
        createdAt: 0,
        lastSeenAt: 0,
        // Those that are over lie at the end.
        expiresAt: index >= count - 10 ? 1 : 1000,
        subjectKey: `k-${index}`,
        wraps: [bytes],
        body: bytes,
        card: bytes,
      }
      await store.insert(session)
    }
    now = 1
    const swept = [await store.sweep(100), await store.sweep(100), await store.sweep(100)]
    expect(swept.map(({ length }) => length)).toEqual([0, 0, 10])
    expect((await store.get('s-0'))?.id).toBe('s-0')
  })
})
