/** A value that PostgreSQL keeps. */
export type PostgresValue = null | number | string | Uint8Array

/** A row, its columns as the server's text. */
export type PostgresRow = readonly (string | null)[]

/** One statement, and the name under which a connection keeps it prepared. Default: it does not. */
export interface PostgresStatement {
  readonly name?: string
  readonly text: string
}

/** Runs SQL, one statement or several, without parameters. */
export type RunSql = (sql: string) => Promise<readonly PostgresRow[]>

/** Who hears what a listening connection is told. */
export interface PostgresHearing {
  hear(channel: string, payload: string): void
  /** The connection is gone for good. */
  lost(): void
  /** The connection was lost, and the driver has made another one. */
  resumed(): void
}

/** A listening connection. */
export interface PostgresListener {
  /** Whether the driver makes another connection by itself. */
  readonly comesBack: boolean
  close(): Promise<void>
}

/** What a store needs of a driver. */
export interface PostgresDriver {
  query(
    statement: PostgresStatement,
    values: readonly PostgresValue[],
  ): Promise<readonly PostgresRow[]>
  /** Everything on one connection: all of it happens, or nothing. */
  transaction<T>(work: (run: RunSql) => Promise<T>): Promise<T>
  listen(channels: readonly string[], hearing: PostgresHearing): Promise<PostgresListener>
}

/** A name as SQL takes it. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A text as SQL takes it. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
