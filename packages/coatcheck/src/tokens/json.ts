/** A JSON object from outside: nothing is known of its members. */
export type JsonObject = Readonly<Record<string, unknown>>

const MAX_DEPTH = 16
const REFUSED = -1

/**
 * A JSON object, or `undefined` for anything else: other values, doubled members (two readers could choose
 * differently), `__proto__`, nesting beyond 16.
 *
 * A parser keeps one of two members of one name, however they are spelled: so the names in the text are
 * counted, and those of the result.
 *
 * @see RFC 8259, section 4; RFC 7515, section 4; RFC 7519, section 4
 */
export function parseJsonObject(text: string): JsonObject | undefined {
  const written = countNames(text)
  if (written === REFUSED) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return countMembers(value) === written ? (value as JsonObject) : undefined
  } catch {
    return undefined
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

// In valid JSON a colon outside of a string stands behind a name and nowhere else. What is not valid is
// left to JSON.parse.
function countNames(text: string): number {
  let names = 0
  let depth = 0
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code === QUOTE) {
      index = endOfString(text, index)
      if (index === -1) return REFUSED
    } else if (code === COLON) names += 1
    else if (code === 0x7b || code === 0x5b) {
      depth += 1
      if (depth > MAX_DEPTH) return REFUSED
    } else if (code === 0x7d || code === 0x5d) depth -= 1
  }
  return names
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end !== -1) {
    let slashes = 0
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes += 1
    if (slashes % 2 === 0) return end
    end = text.indexOf('"', end + 1)
  }
  return -1
}

function countMembers(value: object): number {
  let members = 0
  if (Array.isArray(value)) {
    for (const entry of value) {
      if (typeof entry === 'object' && entry !== null) members += countMembers(entry)
    }
    return members
  }
  for (const name in value) {
    // Left out of the count, so that it never fits.
    if (name !== '__proto__') members += 1
    const member: unknown = Reflect.get(value, name)
    if (typeof member === 'object' && member !== null) members += countMembers(member)
  }
  return members
}
