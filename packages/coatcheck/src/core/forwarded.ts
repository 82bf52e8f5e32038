/** What a proxy says of one hop. */
export interface ForwardedElement {
  /** The node that made the request to the proxy: an address, `unknown`, or an obfuscated name. */
  readonly for?: string
  readonly by?: string
  readonly host?: string
  /** `http` or `https`, in lower case. */
  readonly proto?: string
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y
const QUOTED = /"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*)"/y
const SPACE = /[ \t]*/y
const MAX_CHARACTERS = 4096
const MAX_ELEMENTS = 32

/**
 * Reads a Forwarded header, the nearest hop last; `undefined` for anything that is not its grammar: nothing of it is
 * believed then.
 *
 * @see RFC 7239, sections 4 to 6
 * @example
 * readForwarded('for=192.0.2.60;proto=https, for="[2001:db8::1]:4711"') // [{ for: '192.0.2.60', proto: 'https' }, { for: '[2001:db8::1]:4711' }]
 */
export function readForwarded(header: string): readonly ForwardedElement[] | undefined {
  if (header.length > MAX_CHARACTERS) return undefined
  const elements: ForwardedElement[] = []
  const reader = createReader(header)
  for (;;) {
    const element = readElement(reader)
    if (element === undefined || elements.length === MAX_ELEMENTS) return undefined
    elements.push(element)
    reader.take(SPACE)
    if (reader.isDone()) return elements
    if (!reader.skip(',')) return undefined
    reader.take(SPACE)
  }
}

/**
 * The address in a node of Forwarded or X-Forwarded-For, its port left out; `undefined` for what is no address.
 *
 * @see RFC 7239, section 6
 * @example
 * addressOf('"[2001:db8::1]:4711"') // undefined: quotes are the header's, not the node's
 * addressOf('[2001:db8::1]:4711') // '2001:db8::1'
 */
export function addressOf(node: string | undefined): string | undefined {
  if (node === undefined) return undefined
  const [, bracketed, plain] =
    /^(?:\[([0-9a-f:.]{2,45})\]|([0-9.]{7,15}))(?::\d{1,5})?$/i.exec(node) ?? []
  const address = bracketed ?? plain ?? node
  return isAddress(address) ? address : undefined
}

/** Enough to keep words and other headers' grammar out; whoever uses an address parses it. */
function isAddress(text: string): boolean {
  return /^(?:\d{1,3}(?:\.\d{1,3}){3}|(?=.*:)[0-9a-f:.]{2,45})$/i.test(text)
}

interface Reader {
  take(pattern: RegExp): RegExpExecArray | undefined
  skip(character: string): boolean
  isDone(): boolean
}

function createReader(text: string): Reader {
  let at = 0
  return {
    take: (pattern) => {
      pattern.lastIndex = at
      const found = pattern.exec(text) ?? undefined
      if (found !== undefined) at += found[0].length
      return found
    },
    skip: (character) => {
      if (text[at] !== character) return false
      at += 1
      return true
    },
    isDone: () => at === text.length,
  }
}

// Each parameter once in an element: a second one could only contradict the first.
function readElement(reader: Reader): ForwardedElement | undefined {
  const found = new Map<string, string>()
  do {
    reader.take(SPACE)
    const name = reader.take(TOKEN)?.[0].toLowerCase()
    if (name === undefined || found.has(name) || !reader.skip('=')) return undefined
    const quoted = reader.take(QUOTED)
    const value = quoted === undefined ? reader.take(TOKEN)?.[0] : unescaped(quoted[1] ?? '')
    if (value === undefined) return undefined
    found.set(name, name === 'proto' ? value.toLowerCase() : value)
    reader.take(SPACE)
  } while (reader.skip(';'))
  const [node, by, host, proto] = ['for', 'by', 'host', 'proto'].map((name) => found.get(name))
  return {
    ...(node === undefined ? {} : { for: node }),
    ...(by === undefined ? {} : { by }),
    ...(host === undefined ? {} : { host }),
    ...(proto === undefined ? {} : { proto }),
  }
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, '$1')
}
