import { importSecret } from '#signature'
import type { Bytes } from '../core/bytes.ts'
import { CoatcheckError } from '../core/errors.ts'
import { ALGORITHMS, type Algorithm, DEFAULT_ALGORITHMS, isAlgorithm } from './algorithm.ts'
import { createLocalKeySet, type KeySet } from './key-set.ts'
import type { VerifierOptions } from './verifier.ts'

/** What a verifier verifies with. */
export interface PreparedKeys {
  readonly keySet: KeySet
  readonly algorithms: ReadonlySet<Algorithm>
}

const MAX_TOLERANCE_SECONDS = 300

/**
 * Reads the options of a verifier, all faults at once. Throws `invalid_configuration`, or `key_set_invalid`
 * for a literal set without a usable key.
 *
 * @see RFC 8725, sections 2.1, 3.1 and 3.5
 */
export function prepareKeys(options: VerifierOptions, audiences: readonly string[]): PreparedKeys {
  const { jwks, secret } = options
  const chosen: readonly Algorithm[] =
    options.algorithms ?? (secret === undefined ? DEFAULT_ALGORITHMS : ['HS256'])
  const bytes = secret?.reveal()
  const faults = [
    ...partyFaults(options.issuer, audiences),
    ...algorithmFaults(chosen, secret === undefined ? 'jwks' : 'secret'),
    ...numberFaults(options),
    ...(bytes === undefined ? [] : secretFaults(bytes, chosen)),
  ]
  if ((jwks === undefined) === (secret === undefined)) {
    faults.push('give jwks or secret, one of both: a public key must never serve as an HMAC secret')
  }
  if (faults.length > 0) {
    const detail = `createVerifier: ${faults.join('; ')}.`
    throw new CoatcheckError('invalid_configuration', { detail })
  }
  return { keySet: keySetOf(jwks, bytes), algorithms: new Set(chosen) }
}

function partyFaults(issuer: string, audiences: readonly string[]): readonly string[] {
  const isName = (value: unknown): boolean => typeof value === 'string' && value !== ''
  return [
    ...(isName(issuer) ? [] : ['issuer must be a string that is not empty']),
    ...(audiences.length > 0 && audiences.every(isName)
      ? []
      : ['audience must name somebody: one string or several, none empty']),
  ]
}

function algorithmFaults(
  chosen: readonly Algorithm[],
  material: 'jwks' | 'secret',
): readonly string[] {
  if (chosen.length === 0) return ['algorithms must not be empty']
  return chosen.flatMap((alg) => {
    if (!isAlgorithm(alg)) return [`algorithms: ${String(alg).slice(0, 20)} is not supported`]
    const isFit = (ALGORITHMS[alg].kty === 'oct') === (material === 'secret')
    return isFit ? [] : [`algorithms: ${alg} does not go with ${material}`]
  })
}

// A NaN would make a comparison of times say "not expired".
function numberFaults(options: VerifierOptions): readonly string[] {
  const { clockToleranceSeconds, maxTokenBytes, maxAgeSeconds, cache } = options
  const bounds: readonly (readonly [string, number | undefined, number, number])[] = [
    ['clockToleranceSeconds', clockToleranceSeconds, 0, MAX_TOLERANCE_SECONDS],
    ['maxTokenBytes', maxTokenBytes, 64, 1_048_576],
    ['maxAgeSeconds', maxAgeSeconds, 0, Number.MAX_SAFE_INTEGER],
    ['cache.maxEntries', cache === false ? undefined : cache?.maxEntries, 0, 10_000_000],
  ]
  return bounds.flatMap(([name, value, least, most]) => {
    const isFine = value === undefined || (value >= least && value <= most)
    return isFine ? [] : [`${name} must lie between ${least} and ${most}`]
  })
}

function secretFaults(bytes: Bytes, chosen: readonly Algorithm[]): readonly string[] {
  const needed = Math.max(
    0,
    ...chosen.map((alg) => (isAlgorithm(alg) ? (ALGORITHMS[alg].signatureBytes ?? 0) : 0)),
  )
  const faults = bytes.length < needed ? [`secret must have ${needed} bytes or more`] : []
  const start = String.fromCharCode(...bytes.subarray(0, 16)).trimStart()
  if (start.startsWith('-----BEGIN')) {
    faults.push('secret is a PEM key: anybody who has the public one could sign')
  }
  return faults
}

function keySetOf(jwks: VerifierOptions['jwks'], secret: Bytes | undefined): KeySet {
  if (secret !== undefined) {
    const key = importSecret(secret)
    return { find: () => [key], has: (candidate) => candidate === key }
  }
  if (jwks !== undefined && 'find' in jwks) return jwks
  return createLocalKeySet(jwks ?? { keys: [] })
}
