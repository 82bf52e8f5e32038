/** A value that SQLite keeps. */
export type SqliteValue = null | number | string | Uint8Array

/** A prepared statement: `node:sqlite`'s and better-sqlite3's have this in common. */
export interface SqliteStatement {
  get(...parameters: SqliteValue[]): unknown
  all(...parameters: SqliteValue[]): unknown[]
  run(...parameters: SqliteValue[]): { readonly changes: number | bigint }
  /** Rows as arrays, in `node:sqlite` from 24 on: cheaper than objects. */
  setReturnArrays?(enabled: boolean): void
  /** The same in better-sqlite3. */
  raw?(toggle?: boolean): unknown
}

/** A database: `DatabaseSync` of `node:sqlite`, or better-sqlite3's. */
export interface SqliteDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
}
