/** A JSON object from outside: nothing is known of its members. */
export type JsonObject = Readonly<Record<string, unknown>>

const MAX_DEPTH = 16

/**
 * A JSON object, or `undefined` for anything else: other values, doubled members (two readers could choose
 * differently), nesting beyond 16.
 *
 * @see RFC 8259, section 4; RFC 7515, section 4; RFC 7519, section 4
 */
export function parseJsonObject(text: string): JsonObject | undefined {
  if (!hasPlainMembers(text)) return undefined
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as JsonObject) : undefined
  } catch {
    return undefined
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

// A scan for member names, per object: the grammar itself is left to JSON.parse.
function hasPlainMembers(text: string): boolean {
  const names: (Set<string> | undefined)[] = []
  let index = 0
  while (index < text.length) {
    const code = text.charCodeAt(index)
    if (code === QUOTE) {
      const end = endOfString(text, index)
      if (end === -1) return false
      if (followedByColon(text, end + 1) && !addName(names, text.slice(index, end + 1)))
        return false
      index = end + 1
      continue
    }
    if (code === 0x7b) names.push(new Set())
    else if (code === 0x5b) names.push(undefined)
    else if (code === 0x7d || code === 0x5d) names.pop()
    if (names.length > MAX_DEPTH) return false
    index += 1
  }
  return true
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

function followedByColon(text: string, from: number): boolean {
  for (let index = from; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code === 0x3a) return true
    if (code !== 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) return false
  }
  return false
}

function addName(names: readonly (Set<string> | undefined)[], literal: string): boolean {
  const members = names[names.length - 1]
  if (members === undefined) return false
  // `"a"` and `"\u0061"` are one name.
  const name = literal.includes('\\') ? unescaped(literal) : literal
  if (name === undefined || name === '"__proto__"' || members.has(name)) return false
  members.add(name)
  return true
}

function unescaped(literal: string): string | undefined {
  try {
    return `"${JSON.parse(literal)}"`
  } catch {
    return undefined
  }
}
