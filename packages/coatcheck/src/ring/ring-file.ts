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
  const key = generateKey(options)
  return { version: 1, keys: [{ ...key, promotedAt: key.createdAt, state: 'active' }] }
}

/** A new key that seals nothing yet. */
export function generateKey(options: GenerateKeyRingOptions): KeyRingEntry {
  const random = options.random ?? systemRandom
  const createdAt = new Date((options.clock ?? systemClock)()).toISOString()
  const [first = 0, ...rest] = random(6)
  // Begins with a letter: to a command `-` would be an option.
  const id = encodeBase64url(Uint8Array.of(first & 0x7f, ...rest))
  return { id, secret: encodeBase64url(random(SECRET_BYTES)), createdAt, state: 'opening' }
}

/** A key of a checked file, its secret as bytes, its times in milliseconds since 1970. */
export interface CheckedEntry {
  readonly id: string
  readonly secret: Uint8Array
  readonly createdAt: number
  readonly promotedAt: number | undefined
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
    const tell = (fault: string): void => void faults.push(`keys[${index}].${fault}`)
    const entry = readEntry(key, tell)
    if (seen.has(key?.id)) tell('id stands twice')
    seen.add(key?.id)
    if (entry !== undefined) entries.push(entry)
  }
  if (faults.length === 0 && !entries.some(({ state }) => state === 'active'))
    faults.push('keys must have an active one')
  if (faults.length > 0) throw invalid(faults)
  return entries
}

function readEntry(key: unknown, tell: (fault: string) => void): CheckedEntry | undefined {
  const {
    id,
    secret,
    state,
    createdAt: created,
    promotedAt: promoted,
  } = (key ?? {}) as Record<string, unknown>
  const bytes = typeof secret === 'string' ? decodeBase64url(secret) : undefined
  const createdAt = timeOf(created)
  const promotedAt = timeOf(promoted)
  const isNamed = typeof id === 'string' && /^[\w-]{8}$/.test(id)
  const isState = state === 'active' || state === 'opening'
  if (!isNamed) tell('id must be 8 characters of base64url')
  if (bytes === undefined || bytes.length !== SECRET_BYTES) {
    tell(`secret must be ${SECRET_BYTES} bytes of base64url`)
  } else if (isWeak(bytes)) tell('secret is weak: make a ring, do not type one')
  if (!isState) tell('state must be active or opening')
  if (createdAt === undefined) tell('createdAt must be a time: 2026-01-31T12:00:00.000Z')
  if (promoted !== undefined && promotedAt === undefined)
    tell('promotedAt must be a time: 2026-01-31T12:00:00.000Z')
  if (!isNamed || bytes === undefined || !isState || createdAt === undefined) return undefined
  return { id, secret: bytes, createdAt, promotedAt, state }
}

function timeOf(value: unknown): number | undefined {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(time) ? undefined : time
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
