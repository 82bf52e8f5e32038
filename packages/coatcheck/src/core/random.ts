import type { Bytes } from './bytes.ts'

/** Gives `length` bytes from a cryptographically secure source. */
export type RandomSource = (length: number) => Bytes

interface CryptoLike {
  getRandomValues(bytes: Bytes): Bytes
}

/** The platform's secure source. */
export const systemRandom: RandomSource = (length) => {
  const { crypto } = globalThis as unknown as { readonly crypto: CryptoLike }
  return crypto.getRandomValues(new Uint8Array(length))
}
