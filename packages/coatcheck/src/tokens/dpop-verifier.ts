import { verifySignature } from '#signature'
import { type Clock, systemClock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import { type AsymmetricAlgorithm, DEFAULT_ALGORITHMS } from './algorithm.ts'
import { type DpopClaims, readDpopClaims } from './dpop-claims.ts'
import { hashOf } from './dpop-hash.ts'
import { type DpopHeaderKey, readDpopHeader } from './dpop-header.ts'
import type { DpopNonces } from './dpop-nonces.ts'
import { checkDpopOptions } from './dpop-options.ts'
import { type DpopHeaderValue, type DpopParts, splitDpopProof } from './dpop-parts.ts'
import { normalTarget } from './dpop-target.ts'

/** Which proofs are accepted. */
export interface DpopVerifierOptions {
  /**
   * Claims a name for one use until then, in whole milliseconds since 1970: `true` the first time, anything else
   * refuses the proof. One memory for all processes that serve one address, else a proof is good once in each.
   */
  readonly claimJti: (jti: string, expiresAtMs: number) => boolean | Promise<boolean>
  /** Default: RS256, PS256, ES256, ES384, EdDSA, Ed25519. */
  readonly algorithms?: readonly AsymmetricAlgorithm[]
  /** How old a proof may be, by `iat`. 1 to 3600. Default: 60. */
  readonly maxAgeSeconds?: number
  /** How far clocks may differ. Default: 5. */
  readonly clockToleranceSeconds?: number
  /** With them, a proof without a good nonce is never accepted. Default: none are asked for. */
  readonly nonces?: DpopNonces
  /** Refused unread beyond it. Default: 8192. */
  readonly maxProofBytes?: number
  /** Milliseconds since 1970. Default: the machine's clock. */
  readonly clock?: Clock
}

/** A request, as far as a proof is about it. */
export interface DpopRequest {
  /** The header `DPoP`; every line of it, where they are known apart. */
  readonly proof: DpopHeaderValue
  /** As it came: every letter counts. */
  readonly method: string
  /** Absolute, as the client addressed it: behind a proxy the public one. Never built from a header that anybody can send. */
  readonly url: string
  /** The access token that came with the proof. */
  readonly accessToken?: string | undefined
  /** The key that it is bound to: its `cnf.jkt`. An access token that has none is refused. */
  readonly thumbprint?: string | undefined
}

/** A proof that was accepted, and is spent now. */
export interface VerifiedDpopProof {
  readonly jti: string
  /** Of the key that was proven. */
  readonly thumbprint: string
}

/** Verifies DPoP proofs. */
export interface DpopVerifier {
  /** Gives back what was proven, or rejects with a `CoatcheckError` whose code (`token_dpop_...`) says why. */
  verify(request: DpopRequest): Promise<VerifiedDpopProof>
}

const MAX_KNOWN_KEYS = 1000

/**
 * A verifier of DPoP proofs, for servers that tokens are presented to. The access token itself is verified by
 * `createVerifier`. Each proof must stand all of RFC 9449, section 4.3:
 *
 * 1. there is one DPoP header; 2. it is one well-formed JWT; 3. it has all required claims; 4. its `typ` is
 * `dpop+jwt`; 5. its `alg` is asymmetric, and allowed; 6. the signature verifies with its `jwk`; 7. which holds
 * no private key; 8. `htm` is the method; 9. `htu` is the URL, without query and fragment, both in their normal
 * spelling; 10. the nonce is one of ours, if there are any; 11. `iat` is in the window; 12. `ath` is the hash of
 * the access token, which is bound to this key. And it comes for the first time (section 11.1): that is asked last, so
 * that only good proofs are remembered.
 *
 * Rejects with `token_dpop_missing`, `token_dpop_malformed` (1 to 3), `token_dpop_type_refused`,
 * `token_dpop_algorithm_refused`, `token_dpop_signature_invalid`, `token_dpop_key_refused`,
 * `token_dpop_request_mismatch` (8 and 9), `token_dpop_nonce_required` (answered as `use_dpop_nonce`),
 * `token_dpop_time_refused`, `token_dpop_token_mismatch` and `token_dpop_binding_mismatch` (12),
 * `token_dpop_replayed`. Throws `invalid_configuration` for options, all faults at once.
 *
 * @see RFC 9449, sections 4.3, 7.1 and 11
 * @example
 * const { verify } = createDpopVerifier({ claimJti: createJtiMemory().claim })
 */
export function createDpopVerifier(options: DpopVerifierOptions): DpopVerifier {
  const { claimJti, nonces, clock = systemClock, algorithms = DEFAULT_ALGORITHMS } = options
  const { maxAgeSeconds = 60, clockToleranceSeconds = 5, maxProofBytes = 8192 } = options
  checkDpopOptions({ claimJti, algorithms, maxAgeSeconds, clockToleranceSeconds, maxProofBytes })
  const allowed = new Set(algorithms)
  // A client's proofs share one header: to read it and its key again would cost half of a verification.
  const known = new Map<string, DpopHeaderKey>()

  function checkTimes({ iat, exp, nbf }: DpopClaims): void {
    const now = clock() / 1000
    // Written so that a NaN, whoever brought it, refuses.
    const isRecent = now < iat + maxAgeSeconds + clockToleranceSeconds
    const isMade = now >= Math.max(iat, nbf ?? iat) - clockToleranceSeconds
    const isOver = exp !== undefined && now >= exp + clockToleranceSeconds
    if (!isRecent || !isMade || isOver) throw new CoatcheckError('token_dpop_time_refused')
  }

  async function checkNonce({ nonce }: DpopClaims): Promise<void> {
    if (nonces === undefined) return
    // Without exception: an attacker with an old proof would claim to know of no nonces (section 11.3).
    const isGood = nonce !== undefined && nonce !== '' && (await nonces.accepts(nonce)) === true
    if (!isGood) throw new CoatcheckError('token_dpop_nonce_required')
  }

  async function claim({ jti, iat }: DpopClaims, thumbprint: string): Promise<void> {
    // Hashed, because the client chooses how long a jti is; with its key, so that nobody spends another's.
    const name = await hashOf(`${thumbprint}.${jti}`)
    const expiresAtMs = Math.ceil((iat + maxAgeSeconds + clockToleranceSeconds) * 1000)
    if ((await claimJti(name, expiresAtMs)) !== true)
      throw new CoatcheckError('token_dpop_replayed')
  }

  function remember(header: string, key: DpopHeaderKey): void {
    if (known.has(header)) return
    if (known.size >= MAX_KNOWN_KEYS) known.clear()
    known.set(header, key)
  }

  async function verify(request: DpopRequest): Promise<VerifiedDpopProof> {
    const parts = splitDpopProof(request.proof, maxProofBytes)
    const key = known.get(parts.header) ?? (await readDpopHeader(parts.header, allowed))
    const claims = readDpopClaims(parts.payload)
    // What costs little comes first: a proof for something else is not worth a signature.
    checkTarget(claims, request)
    checkTimes(claims)
    await checkToken(claims, request, key.thumbprint)
    if (!(await isSigned(parts, key))) throw new CoatcheckError('token_dpop_signature_invalid')
    await checkNonce(claims)
    await claim(claims, key.thumbprint)
    remember(parts.header, key)
    return { jti: claims.jti, thumbprint: key.thumbprint }
  }

  return { verify }
}

function checkTarget({ htm, htu }: DpopClaims, { method, url }: DpopRequest): void {
  if (htm !== method) {
    throw new CoatcheckError('token_dpop_request_mismatch', { detail: 'htm is another method.' })
  }
  const target = normalTarget(url)
  if (target === undefined || target !== normalTarget(htu)) {
    const detail =
      target === undefined ? 'The URL of the request is not absolute.' : 'htu is another URL.'
    throw new CoatcheckError('token_dpop_request_mismatch', { detail })
  }
}

async function checkToken(
  { ath }: DpopClaims,
  { accessToken, thumbprint }: DpopRequest,
  proven: string,
): Promise<void> {
  if (accessToken !== undefined && ath !== (await hashOf(accessToken))) {
    throw new CoatcheckError('token_dpop_token_mismatch')
  }
  // A token that is bound to no key could be anybody's: a thief proves a key of his own.
  const isBound = accessToken !== undefined || thumbprint !== undefined
  if (isBound && thumbprint !== proven) throw new CoatcheckError('token_dpop_binding_mismatch')
}

// The key is the client's choice, and a platform may throw over it.
async function isSigned(parts: DpopParts, { key, alg }: DpopHeaderKey): Promise<boolean> {
  try {
    return await verifySignature(key, alg, parts.signingInput, parts.signature)
  } catch {
    return false
  }
}
