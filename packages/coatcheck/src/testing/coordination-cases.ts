import { idOf, MINUTE, START, type StoreCase, same, sample } from './store-case.ts'

/** What a store does between processes: leases, claims, blobs. */
export const COORDINATION_CASES: readonly StoreCase[] = [
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
    name: 'never lets a holder whose lease was swept let go of the next one',
    check: async (store, pass) => {
      const first = await store.acquireLease('lease', 1000)
      pass(1000)
      await store.sweep(100)
      const second = await store.acquireLease('lease', 1000)
      same((second ?? 0) > (first ?? 0), true)
      await store.releaseLease('lease', first ?? 0)
      same(await store.acquireLease('lease', 1000), undefined)
      await store.releaseLease('lease', second ?? 0)
      await store.sweep(100)
      same(((await store.acquireLease('lease', 1000)) ?? 0) > (second ?? 0), true)
    },
  },
  {
    name: 'gives a lease to one of a hundred',
    check: async (store) => {
      const tries = Array.from({ length: 100 }, async () => store.acquireLease('lease', 1000))
      same((await Promise.all(tries)).filter((number) => number !== undefined).length, 1)
    },
  },
  {
    name: 'keeps leases, claims, blobs and endings through a sweep until they are over',
    check: async (store, pass) => {
      await store.insert(sample())
      await store.delete(idOf('one'), 'signed_out')
      await store.claim('key', START + MINUTE)
      await store.putBlob('key', new Uint8Array([1]), START + MINUTE)
      await store.acquireLease('lease', MINUTE)
      pass(MINUTE - 1)
      await store.sweep(100)
      same(await store.claim('key', START + MINUTE), false)
      same(await store.acquireLease('lease', MINUTE), undefined)
      same(await store.endingOf(idOf('one')), 'signed_out')
      same(await store.takeBlob('key'), new Uint8Array([1]))
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
