/** A result of pg, with rows as arrays. */
export interface PgResult {
  readonly rows: unknown[]
}

/** A statement as pg takes it. */
export interface PgQuery {
  readonly name?: string | undefined
  readonly text: string
  readonly values?: unknown[] | undefined
  readonly rowMode: 'array'
  readonly types?: unknown
}

/** A connection of pg: one of a pool's, or one of its own. */
export interface PgConnection {
  query(query: PgQuery): Promise<PgResult>
  on(event: string, listener: (about: never) => void): unknown
}

/** A connection that a pool lent. */
export interface PgPoolConnection extends PgConnection {
  release(destroy?: boolean): void
}

/** A connection that a pool's class makes, outside of the pool. */
export interface PgOwnConnection extends PgConnection {
  connect(): Promise<unknown>
  end(): Promise<void>
}

/** A `pg.Pool`. */
export interface PgPool {
  query(query: PgQuery): Promise<PgResult>
  connect(): Promise<PgPoolConnection>
  on(event: 'error', listener: (error: Error) => void): unknown
  readonly totalCount: number
}

/** A query of postgres.js. */
export interface PostgresJsQuery extends PromiseLike<unknown> {
  /** Rows as arrays of undecoded bytes. */
  raw(): PromiseLike<unknown>
}

/** What runs queries: the pool of postgres.js, or a transaction in it. */
export interface PostgresJsQueries {
  unsafe(
    text: string,
    values?: never[],
    options?: { readonly prepare?: boolean | undefined },
  ): PostgresJsQuery
}

/** What postgres.js gives back for `postgres(url)`. */
export interface PostgresJsSql extends PostgresJsQueries {
  begin<T>(work: (queries: PostgresJsQueries) => Promise<T>): Promise<unknown>
  listen(
    channel: string,
    hear: (payload: string) => void,
    onListening?: () => void,
  ): PromiseLike<{ unlisten(): Promise<void> }>
}

/** A pool of connections to PostgreSQL: a `pg.Pool`, or what `postgres(url)` of postgres.js gives back. */
export type PostgresClient = PgPool | PostgresJsSql
