/**
 * Headers between two neighbours only, which no proxy passes on.
 *
 * @see RFC 9110, section 7.6.1
 */
export const HOP_BY_HOP: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]
