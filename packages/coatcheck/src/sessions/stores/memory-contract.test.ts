import { describe, it } from 'vitest'
import { sessionStoreContract } from '../../testing/session-store-contract.ts'
import { memoryStore } from './memory.ts'

describe('memoryStore keeps the contract', () => {
  for (const { name, run } of sessionStoreContract((clock) => ({ store: memoryStore({ clock }) })))
    it(name, run)
})
