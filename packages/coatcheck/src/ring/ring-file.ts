import { decodeBase64url, encodeBase64url } from '../core/bytes.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import { type RandomSource, systemRandom } from '../core/random.ts'

/** A key ring as it lies in a file of mode 0600. Format version 1. */
export interface KeyRingFile {
  readonly version: 1
  /** The first `active` key seals; all open. */
  readonly keys: readonly KeyRingEntry[]
}

/** One key of the file. */
export interface KeyRingEntry {
  /** Eight characters of base64url; public. */
  readonly id: string
  /** 32 bytes of base64url. */
  readonly secret: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
  /** When it began to seal. */
  readonly promotedAt?: string
  /** An `opening` key seals nothing yet, or no more. */
  readonly state: 'active' | 'opening'
}

/** Where time and randomness come from. */
export interface GenerateKeyRingOptions {
  /** Default: the machine's clock. */
  readonly clock?: Clock
  /** Default: the platform's secure source. */
  readonly random?: RandomSource
}

const SECRET_BYTES = 32

/**
 * A new ring with one key.
 *
 * @example
 * const file = generateKeyRing()
 * createKeyRing(file).current.id === file.keys[0]?.id // true
 */
export function generateKeyRing(options: GenerateKeyRingOptions = {}): KeyRingFile {
  const random = options.random ?? systemRandom
  const now = new Date((options.clock ?? systemClock)()).toISOString()
  const id = encodeBase64url(random(6))
  const secret = encodeBase64url(random(SECRET_BYTES))
  return { version: 1, keys: [{ id, secret, createdAt: now, promotedAt: now, state: 'active' }] }
}

/** A key of a checked file, its secret as bytes. */
export interface CheckedEntry {
  readonly id: string
  readonly secret: Uint8Array
  readonly state: 'active' | 'opening'
}

/** Checks a ring file. Throws `key_ring_invalid` with all faults at once; no fault shows a secret. */
export function checkRingFile(file: KeyRingFile): readonly CheckedEntry[] {
  // The file comes from outside: its type is only a hope.
  const content = file as { readonly version?: unknown; readonly keys?: unknown } | null
  if (content?.version !== 1) throw invalid(['version must be 1'])
  if (!Array.isArray(content.keys) || content.keys.length === 0)
    throw invalid(['keys must be a list with a key'])
  const faults: string[] = []
  const entries: CheckedEntry[] = []
  const seen = new Set<unknown>()
  for (const [index, key] of content.keys.entries()) {
    const { id, secret, state } = (key ?? {}) as Record<string, unknown>
    const bytes = typeof secret === 'string' ? decodeBase64url(secret) : undefined
    if (typeof id !== 'string' || !/^[\w-]{8}$/.test(id))
      faults.push(`keys[${index}].id must be 8 characters of base64url`)
    else if (seen.has(id)) faults.push(`keys[${index}].id stands twice`)
    if (bytes === undefined || bytes.length !== SECRET_BYTES) {
      faults.push(`keys[${index}].secret must be ${SECRET_BYTES} bytes of base64url`)
    } else if (isWeak(bytes))
      faults.push(`keys[${index}].secret is weak: make a ring, do not type one`)
    if (state !== 'active' && state !== 'opening')
      faults.push(`keys[${index}].state must be active or opening`)
    seen.add(id)
    if (
      typeof id === 'string' &&
      bytes !== undefined &&
      (state === 'active' || state === 'opening')
    ) {
      entries.push({ id, secret: bytes, state })
    }
  }
  if (faults.length === 0 && !entries.some(({ state }) => state === 'active'))
    faults.push('keys must have an active one')
  if (faults.length > 0) throw invalid(faults)
  return entries
}

// Random bytes almost never repeat this much, nor are they all printable (RFC 8725, 3.5: no passwords).
function isWeak(secret: Uint8Array): boolean {
  const printable = secret.every((byte) => byte >= 0x20 && byte < 0x7f)
  return printable || new Set(secret).size < SECRET_BYTES / 2
}

function invalid(faults: readonly string[]): CoatcheckError {
  return new CoatcheckError('key_ring_invalid', {
    detail: `The key ring has faults: ${faults.join('; ')}.`,
  })
}
