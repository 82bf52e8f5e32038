import { createSecretKey, type KeyObject } from 'node:crypto'
import { type Bytes, concatBytes, decodeUtf8, encodeUtf8 } from '../core/bytes.ts'
import { type RandomSource, systemRandom } from '../core/random.ts'
import type { KeyRing, RingKey } from '../ring/key-ring.ts'
import { openBytes, sealBytes } from './aead.ts'

/** What opens the bytes, besides the ring. */
export interface SecretBinding {
  /** What they are for and where they belong. */
  readonly context: readonly string[]
  /** Known to whoever may open them, and kept nowhere. */
  readonly secret: Uint8Array
}

const KEY_ID_CHARACTERS = 8
const NONCE_BYTES = 12

/**
 * Seals bytes so that neither the ring alone opens them nor the secret: key id (8 characters), nonce (12), ciphertext,
 * tag (16).
 *
 * @example
 * const sealed = sealWithSecret(ring, { context: ['hand-off', site], secret }, encodeUtf8('hi'))
 */
export function sealWithSecret(
  ring: KeyRing,
  binding: SecretBinding,
  bytes: Uint8Array,
  random: RandomSource = systemRandom,
): Bytes {
  const key = ring.current
  const sealed = sealBytes(keyOf(key, binding), bytes, boundTo(binding), random(NONCE_BYTES))
  return concatBytes(encodeUtf8(key.id), sealed)
}

/** Opens what {@link sealWithSecret} made; `undefined` for anything else. Never throws. */
export function openWithSecret(
  ring: KeyRing,
  binding: SecretBinding,
  sealed: Bytes,
): Bytes | undefined {
  const key = ring.key(decodeUtf8(sealed.subarray(0, KEY_ID_CHARACTERS)) ?? '')
  if (key === undefined) return undefined
  return openBytes(keyOf(key, binding), sealed.subarray(KEY_ID_CHARACTERS), boundTo(binding))
}

function keyOf(key: RingKey, { context, secret }: SecretBinding): KeyObject {
  return createSecretKey(key.mac('ticket', 'secret', ...context, secret))
}

function boundTo({ context }: SecretBinding): Bytes {
  return encodeUtf8(JSON.stringify(context))
}
