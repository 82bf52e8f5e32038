/**
 * A client or Cluster of ioredis or iovalkey. Only what tells it apart is declared: the store looks at the
 * rest by itself, so that no version of a driver has to fit a type.
 */
export interface IoredisLike {
  callBuffer(...args: never[]): unknown
  getBuffer(...args: never[]): unknown
  duplicate(...args: never[]): unknown
}

/** A client, cluster or sentinel client of node-redis (`redis` or `@redis/client`), version 5 or later, connected. */
export interface NodeRedisLike {
  sendCommand(...args: never[]): unknown
  withTypeMapping(...args: never[]): unknown
  duplicate(...args: never[]): unknown
}

/** A client that `redisStore` can work with. */
export type RedisClient = IoredisLike | NodeRedisLike

/** What a command is made of. */
export type RedisArgument = string | Uint8Array

/** Sends one command, to where `key` lives. Strings come back as bytes. */
export type RunCommand = (
  key: string | undefined,
  command: readonly RedisArgument[],
) => Promise<unknown>

/** A connection of our own that listens, until it is closed or lost. */
export interface RedisListener {
  close(): void
}

/** What the store needs of any client. */
export interface RedisDriver {
  readonly run: RunCommand
  /** Whether keys live on several servers, so that no command may name two of different slots. */
  readonly isCluster: boolean
  /** The value of a key, from its master. */
  read(key: string): Promise<unknown>
  /** One sender for each master. */
  masters(): Promise<readonly RunCommand[]>
  /**
   * Listens on a connection of its own. Resolves once the server has confirmed it; `onLost` is called when it
   * ends or may have missed something, and then the connection is good for nothing more.
   */
  listen(
    channels: readonly string[],
    onMessage: (channel: string, message: string) => void,
    onLost: () => void,
  ): Promise<RedisListener>
}
