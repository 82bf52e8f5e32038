import { idOf, MINUTE, START, type StoreCase, same, sample, soon } from './store-case.ts'

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
    name: 'gives ten of two hundred claims where ten are allowed',
    check: async (store) => {
      const claims = Array.from({ length: 200 }, async () => store.claim('key', START + MINUTE, 10))
      same((await Promise.all(claims)).filter(Boolean).length, 10)
    },
  },
  {
    name: 'tells keys of claims, blobs and leases apart that differ in one character or its case',
    check: async (store) => {
      for (const key of ['AAAA', 'AAAa', 'AAA', 'AAAAA', 'AAAQ']) {
        same(await store.claim(key, START + MINUTE), true, key)
        same(typeof (await store.acquireLease(key, 1000)), 'number', key)
        await store.putBlob(key, new TextEncoder().encode(key), START + MINUTE)
      }
      for (const key of ['AAAA', 'AAAa', 'AAA', 'AAAAA', 'AAAQ']) {
        same(await store.takeBlob(key), new TextEncoder().encode(key), key)
      }
    },
  },
  {
    name: 'makes itself ready, however often it is asked to',
    check: async (store) => {
      await store.prepare?.()
      await store.insert(sample())
      await Promise.all([store.prepare?.(), store.prepare?.()])
      same((await store.get(idOf('one')))?.id, idOf('one'))
    },
  },
  {
    name: 'tells of endings and of leases let go, if it tells at all, until the subscription is closed',
    check: async (store) => {
      if (store.subscribe === undefined) return
      const heard: string[] = []
      const subscription = await store.subscribe((notice) => {
        if (notice.kind === 'ended') heard.push(`${notice.id} ${notice.reason}`)
        if (notice.kind === 'released') heard.push(`${notice.id} released`)
      })
      for (const name of ['one', 'two', 'three']) {
        await store.insert(sample({ id: idOf(name), subjectKey: name, sidKey: name }))
      }
      await store.delete(idOf('one'), 'signed_out')
      await store.deleteBySubject('two', 'ended_by_operator')
      await store.deleteByProviderSession('three', 'provider_signed_out')
      const number = await store.acquireLease(idOf('four'), 1000)
      await store.releaseLease(idOf('four'), (number ?? 0) + 1)
      await store.releaseLease(idOf('four'), number ?? 0)
      await soon(() => heard.length >= 4)
      same(heard.toSorted(), [
        `${idOf('four')} released`,
        `${idOf('one')} signed_out`,
        `${idOf('three')} provider_signed_out`,
        `${idOf('two')} ended_by_operator`,
      ])
      await subscription.close()
      await store.insert(sample())
      await store.delete(idOf('one'), 'signed_out')
      await new Promise((resolve) => setTimeout(resolve, 50))
      same(heard.length, 4)
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
