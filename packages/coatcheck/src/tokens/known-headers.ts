import { type JwsHeader, parseHeader } from './jws.ts'

const MAX_KNOWN_HEADERS = 64
const MAX_CHARACTERS = 512

/** Reads headers, and remembers them: an issuer's tokens share a few, and each is parsed once. */
export function createHeaderReader(): (segment: string) => JwsHeader {
  const known = new Map<string, JwsHeader>()
  return (segment) => {
    const seen = known.get(segment)
    if (seen !== undefined) return seen
    const header = parseHeader(segment)
    if (known.size >= MAX_KNOWN_HEADERS) known.clear()
    if (segment.length <= MAX_CHARACTERS) known.set(segment, header)
    return header
  }
}
