import { CoatcheckError } from '../../core/errors.ts'

/** As many records of 3 KB as one chunk of a socket holds. */
const MOST_AT_ONCE = 16

/** How an engine reads. */
export interface TurnReading<T> {
  alone(key: string): Promise<T>
  /** What is under each of the keys, in their order. */
  together(keys: readonly string[]): Promise<readonly T[]>
  /** Whether an error says that this engine never reads together. Default: none does. */
  isRefusal?(error: unknown): boolean
}

interface Reader<T> {
  readonly key: string
  resolve(value: T): void
  reject(error: unknown): void
}

/**
 * Reads together what is asked for within one turn of the event loop: the calls of the operating system, and the
 * server's turns, are half of what a read costs. Who reads while nobody else does goes at once.
 */
export function readsOfATurn<T>(reading: TurnReading<T>): (key: string) => Promise<T> {
  let waiting: Reader<T>[] = []
  let isRefused = false
  let isGathering = false
  let underWay = 0

  function readAtOnce(key: string): Promise<T> {
    const value = reading.alone(key)
    underWay += 1
    return value.finally(() => {
      underWay -= 1
    })
  }

  async function readAlone({ key, resolve, reject }: Reader<T>): Promise<void> {
    try {
      resolve(await readAtOnce(key))
    } catch (error) {
      reject(error)
    }
  }

  async function readTogether(readers: readonly Reader<T>[]): Promise<void> {
    underWay += 1
    try {
      const values = await reading.together(readers.map(({ key }) => key))
      if (values.length !== readers.length) throw new CoatcheckError('store_unavailable')
      values.forEach((value, place) => {
        readers[place]?.resolve(value)
      })
    } catch (error) {
      if (reading.isRefusal?.(error) === true) {
        isRefused = true
        for (const reader of readers) void readAlone(reader)
      } else {
        for (const { reject } of readers) reject(error)
      }
    } finally {
      underWay -= 1
    }
  }

  function send(): void {
    const readers = waiting
    waiting = []
    isGathering = readers.length > 1
    for (let from = 0; from < readers.length; from += MOST_AT_ONCE) {
      const part = readers.slice(from, from + MOST_AT_ONCE)
      if (part.length > 1 && !isRefused) void readTogether(part)
      else for (const reader of part) void readAlone(reader)
    }
  }

  return (key) => {
    const isAlone = !isGathering && underWay === 0
    if (isAlone || isRefused) return readAtOnce(key)
    isGathering = true
    return new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(send)
      waiting.push({ key, resolve, reject })
    })
  }
}
