import { expect } from 'vitest'
import type { SessionStore } from '../../packages/coatcheck/src/sessions/session-store.ts'
import {
  packRecord,
  unpackRecord,
} from '../../packages/coatcheck/src/sessions/stores/packed-record.ts'
import { type ForgedPlace, type Forgery, flipped } from './forged-sessions.ts'

/** A value of a column. */
export type SqlValue = string | number | Uint8Array | null

/** An engine's tables, in the hands of somebody who can write any SQL; values stand for `?`. */
export interface ForgedTables extends ForgedPlace {
  rows(sql: string, ...values: SqlValue[]): Promise<readonly Record<string, unknown>[]>
  /** Changes rows, at least one. */
  edit(sql: string, ...values: SqlValue[]): Promise<void>
  column(id: string, name: string): Promise<SqlValue>
}

/** What it takes to write to the tables of an engine. */
export interface SqlEngine {
  store(): SessionStore
  rows(sql: string, ...values: SqlValue[]): Promise<readonly Record<string, unknown>[]>
  /** How many rows were changed. */
  change(sql: string, ...values: SqlValue[]): Promise<number>
  /** The column of both tables by which a row of times belongs to its session. */
  readonly key: 'id' | 'number'
}

/** The tables of an engine. */
export function forgedTables({ store, rows, change, key }: SqlEngine): ForgedTables {
  const edit: ForgedTables['edit'] = async (sql, ...values) => {
    expect(await change(sql, ...values)).toBeGreaterThan(0)
  }
  const read: ForgedPlace['read'] = async (id) => {
    const [row] = await rows(
      `SELECT * FROM coatcheck_sessions s JOIN coatcheck_times t ON t.${key} = s.${key} WHERE s.id = ?`,
      id,
    )
    const parts = unpackRecord(new Uint8Array((row?.record ?? []) as Uint8Array))
    if (row === undefined || parts === undefined) throw new Error('no session')
    const { sid_key: sidKey } = row
    return {
      ...{ format: 1, id, version: Number(row.version), createdAt: Number(row.created_at) },
      ...{ lastSeenAt: Number(row.last_seen_at), expiresAt: Number(row.expires_at) },
      subjectKey: String(row.subject_key),
      ...(typeof sidKey === 'string' ? { sidKey } : {}),
      ...parts,
    }
  }
  return {
    ...{ store, rows, edit, read },
    column: async (id, name) => {
      const [row] = await rows(`SELECT ${name} AS value FROM coatcheck_sessions WHERE id = ?`, id)
      return (row?.value ?? null) as SqlValue
    },
    write: async (id, session) => {
      const { version, createdAt, subjectKey, sidKey = null, lastSeenAt, expiresAt } = session
      await edit(
        `UPDATE coatcheck_sessions
         SET version = ?, created_at = ?, subject_key = ?, sid_key = ?, record = ? WHERE id = ?`,
        ...[version, createdAt, subjectKey, sidKey, packRecord(session), id],
      )
      const ofSession = `(SELECT ${key} FROM coatcheck_sessions WHERE id = ?)`
      await edit(
        `UPDATE coatcheck_times SET last_seen_at = ?, expires_at = ? WHERE ${key} = ${ofSession}`,
        ...[lastSeenAt, expiresAt, id],
      )
    },
    move: async (from, to) => {
      const rename = 'UPDATE coatcheck_sessions SET id = ? WHERE id = ?'
      await edit(rename, 'x'.repeat(22), to)
      await edit(rename, to, from)
    },
  }
}

/** Flips and cuts the column as it lies there, lengths included: what decides must not open any more. */
export async function flipRecord(tables: ForgedTables, forgery: Forgery): Promise<void> {
  const { ticket, id } = await forgery.signIn()
  const { body, card } = await tables.read(id)
  const record = new Uint8Array((await tables.column(id, 'record')) as Uint8Array)
  const put = (forged: Uint8Array): Promise<void> =>
    tables.edit('UPDATE coatcheck_sessions SET record = ? WHERE id = ?', forged, id)
  // The card is for operators and decides nothing.
  const decides = (byte: number): boolean =>
    byte < 8 + body.length || byte >= 8 + body.length + card.length
  for (let bit = 0; bit < record.length * 8; bit += 41) {
    await put(flipped(record, bit))
    const reason = await forgery.reasonOf(ticket)
    if (decides(bit >> 3)) expect(reason, `${bit}`).not.toBe('opened')
  }
  for (let length = 0; length < record.length; length += 41) {
    await put(record.subarray(0, length))
    expect(await forgery.reasonOf(ticket), `${length}`).not.toBe('opened')
  }
  await put(record)
  expect(await forgery.reasonOf(ticket)).toBe('opened')
}

/** Sets columns to odd values, told as SQL: nothing opens, and nothing throws. */
export async function setOddValues(
  tables: ForgedTables,
  forgery: Forgery,
  edits: readonly (readonly [string, string])[],
): Promise<void> {
  const { ticket, id } = await forgery.signIn()
  for (const [name, value] of edits) {
    const former = await tables.column(id, name)
    await tables.edit(`UPDATE coatcheck_sessions SET ${name} = ${value} WHERE id = ?`, id)
    expect(await forgery.reasonOf(ticket), `${name} ${value}`).not.toBe('opened')
    await tables.edit(`UPDATE coatcheck_sessions SET ${name} = ? WHERE id = ?`, former, id)
  }
  expect(await forgery.reasonOf(ticket)).toBe('opened')
}
