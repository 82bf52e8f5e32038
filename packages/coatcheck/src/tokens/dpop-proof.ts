import { type Bytes, encodeBase64url, encodeUtf8 } from '../core/bytes.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { type RandomSource, systemRandom } from '../core/random.ts'
import { hashOf } from './dpop-hash.ts'

/** A `CryptoKeyPair` whose private half cannot leave the browser; IndexedDB keeps it as it is. */
export interface DpopKeyPair {
  readonly publicKey: object
  readonly privateKey: object
}

/** A key pair made ready for proofs. */
export interface DpopKey {
  readonly publicJwk: {
    readonly kty: 'EC'
    readonly crv: 'P-256'
    readonly x: string
    readonly y: string
  }
  /** What access tokens that are bound to this key name as `cnf.jkt`. */
  readonly thumbprint: string
  /** The ES256 signature over the data: 64 bytes. */
  sign(data: Bytes): Promise<Bytes>
}

/** Which request a proof is for. */
export interface DpopProofOptions {
  /** As it goes over the wire: `fetch` sends `get` as `GET`, but `patch` as it is. */
  readonly method: string
  /** Absolute. Query and fragment, user name and password are left out. */
  readonly url: string
  /** What the server last sent as `DPoP-Nonce`. */
  readonly nonce?: string | undefined
  /** The access token that the request carries; requests to token endpoints carry none. */
  readonly accessToken?: string | undefined
  /** Milliseconds since 1970. Default: the machine's clock. */
  readonly clock?: Clock
  /** Default: the platform's secure source. */
  readonly random?: RandomSource
}

// The part of WebCrypto that is used: its own types exist only where a DOM or Node's types are.
interface Subtle {
  generateKey(
    algorithm: object,
    isExtractable: false,
    usages: readonly string[],
  ): Promise<DpopKeyPair>
  exportKey(format: 'jwk', key: object): Promise<DpopKey['publicJwk']>
  sign(algorithm: object, key: object, data: Bytes): Promise<ArrayBuffer>
}

const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const JTI_BYTES = 16

/**
 * A new key pair for proofs: ECDSA with P-256. Its private half is not extractable: a script can use it while
 * the page lives, and cannot take it along.
 *
 * @see RFC 9449, section 11.4
 * @example
 * const key = await dpopKeyOf(await generateDpopKeyPair())
 */
export function generateDpopKeyPair(): Promise<DpopKeyPair> {
  return subtle().generateKey(ES256, false, ['sign', 'verify'])
}

/**
 * Makes a pair of {@link generateDpopKeyPair} ready: its public half is exported, and the thumbprint reckoned, once.
 *
 * @see RFC 7638
 * @example
 * const { thumbprint } = await dpopKeyOf(await generateDpopKeyPair())
 */
export async function dpopKeyOf(pair: DpopKeyPair): Promise<DpopKey> {
  const { crv, kty, x, y } = await subtle().exportKey('jwk', pair.publicKey)
  // What makes the key, in the order of RFC 7638: its own text is what the thumbprint hashes.
  const publicJwk = { crv, kty, x, y }
  return {
    publicJwk,
    thumbprint: await hashOf(JSON.stringify(publicJwk)),
    sign: async (data) => new Uint8Array(await subtle().sign(ES256, pair.privateKey, data)),
  }
}

/**
 * A proof for one request: the value of its `DPoP` header. A retry needs another one.
 *
 * Rejects with the platform's `TypeError` for a URL that is not absolute.
 *
 * @see RFC 9449, sections 4.2 and 7.3
 * @example
 * const key = await dpopKeyOf(await generateDpopKeyPair())
 * const dpop = await createDpopProof(key, { method: 'GET', url: 'https://api.example/orders' })
 */
export async function createDpopProof(key: DpopKey, options: DpopProofOptions): Promise<string> {
  const { method, nonce, accessToken, clock = systemClock, random = systemRandom } = options
  const { origin, pathname } = new URL(options.url)
  const ath = accessToken === undefined ? undefined : await hashOf(accessToken)
  const input = `${segment({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.publicJwk })}.${segment({
    jti: encodeBase64url(random(JTI_BYTES)),
    htm: method,
    htu: origin + pathname,
    iat: Math.floor(clock() / 1000),
    ath,
    nonce,
  })}`
  return `${input}.${encodeBase64url(await key.sign(encodeUtf8(input)))}`
}

// Members that are undefined are left out by JSON.
function segment(value: object): string {
  return encodeBase64url(encodeUtf8(JSON.stringify(value)))
}

function subtle(): Subtle {
  return (globalThis as unknown as { readonly crypto: { readonly subtle: Subtle } }).crypto.subtle
}
