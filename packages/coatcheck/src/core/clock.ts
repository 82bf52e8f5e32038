/** Milliseconds since 1970 (UTC). Every deadline of the library is reckoned with the clock it was given. */
export type Clock = () => number

/** The machine's clock. */
export const systemClock: Clock = () => Date.now()
