import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8 } from '../../core/bytes.ts'
import { CoatcheckError } from '../../core/errors.ts'

/** The names of everything that the store keeps. */
export interface RedisKeys {
  /** In braces: the keys of one session lie in one slot of a Cluster, and change in one script. */
  session(id: string): string
  ending(id: string): string
  lease(id: string): string
  subject(key: string): string
  sid(key: string): string
  claim(key: string): string
  blob(key: string): string
  readonly channel: string
}

/** Names under a prefix, which must not hold the braces that choose a slot. */
export function redisKeys(prefix: string): RedisKeys {
  if (!/^[^{}]*$/.test(prefix)) {
    throw new CoatcheckError('invalid_configuration', {
      detail: 'redisStore: prefix must not hold "{" or "}", which choose the slot in a Cluster.',
    })
  }
  const named = (kind: string) => (key: string) => `${prefix}${kind}:{${writeWord(key)}}`
  return {
    session: named('session'),
    ending: named('ending'),
    lease: named('lease'),
    subject: named('subject'),
    sid: named('sid'),
    claim: named('claim'),
    blob: named('blob'),
    channel: `${prefix}notices`,
  }
}

/**
 * Any text as one word of harmless characters; ids and lookup keys are such words already. Others begin with
 * "=", which those never hold, so no two texts share a word.
 */
export function writeWord(text: string): string {
  return /^[\w-]+$/.test(text) ? text : `=${encodeBase64url(encodeUtf8(text))}`
}

/** What {@link writeWord} wrote; `undefined` for anything else. */
export function readWord(word: string): string | undefined {
  if (!word.startsWith('=')) return word
  const bytes = decodeBase64url(word.slice(1))
  return bytes === undefined ? undefined : decodeUtf8(bytes)
}
