const REDACTED = '[redacted]'
const INSPECT = Symbol.for('nodejs.util.inspect.custom')

/**
 * Holds a value that must never be printed: `toString`, `toJSON` and Node's inspect give `[redacted]`,
 * and the value itself is a private field, which no serializer reaches.
 *
 * @example
 * const secret = new Secret('client secret')
 * JSON.stringify({ secret }) // {"secret":"[redacted]"}
 * secret.reveal() // 'client secret'
 */
export class Secret<T = string> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
    Object.defineProperty(this, INSPECT, { value: () => REDACTED })
  }

  /** The value itself. Each call is a place to look at in a review. */
  reveal(): T {
    return this.#value
  }

  toString(): string {
    return REDACTED
  }

  toJSON(): string {
    return REDACTED
  }
}
