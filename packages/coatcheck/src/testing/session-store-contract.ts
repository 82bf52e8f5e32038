import type { SessionStore } from '../sessions/session-store.ts'
import { COORDINATION_CASES } from './coordination-cases.ts'
import { SESSION_CASES } from './session-cases.ts'
import { START } from './store-case.ts'

/** One clause of a contract: `run` rejects when it does not hold. */
export interface ContractCase {
  readonly name: string
  readonly run: () => Promise<void>
}

/** What the suite needs of an engine. */
export interface StoreUnderTest {
  /** A store whose time is the `clock` that it was made with, empty or with foreign keys in it. */
  readonly store: SessionStore
  /** Closes what `make` opened. Default: nothing. */
  readonly close?: () => Promise<void> | void
}

/** Options of {@link sessionStoreContract}. */
export interface StoreContractOptions {
  /** The engine removes sessions by itself, so that `sweep` has none to give back. Default: false. */
  readonly engineExpires?: boolean
}

/**
 * The contract of session stores, for authors of other ones: a list of cases, for any test runner. Each
 * case makes its own store.
 *
 * @example
 * for (const { name, run } of sessionStoreContract((clock) => ({ store: memoryStore({ clock }) }))) test(name, run)
 */
export function sessionStoreContract(
  make: (clock: () => number) => StoreUnderTest | Promise<StoreUnderTest>,
  { engineExpires = false }: StoreContractOptions = {},
): readonly ContractCase[] {
  const cases = [...SESSION_CASES, ...COORDINATION_CASES]
  return cases
    .filter(({ sweeps }) => !(engineExpires && sweeps))
    .map(({ name, check }) => ({
      name,
      run: async () => {
        let now = START
        const { store, close } = await make(() => now)
        try {
          await check(store, (ms) => {
            now += ms
          })
        } finally {
          await close?.()
        }
      },
    }))
}
