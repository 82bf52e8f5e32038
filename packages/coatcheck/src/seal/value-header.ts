import { NONCE_BYTES, PREFIX_BYTES } from './xaes.ts'

/** The format of sealed values: a byte before everything else. */
export const FORMAT = 1
/** How many bytes the id of a ring's key has. */
export const KEY_ID_BYTES = 6
/** Where the nonce begins. */
export const NONCE_AT: number = 1 + KEY_ID_BYTES
/** What one process's values for one purpose have in common: format, key id, the prefix of the nonce. */
export const START_BYTES: number = NONCE_AT + PREFIX_BYTES
/** What stands before the ciphertext: format (1), key id (6), nonce (24). */
export const HEADER_BYTES: number = NONCE_AT + NONCE_BYTES
