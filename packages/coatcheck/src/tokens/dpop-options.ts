import { CoatcheckError } from '../core/errors.ts'
import { ALGORITHMS, isAlgorithm } from './algorithm.ts'
import type { DpopVerifierOptions } from './dpop-verifier.ts'

type Decided = Required<Omit<DpopVerifierOptions, 'nonces' | 'clock'>>

/** Reads the options of a verifier of proofs, all faults at once. Throws `invalid_configuration`. */
export function checkDpopOptions(options: Decided): void {
  const { claimJti, algorithms, maxAgeSeconds, clockToleranceSeconds, maxProofBytes } = options
  const faults = [
    ...(typeof claimJti === 'function' ? [] : ['claimJti must remember proofs: createJtiMemory']),
    ...(algorithms.length > 0 ? [] : ['algorithms must not be empty']),
    ...algorithms.flatMap((alg) => {
      const isFit = isAlgorithm(alg) && ALGORITHMS[alg].kty !== 'oct'
      return isFit ? [] : [`algorithms: ${String(alg).slice(0, 20)} has no public key`]
    }),
    ...boundFaults('maxAgeSeconds', maxAgeSeconds, 1, 3600),
    ...boundFaults('clockToleranceSeconds', clockToleranceSeconds, 0, 300),
    ...boundFaults('maxProofBytes', maxProofBytes, 256, 65_536),
  ]
  if (faults.length === 0) return
  const detail = `createDpopVerifier: ${faults.join('; ')}.`
  throw new CoatcheckError('invalid_configuration', { detail })
}

// A NaN would make a comparison of times say "not too old".
function boundFaults(name: string, value: number, least: number, most: number): readonly string[] {
  const isFine = value >= least && value <= most
  return isFine ? [] : [`${name} must lie between ${least} and ${most}`]
}
