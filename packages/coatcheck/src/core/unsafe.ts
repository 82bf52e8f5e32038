/**
 * Key of an option that allows plain http where https is required. Only for a provider or an upstream on
 * this machine, or a network that nobody else reaches. Every use is reported at start.
 *
 * @example
 * const options = { [allowInsecureHttp]: true }
 */
export const allowInsecureHttp: unique symbol = Symbol('allowInsecureHttp')
