import type { SessionStore, StoredSession } from '../sessions/session-store.ts'

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

/**
 * The contract of session stores, for authors of other ones: a list of cases, for any test runner. Each
 * case makes its own store.
 *
 * @example
 * for (const { name, run } of sessionStoreContract((clock) => ({ store: memoryStore({ clock }) }))) test(name, run)
 */
export function sessionStoreContract(
  make: (clock: () => number) => StoreUnderTest | Promise<StoreUnderTest>,
): readonly ContractCase[] {
  return CASES.map(({ name, check }) => ({
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

const START = 1_700_000_000_000
const MINUTE = 60_000

interface Case {
  readonly name: string
  readonly check: (store: SessionStore, pass: (ms: number) => void) => Promise<void>
}

const CASES: readonly Case[] = [
  {
    name: 'gives back what was inserted, byte for byte',
    check: async (store) => {
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
      const session = sample({
        body: bytes,
        wraps: [bytes, new Uint8Array(1)],
        card: bytes,
        sidKey: 'sid',
      })
      await store.insert(session)
      same(await store.get(session.id), session)
      same(await store.get(idOf('another')), undefined)
    },
  },
  {
    name: 'keeps a record of a megabyte',
    check: async (store) => {
      const body = Uint8Array.from({ length: 1_000_000 }, (_, index) => (index * 31) & 255)
      await store.insert(sample({ body }))
      same((await store.get(idOf('one')))?.body, body)
    },
  },
  {
    name: 'refuses to insert over a session',
    check: async (store) => {
      await store.insert(sample({ version: 7 }))
      await rejects(async () => store.insert(sample({ version: 1 })))
      same((await store.get(idOf('one')))?.version, 7)
    },
  },
  {
    name: 'tells ids apart that differ in one character or its case',
    check: async (store) => {
      await store.insert(sample({ id: 'AAAAAAAAAAAAAAAAAAAAAA' }))
      same(await store.get('AAAAAAAAAAAAAAAAAAAAAQ'), undefined)
      same(await store.get('aaaaaaaaaaaaaaaaaaaaaa'), undefined)
      same(await store.get('AAAAAAAAAAAAAAAAAAAAA'), undefined)
    },
  },
  {
    name: 'gives nothing back once the time is over',
    check: async (store, pass) => {
      await store.insert(sample())
      pass(MINUTE)
      same(await store.get(idOf('one')), undefined)
      same(await store.touch(idOf('one'), START + MINUTE, START + 2 * MINUTE), false)
      same(await store.replace(sample({ version: 2 }), 1), false)
      same(await store.listBySubject('subject'), [])
    },
  },
  {
    name: 'replaces only the expected version',
    check: async (store) => {
      await store.insert(sample())
      same(await store.replace(sample({ version: 2, body: new Uint8Array([2]) }), 1), true)
      same(await store.replace(sample({ version: 2, body: new Uint8Array([3]) }), 1), false)
      same((await store.get(idOf('one')))?.body, new Uint8Array([2]))
    },
  },
  {
    name: 'lets one of a hundred writers win each version, and shows every acknowledged write',
    check: async (store) => {
      await store.insert(sample())
      for (let version = 1; version <= 3; version += 1) {
        const writers = Array.from({ length: 100 }, async (_, writer) => {
          const body = new Uint8Array([writer, version])
          return (await store.replace(sample({ version: version + 1, body }), version))
            ? writer
            : -1
        })
        const winners = (await Promise.all(writers)).filter((writer) => writer !== -1)
        same(winners.length, 1)
        same((await store.get(idOf('one')))?.body, new Uint8Array([winners[0] ?? -1, version]))
      }
    },
  },
  {
    name: 'never creates by replace or touch',
    check: async (store) => {
      same(await store.replace(sample(), 1), false)
      same(await store.touch(idOf('one'), START, START + MINUTE), false)
      same(await store.get(idOf('one')), undefined)
      await store.insert(sample())
      await store.delete(idOf('one'), 'signed_out')
      same(await store.replace(sample({ version: 2 }), 1), false)
      same(await store.touch(idOf('one'), START, START + MINUTE), false)
      same(await store.get(idOf('one')), undefined)
    },
  },
  {
    name: 'moves times on by touch, never back, and leaves the version',
    check: async (store) => {
      await store.insert(sample())
      same(await store.touch(idOf('one'), START + 5000, START + MINUTE + 5000), true)
      same(await store.touch(idOf('one'), START + 1000, START + MINUTE + 1000), true)
      const { lastSeenAt, expiresAt, version } = (await store.get(idOf('one'))) ?? sample()
      same([lastSeenAt, expiresAt, version], [START + 5000, START + MINUTE + 5000, 1])
    },
  },
  {
    name: 'never moves times back by replace',
    check: async (store) => {
      await store.insert(sample())
      await store.touch(idOf('one'), START + 5000, START + MINUTE + 5000)
      same(await store.replace(sample({ version: 2 }), 1), true)
      const { lastSeenAt, expiresAt } = (await store.get(idOf('one'))) ?? sample()
      same([lastSeenAt, expiresAt], [START + 5000, START + MINUTE + 5000])
    },
  },
  {
    name: 'gives back what it deletes, once, and keeps the reason for two minutes',
    check: async (store, pass) => {
      await store.insert(sample({ body: new Uint8Array([9]) }))
      same((await store.delete(idOf('one'), 'replaced'))?.body, new Uint8Array([9]))
      same(await store.delete(idOf('one'), 'signed_out'), undefined)
      same(await store.endingOf(idOf('one')), 'replaced')
      pass(120_000)
      same(await store.endingOf(idOf('one')), undefined)
    },
  },
  {
    name: 'lets one of many deletes have the session',
    check: async (store) => {
      await store.insert(sample())
      const deletes = Array.from({ length: 50 }, async () =>
        store.delete(idOf('one'), 'signed_out'),
      )
      same((await Promise.all(deletes)).filter((deleted) => deleted !== undefined).length, 1)
    },
  },
  {
    name: 'lists and ends the sessions of a subject, and no others',
    check: async (store) => {
      await store.insert(sample())
      await store.insert(sample({ id: idOf('two') }))
      await store.insert(sample({ id: idOf('three'), subjectKey: 'other' }))
      const ids = (await store.listBySubject('subject')).map(({ id }) => id)
      same(ids.toSorted(), [idOf('one'), idOf('two')].toSorted())
      const ended = await store.deleteBySubject('subject', 'ended_by_operator')
      same(ended.toSorted(), [idOf('one'), idOf('two')].toSorted())
      same(await store.listBySubject('subject'), [])
      same((await store.get(idOf('three')))?.id, idOf('three'))
      same(await store.endingOf(idOf('two')), 'ended_by_operator')
    },
  },
  {
    name: 'ends the sessions of one session at the provider, and no others',
    check: async (store) => {
      await store.insert(sample({ sidKey: 'sid-1' }))
      await store.insert(sample({ id: idOf('two'), sidKey: 'sid-2' }))
      await store.insert(sample({ id: idOf('three') }))
      same(await store.deleteByProviderSession('sid-1', 'provider_signed_out'), [idOf('one')])
      same((await store.get(idOf('two')))?.id, idOf('two'))
      same((await store.get(idOf('three')))?.id, idOf('three'))
    },
  },
  {
    name: 'sweeps what is over, within its limit, and nothing else',
    check: async (store, pass) => {
      for (let index = 0; index < 5; index += 1)
        await store.insert(sample({ id: idOf(`old-${index}`) }))
      await store.insert(sample({ id: idOf('young'), expiresAt: START + 9 * MINUTE }))
      pass(MINUTE)
      same((await store.sweep(START + MINUTE, 3)).length, 3)
      same((await store.sweep(START + MINUTE, 3)).length, 2)
      same((await store.sweep(START + MINUTE, 3)).length, 0)
      same((await store.get(idOf('young')))?.id, idOf('young'))
    },
  },
  {
    name: 'leases to one holder at a time, with growing numbers, and again after the time',
    check: async (store, pass) => {
      const first = await store.acquireLease('lease', 1000)
      same(typeof first, 'number')
      same(await store.acquireLease('lease', 1000), undefined)
      same(typeof (await store.acquireLease('another', 1000)), 'number')
      pass(1000)
      const second = await store.acquireLease('lease', 1000)
      same((second ?? 0) > (first ?? 0), true)
      await store.releaseLease('lease', first ?? 0)
      same(await store.acquireLease('lease', 1000), undefined)
      await store.releaseLease('lease', second ?? 0)
      const third = await store.acquireLease('lease', 1000)
      same((third ?? 0) > (second ?? 0), true)
    },
  },
  {
    name: 'gives one of a thousand claims',
    check: async (store) => {
      const claims = Array.from({ length: 1000 }, async () => store.claim('key', START + MINUTE))
      same((await Promise.all(claims)).filter(Boolean).length, 1)
    },
  },
  {
    name: 'counts claims up to their maximum, and anew after the time',
    check: async (store, pass) => {
      const claim = () => store.claim('key', START + MINUTE, 2)
      same([await claim(), await claim(), await claim()], [true, true, false])
      same(await store.claim('other', START + MINUTE), true)
      same(await store.claim('late', START), false)
      pass(MINUTE)
      same(await store.claim('key', START + 2 * MINUTE), true)
      same(await store.claim('key', START + 2 * MINUTE), false)
    },
  },
  {
    name: 'gives a blob out once, and not after its time',
    check: async (store, pass) => {
      await store.putBlob('key', new Uint8Array([0, 255]), START + MINUTE)
      const takes = Array.from({ length: 20 }, async () => store.takeBlob('key'))
      same(
        (await Promise.all(takes)).filter((bytes) => bytes !== undefined),
        [new Uint8Array([0, 255])],
      )
      await store.putBlob('key', new Uint8Array([1]), START + MINUTE)
      pass(MINUTE)
      same(await store.takeBlob('key'), undefined)
    },
  },
  {
    name: 'bears keys that mean something elsewhere',
    check: async (store) => {
      for (const key of [
        '__proto__',
        'constructor',
        "'; DROP TABLE x; --",
        '%',
        '*',
        'a\u0000b',
        'ü',
        '{x}',
      ]) {
        same(await store.claim(key, START + MINUTE), true, key)
        same(await store.claim(key, START + MINUTE), false, key)
        await store.putBlob(key, new Uint8Array([1]), START + MINUTE)
        same(await store.takeBlob(key), new Uint8Array([1]), key)
      }
    },
  },
]

function idOf(name: string): string {
  return name.padEnd(22, '_')
}

function sample(changes: Partial<StoredSession> = {}): StoredSession {
  return {
    format: 1,
    id: idOf('one'),
    version: 1,
    createdAt: START,
    lastSeenAt: START,
    expiresAt: START + MINUTE,
    subjectKey: 'subject',
    wraps: [new Uint8Array([1])],
    body: new Uint8Array([1]),
    card: new Uint8Array([1]),
    ...changes,
  }
}

function same(actual: unknown, expected: unknown, about = ''): void {
  const [one, other] = [plain(actual), plain(expected)]
  if (one !== other)
    throw new Error(`${about}: expected ${other.slice(0, 200)}, but got ${one.slice(0, 200)}`)
}

// Bytes and members in one order, so that every engine's own classes compare.
function plain(value: unknown): string {
  return (
    JSON.stringify(value, (_key, member: unknown) => {
      if (member instanceof Uint8Array) return `bytes:${[...member].join()}`
      if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
      return Object.fromEntries(
        Object.entries(member).toSorted(([one], [other]) => (one < other ? -1 : 1)),
      )
    }) ?? 'undefined'
  )
}

async function rejects(work: () => Promise<void>): Promise<void> {
  const rejected = await work().then(
    () => false,
    () => true,
  )
  if (!rejected) throw new Error('expected a rejection')
}
