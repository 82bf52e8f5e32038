import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { flipRecord, forgedTables, setOddValues } from '../../../../../test/support/forged-rows.ts'
import { forgeryOf, itRefusesForgeries } from '../../../../../test/support/forged-sessions.ts'
import { BINDING, newRing } from '../../../../../test/support/session-fixture.ts'
import { sqliteEngines, type TestDatabase } from '../../../../../test/support/sqlite-engines.ts'
import { systemRandom } from '../../core/random.ts'
import { createRecords } from '../record.ts'
import { sqliteStore } from './sqlite.ts'

let folder: string
let database: TestDatabase

const tables = forgedTables({
  store: () => sqliteStore(database),
  rows: async (sql, ...values) => database.prepare(sql).all(...values) as Record<string, unknown>[],
  change: async (sql, ...values) => Number(database.prepare(sql).run(...values).changes),
  key: 'number',
})

afterEach(() => {
  database.close()
  rmSync(folder, { recursive: true })
})

const NAME = 'a session file in the hands of somebody without the ring, over $name'

describe.each(sqliteEngines())(NAME, ({ open }) => {
  const forgery = forgeryOf(tables)
  const { signIn, sessions, reasonOf, secretsOf } = forgery

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'coatcheck-forged-'))
    database = open(join(folder, 'sessions.sqlite'))
  })

  it('T-SESSION-06 shows neither ticket, token, subject nor e-mail address', async () => {
    const alive = await signIn()
    expect(await reasonOf(alive.ticket)).toBe('opened')
    const dead = await signIn('canary-dead-subject')
    const opened = await sessions().load(dead.ticket)
    if (opened.ok) await sessions().end(opened.session, 'signed_out')
    const files = readdirSync(folder).map((name) => readFileSync(join(folder, name)))
    const isFound = files.some((file) => file.includes(alive.id))
    expect(isFound, 'the search finds what is there').toBe(true)
    for (const secret of secretsOf(alive, dead)) {
      for (const file of files) expect(file.includes(secret), secret.toString()).toBe(false)
    }
  })

  itRefusesForgeries(tables, forgery)

  it('T-SESSION-06 refuses flipped bits and truncations of the column', () =>
    flipRecord(tables, forgery))

  it('T-SESSION-06 refuses values of other types and sizes without an exception', async () => {
    const columns = ['format', 'version', 'created_at', 'subject_key', 'record']
    const values = ["''", "'x'", "x'00'", '1e300', '9223372036854775807', '-5', "x'ffffffffffff'"]
    await setOddValues(
      tables,
      forgery,
      columns.flatMap((name) => values.map((value) => [name, value] as const)),
    )
    for (const value of ["'x'", "x'00'", '1e300', '-1', '9223372036854775807']) {
      const { ticket } = await signIn('other')
      await tables.edit(`UPDATE coatcheck_times SET last_seen_at = ${value}, expires_at = ${value}`)
      await reasonOf(ticket)
    }
  })

  it('T-SESSION-06 lets no forged row stand in the way of ending the sessions of its person', async () => {
    const store = sqliteStore(database)
    const forged = await signIn()
    const { ticket } = await signIn()
    const { subjectKey } = await tables.read(forged.id)
    const set = 'UPDATE coatcheck_sessions SET version = 9223372036854775807, record = 9e18'
    await tables.edit(`${set} WHERE id = ?`, forged.id)
    expect((await store.listBySubject(subjectKey)).length).toBe(1)
    // What cannot be read is ended all the same, and not given back.
    expect((await store.deleteBySubject(subjectKey, 'ended_by_operator')).length).toBe(1)
    expect(await reasonOf(ticket)).toBe('unknown')
    expect(await tables.rows('SELECT 1 FROM coatcheck_sessions')).toEqual([])
  })

  it('keys of look-ups differ for site, issuer and kind', () => {
    const base = createRecords(forgery.ring(), BINDING, systemRandom)
    const others = [
      createRecords(forgery.ring(), { ...BINDING, site: 'https://b.example' }, systemRandom),
      createRecords(forgery.ring(), { ...BINDING, issuer: 'https://x.example' }, systemRandom),
      createRecords(newRing(), BINDING, systemRandom),
    ]
    const keys = [base, ...others].map((records) => records.lookupKey('sub', 'ada'))
    keys.push(base.lookupKey('sid', 'ada'), base.lookupKey('sub', 'adb'))
    expect(new Set(keys).size).toBe(keys.length)
  })
})
