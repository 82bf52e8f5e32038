import { type Bytes, encodeBase64url, encodeUtf8 } from '../core/bytes.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import { systemRandom } from '../core/random.ts'
import { Secret } from '../core/secret.ts'

/** Whose nonces are given out, and for how long. */
export interface DpopNoncesOptions {
  /** 32 bytes or more, the same in all processes that serve one address. Default: random, for one process. */
  readonly secret?: Secret<Bytes>
  /** No nonce is accepted longer; each is for half of it at least. 2 to 86400. Default: 300. */
  readonly lifetimeSeconds?: number
  /** Milliseconds since 1970. Default: the machine's clock. */
  readonly clock?: Clock
}

/** Nonces that a server hands out and that proofs must bring back. */
export interface DpopNonces {
  /** The one for the header `DPoP-Nonce`. */
  current(): string | Promise<string>
  /** Whether it was handed out here, and not too long ago. */
  accepts(nonce: string): boolean | Promise<boolean>
}

// The part of WebCrypto that is used: its own types exist only where a DOM or Node's types are.
interface Subtle {
  importKey(...parameters: readonly unknown[]): Promise<object>
  sign(algorithm: 'HMAC', key: object, data: Bytes): Promise<ArrayBuffer>
}

const SECRET_BYTES = 32
const NONCE_BYTES = 16
const MAX_LIFETIME_SECONDS = 86_400
const MAX_KEPT = 4

/**
 * Nonces without a store: each is the HMAC of its half lifetime, so processes with one secret and one clock
 * agree on them.
 *
 * With nonces a proof cannot be made long ahead and taken away, and the client's clock matters less.
 *
 * Throws `invalid_configuration`, all faults at once.
 *
 * @see RFC 9449, sections 8, 9 and 11.3
 * @example
 * const nonces = createDpopNonces()
 * const verifier = createDpopVerifier({ claimJti: createJtiMemory().claim, nonces })
 */
export function createDpopNonces(options: DpopNoncesOptions = {}): DpopNonces {
  const { secret = new Secret(systemRandom(SECRET_BYTES)), clock = systemClock } = options
  const { lifetimeSeconds = 300 } = options
  checkOptions(secret, lifetimeSeconds)
  const stepMs = lifetimeSeconds * 500
  let imported: Promise<object> | undefined
  const kept = new Map<number, Promise<string>>()

  async function make(step: number): Promise<string> {
    imported ??= subtle().importKey(
      'raw',
      secret.reveal(),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign'],
    )
    // The length of a step belongs to it: the same number of shorter steps is another time.
    const data = encodeUtf8(`coatcheck dpop nonce ${stepMs} ${step}`)
    const mac = new Uint8Array(await subtle().sign('HMAC', await imported, data))
    return encodeBase64url(mac.subarray(0, NONCE_BYTES))
  }

  function nonceOf(step: number): Promise<string> {
    const seen = kept.get(step)
    if (seen !== undefined) return seen
    if (kept.size >= MAX_KEPT) kept.clear()
    const made = make(step)
    kept.set(step, made)
    return made
  }

  return {
    current: () => nonceOf(Math.floor(clock() / stepMs)),
    // Compared in the open: whoever asks gets the nonce that a slow comparison could reveal.
    accepts: async (nonce) => {
      const step = Math.floor(clock() / stepMs)
      return nonce === (await nonceOf(step)) || nonce === (await nonceOf(step - 1))
    },
  }
}

function checkOptions(secret: Secret<Bytes>, lifetimeSeconds: number): void {
  const isLong = secret.reveal().length >= SECRET_BYTES
  const isSound =
    Number.isSafeInteger(lifetimeSeconds) &&
    lifetimeSeconds >= 2 &&
    lifetimeSeconds <= MAX_LIFETIME_SECONDS
  const faults = [
    ...(isLong ? [] : [`secret must have ${SECRET_BYTES} bytes or more`]),
    ...(isSound
      ? []
      : [`lifetimeSeconds must be a whole number from 2 to ${MAX_LIFETIME_SECONDS}`]),
  ]
  if (faults.length === 0) return
  const detail = `createDpopNonces: ${faults.join('; ')}.`
  throw new CoatcheckError('invalid_configuration', { detail })
}

function subtle(): Subtle {
  return (globalThis as unknown as { readonly crypto: { readonly subtle: Subtle } }).crypto.subtle
}
