import { idOf, MINUTE, rejects, START, type StoreCase, same, sample } from './store-case.ts'

/** What a store does with sessions. */
export const SESSION_CASES: readonly StoreCase[] = [
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
    name: 'lets one of many inserts of an id win',
    check: async (store) => {
      const inserts = Array.from({ length: 20 }, async (_, index) => {
        await store.insert(sample({ body: new Uint8Array([index]) }))
        return index
      })
      const won = (await Promise.allSettled(inserts)).filter(({ status }) => status === 'fulfilled')
      same(won.length, 1)
      const [winner] = won as readonly PromiseFulfilledResult<number>[]
      same((await store.get(idOf('one')))?.body, new Uint8Array([winner?.value ?? -1]))
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
    name: 'loses neither when touch and replace meet',
    check: async (store) => {
      await store.insert(sample())
      const touches = Array.from({ length: 30 }, async (_, index) =>
        store.touch(idOf('one'), START + index, START + MINUTE + index),
      )
      const replaces = (async () => {
        for (let version = 1; version <= 10; version += 1) {
          const body = new Uint8Array([version])
          same(await store.replace(sample({ version: version + 1, body }), version), true)
        }
      })()
      same(await Promise.all(touches), Array(30).fill(true))
      await replaces
      const { version, body, lastSeenAt, expiresAt } = (await store.get(idOf('one'))) ?? sample()
      same([version, body], [11, new Uint8Array([10])])
      same([lastSeenAt, expiresAt], [START + 29, START + MINUTE + 29])
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
      same(ended.map(({ id }) => id).toSorted(), [idOf('one'), idOf('two')].toSorted())
      same(await store.listBySubject('subject'), [])
      same((await store.get(idOf('three')))?.id, idOf('three'))
      same(await store.endingOf(idOf('two')), 'ended_by_operator')
    },
  },
  {
    name: 'finds a session under its new keys alone once it was replaced',
    check: async (store) => {
      await store.insert(sample({ sidKey: 'sid' }))
      const moved = sample({ version: 2, subjectKey: 'moved', sidKey: 'sid-moved' })
      same(await store.replace(moved, 1), true)
      same(await store.listBySubject('subject'), [])
      same(await store.deleteBySubject('subject', 'ended_by_user'), [])
      same(await store.deleteByProviderSession('sid', 'provider_signed_out'), [])
      same((await store.listBySubject('moved')).length, 1)
      const ended = await store.deleteByProviderSession('sid-moved', 'provider_signed_out')
      same(ended, [moved])
      same(await store.listBySubject('moved'), [])
    },
  },
  {
    name: 'lists and ends hundreds of sessions of one subject',
    check: async (store) => {
      const ids = Array.from({ length: 300 }, (_, index) => idOf(`s-${index}`))
      await Promise.all(ids.map(async (id) => store.insert(sample({ id }))))
      same((await store.listBySubject('subject')).length, 300)
      const ended = await store.deleteBySubject('subject', 'ended_by_user')
      same(ended.map(({ id }) => id).toSorted(), ids.toSorted())
      same(await store.deleteBySubject('subject', 'ended_by_user'), [])
    },
  },
  {
    name: 'gives each session to one of those who end them at once',
    check: async (store) => {
      for (let index = 0; index < 20; index += 1) {
        await store.insert(sample({ id: idOf(`s-${index}`), sidKey: 'sid' }))
      }
      const all = await Promise.all([
        store.deleteBySubject('subject', 'ended_by_user'),
        store.deleteByProviderSession('sid', 'provider_signed_out'),
        ...Array.from({ length: 20 }, async (_, index) => {
          const deleted = await store.delete(idOf(`s-${index}`), 'signed_out')
          return deleted === undefined ? [] : [deleted]
        }),
      ])
      const ids = all.flat().map(({ id }) => id)
      same([ids.length, new Set(ids).size], [20, 20])
    },
  },
  {
    name: 'tells keys apart that differ in one character or its case',
    check: async (store) => {
      await store.insert(sample({ subjectKey: 'AAAA', sidKey: 'BBBB' }))
      for (const key of ['AAAa', 'aAAA', 'AAA', 'AAAAA', 'AAAQ', 'AAA_', '%', 'AAA*', '']) {
        same(await store.listBySubject(key), [])
        same(await store.deleteBySubject(key, 'ended_by_user'), [])
      }
      same(await store.deleteByProviderSession('BBBb', 'provider_signed_out'), [])
      same((await store.listBySubject('AAAA')).length, 1)
    },
  },
  {
    name: 'ends the sessions of one session at the provider, and no others',
    check: async (store) => {
      await store.insert(sample({ sidKey: 'sid-1' }))
      await store.insert(sample({ id: idOf('two'), sidKey: 'sid-2' }))
      await store.insert(sample({ id: idOf('three') }))
      const ended = await store.deleteByProviderSession('sid-1', 'provider_signed_out')
      same(ended, [sample({ sidKey: 'sid-1' })])
      same((await store.get(idOf('two')))?.id, idOf('two'))
      same((await store.get(idOf('three')))?.id, idOf('three'))
    },
  },
  {
    name: 'sweeps what is over, within its limit, and nothing else',
    sweeps: true,
    check: async (store, pass) => {
      for (let index = 0; index < 5; index += 1)
        await store.insert(sample({ id: idOf(`old-${index}`) }))
      await store.insert(sample({ id: idOf('young'), expiresAt: START + 9 * MINUTE }))
      pass(MINUTE)
      same((await store.sweep(3)).length, 3)
      same((await store.sweep(3)).length, 2)
      same((await store.sweep(3)).length, 0)
      same((await store.get(idOf('young')))?.id, idOf('young'))
    },
  },
  {
    name: 'gives each session to one of several sweeps at once',
    sweeps: true,
    check: async (store, pass) => {
      for (let index = 0; index < 30; index += 1) {
        await store.insert(sample({ id: idOf(`old-${index}`) }))
      }
      pass(MINUTE)
      const swept: string[] = []
      for (let round = 0; round < 10 && swept.length < 30; round += 1) {
        const batches = await Promise.all(Array.from({ length: 4 }, async () => store.sweep(5)))
        swept.push(...batches.flat().map(({ id }) => id))
      }
      same([swept.length, new Set(swept).size], [30, 30])
    },
  },
  {
    name: 'keeps what it was given, whatever its caller does with the bytes',
    check: async (store) => {
      const body = new Uint8Array([1, 2, 3])
      await store.insert(sample({ body }))
      body.fill(9)
      same((await store.get(idOf('one')))?.body, new Uint8Array([1, 2, 3]))
      const blob = new Uint8Array([1])
      await store.putBlob('key', blob, START + MINUTE)
      blob.fill(9)
      same(await store.takeBlob('key'), new Uint8Array([1]))
    },
  },
  {
    name: 'tells why each session ended',
    check: async (store) => {
      await store.insert(sample({ sidKey: 'sid' }))
      await store.deleteByProviderSession('sid', 'provider_signed_out')
      same(await store.endingOf(idOf('one')), 'provider_signed_out')
      await store.insert(sample({ id: idOf('two') }))
      same(await store.endingOf(idOf('two')), undefined)
    },
  },
]
