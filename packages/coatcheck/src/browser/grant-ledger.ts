import { type DatabaseStore, done, inTransaction } from './database.ts'

/** Where a sign-in stands, for whoever wants to use its refresh token. */
export type Claim =
  /** It is ours to send, this once. */
  | 'ours'
  /** Another tab has sent it and has new tokens. */
  | 'spent'
  /** It was sent, and whoever sent it is gone without an answer. */
  | 'lost'
  /** The person has signed out. */
  | 'ended'

/**
 * Which refresh tokens were sent. It decides what a store cannot: a tab may read what another one wrote a moment ago late
 * (browsers carry `localStorage` from process to process when they find time), or never (a tab that was duplicated has a
 * copy of its own).
 */
export interface GrantLedger {
  /** Asked before a refresh token is sent. `generation`: how often the sign-in was renewed before. */
  claim(grant: string, generation: number): Promise<Claim>
  /** Told afterwards. `isSpent` is false when it is known not to be. Whether the sign-in still goes on. */
  settle(grant: string, generation: number, isSpent: boolean): Promise<boolean>
  end(grant: string): Promise<unknown>
  isEnded(grant: string): Promise<boolean>
}

/** How a ledger reckons time. */
export interface LedgerTimes {
  readonly clock: () => number
  /** How long a refresh token may be sent again after it was sent without an answer. */
  readonly reuseGraceMs: number
}

/** One sign-in. */
export interface Row {
  /** The last generation whose refresh token was sent. */
  readonly spent: number
  /** Whether its answer came. */
  readonly isSettled: boolean
  readonly isEnded: boolean
  readonly at: number
}

/** Reads and writes rows, each time with nobody in between. */
export type Rows = <T>(work: (rows: RowStore) => Promise<T>) => Promise<T>

export interface RowStore {
  get(grant: string): Promise<Row | undefined>
  put(grant: string, row: Row): Promise<unknown>
}

const NONE: Row = { spent: -1, isSettled: true, isEnded: false, at: 0 }
const STORE: DatabaseStore = 'grants'
const KEPT_MS = 90 * 86_400_000

/** For a place that other pages see, too: in IndexedDB. Calls reject with `database_unavailable`. */
export function createSharedLedger(times: LedgerTimes): GrantLedger {
  return ledgerOver(times, (work) =>
    inTransaction(STORE, async (store) => {
      const result = await work({
        get: (grant) => done(store.get(grant)),
        put: (grant, row) => done(store.put(row, grant)),
      })
      // Nobody has heard of those for months.
      const keys = await done(store.getAllKeys())
      const rows: readonly Row[] = await done(store.getAll())
      for (const [index, { at }] of rows.entries()) {
        const key = keys[index]
        if (key !== undefined && times.clock() - at > KEPT_MS) store.delete(key)
      }
      return result
    }),
  )
}

/** A ledger over rows that are read and written with nobody in between. */
export function ledgerOver({ clock, reuseGraceMs }: LedgerTimes, rows: Rows): GrantLedger {
  const put = (store: RowStore, grant: string, row: Partial<Row>): Promise<unknown> =>
    store.put(grant, { ...NONE, at: clock(), ...row })
  return {
    claim: (grant, spent) =>
      rows(async (store) => {
        const row = (await store.get(grant)) ?? NONE
        if (row.isEnded) return 'ended'
        if (row.spent > spent || (row.spent === spent && row.isSettled)) return 'spent'
        if (row.spent < spent) await put(store, grant, { spent, isSettled: false })
        else if (clock() - row.at >= reuseGraceMs) return 'lost'
        return 'ours'
      }),
    settle: (grant, generation, isSpent) =>
      rows(async (store) => {
        if ((await store.get(grant))?.isEnded) return false
        await put(store, grant, { spent: isSpent ? generation : generation - 1 })
        return true
      }),
    end: (grant) => rows((store) => put(store, grant, { isEnded: true })),
    isEnded: (grant) => rows(async (store) => (await store.get(grant))?.isEnded === true),
  }
}
