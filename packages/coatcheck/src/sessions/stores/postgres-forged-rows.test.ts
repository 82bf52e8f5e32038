import { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  flipRecord,
  forgedTables,
  type SqlValue,
  setOddValues,
} from '../../../../../test/support/forged-rows.ts'
import {
  forgeryOf,
  grafted,
  itRefusesForgeries,
} from '../../../../../test/support/forged-sessions.ts'
import { type PostgresServer, startPostgres } from '../../../../../test/support/postgres-server.ts'
import { systemRandom } from '../../core/random.ts'
import type { SessionStore } from '../session-store.ts'
import { createTicket } from '../ticket.ts'
import { postgresStore } from './postgres.ts'

let server: PostgresServer
let pool: Pool
let store: SessionStore

function query(sql: string, ...values: SqlValue[]) {
  let count = 0
  const numbered = sql.replaceAll('?', () => {
    count += 1
    return `$${count}`
  })
  return pool.query(numbered, values)
}

const tables = forgedTables({
  store: () => store,
  rows: async (sql, ...values) => (await query(sql, ...values)).rows,
  change: async (sql, ...values) => (await query(sql, ...values)).rowCount ?? 0,
  key: 'id',
})

beforeAll(async () => {
  server = await startPostgres()
  pool = new Pool({ connectionString: server.url })
  store = postgresStore(pool)
  await store.prepare?.()
})
beforeEach(async () => {
  await pool.query('TRUNCATE coatcheck_sessions, coatcheck_times, coatcheck_endings')
})
afterAll(async () => {
  await pool.end()
  await server.close()
})

describe('tables in the hands of somebody without the ring', () => {
  const forgery = forgeryOf(tables)
  const { signIn, sessions, reasonOf, secretsOf } = forgery

  it('T-SESSION-06 a dump shows neither ticket, token, subject nor e-mail address', async () => {
    const alive = await signIn()
    const dead = await signIn('canary-dead-subject')
    const opened = await sessions().load(dead.ticket)
    if (opened.ok) await sessions().end(opened.session, 'signed_out')
    const dump = (await server.dump()).toLowerCase()
    const body = Buffer.from((await tables.read(alive.id)).body.subarray(0, 12))
    expect(dump.includes(alive.id.toLowerCase()), 'the search finds text').toBe(true)
    expect(dump.includes(body.toString('hex')), 'the search finds bytes').toBe(true)
    for (const secret of secretsOf(alive, dead)) {
      expect(dump.includes(secret.toString('latin1').toLowerCase()), `${secret}`).toBe(false)
      expect(dump.includes(secret.toString('hex')), `${secret}`).toBe(false)
    }
  })

  itRefusesForgeries(tables, forgery)

  it('T-SESSION-06 refuses a row that was copied under a new id', async () => {
    const { ticket, id } = await signIn()
    const own = createTicket(systemRandom)
    await tables.edit(
      `INSERT INTO coatcheck_sessions SELECT ?, format, version, created_at, subject_key, sid_key, record
       FROM coatcheck_sessions WHERE id = ?`,
      own.id,
      id,
    )
    await tables.edit(
      'INSERT INTO coatcheck_times SELECT ?, last_seen_at, expires_at FROM coatcheck_times WHERE id = ?',
      own.id,
      id,
    )
    expect(await reasonOf(own.value)).toBe('tampered')
    expect(await reasonOf(grafted(ticket, own.id))).toBe('tampered')
    expect(await reasonOf(ticket)).toBe('opened')
  })

  it('T-SESSION-06 refuses flipped bits and truncations of the column', () =>
    flipRecord(tables, forgery))

  it('T-SESSION-06 refuses odd values without an exception', async () => {
    await setOddValues(tables, forgery, [
      ['format', '2'],
      ['format', '-1'],
      ['version', '-1'],
      ['version', '9223372036854775807'],
      ['created_at', '-9223372036854775808'],
      ['subject_key', "''"],
      ['record', "''"],
      ['record', "'\\xffffffffffff'"],
      ['record', "'\\x0000000000000000'"],
    ])
    const { ticket, id } = await signIn()
    for (const value of ['-1', '0', '9223372036854775807']) {
      await tables.edit(`UPDATE coatcheck_times SET last_seen_at = ${value}, expires_at = ${value}`)
      expect(await reasonOf(ticket), value).not.toBe('opened')
    }
    await tables.edit(`INSERT INTO coatcheck_endings VALUES (?, 'made up', 9e18)`, id)
    expect(await store.endingOf(id)).toBeUndefined()
  })

  it('T-SESSION-06 lets no forged row stand in the way of ending the sessions of its person', async () => {
    const forged = await signIn()
    const { ticket } = await signIn()
    const { subjectKey } = await tables.read(forged.id)
    const set = "UPDATE coatcheck_sessions SET version = 9223372036854775807, record = 'x'"
    await tables.edit(`${set} WHERE id = ?`, forged.id)
    const { id: timeless } = await signIn()
    await tables.edit('DELETE FROM coatcheck_times WHERE id = ?', timeless)
    expect((await store.listBySubject(subjectKey)).length).toBe(1)
    // What cannot be read is ended all the same, and not given back.
    expect((await store.deleteBySubject(subjectKey, 'ended_by_operator')).length).toBe(1)
    expect(await reasonOf(ticket)).toBe('unknown')
    expect(await tables.rows('SELECT 1 FROM coatcheck_sessions')).toEqual([])
  })
})
