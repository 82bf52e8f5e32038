/**
 * Key of an option that allows plain http where https is required. Only for a provider or an upstream on
 * this machine, or a network that nobody else reaches. Every use is reported at start.
 *
 * @example
 * const options = { [allowInsecureHttp]: true }
 */
export const allowInsecureHttp: unique symbol = Symbol('allowInsecureHttp')

/**
 * Key of an option that accepts a Redis server which drops keys when its memory is full: people are then
 * signed out at random, and what was used once can be used again. Better: `maxmemory-policy noeviction`.
 *
 * @example
 * const options = { [allowEviction]: true }
 */
export const allowEviction: unique symbol = Symbol('allowEviction')
