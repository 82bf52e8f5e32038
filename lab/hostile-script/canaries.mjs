// @ts-check
// The real tokens that the provider has issued, and where they turn up.

/** @typedef {'access_token' | 'refresh_token' | 'id_token'} Kind */

const KINDS = /** @type {const} */ (['access_token', 'refresh_token', 'id_token'])
/** @type {Record<Kind, string>} */
const WORDS = { access_token: 'access', refresh_token: 'refresh', id_token: 'ID' }
const LEAST_SIGNATURE = 20

/** Remembers what is issued: its `hooks` are the provider's. */
export function createCanaries() {
  /** @type {import('@coatcheck/dev').IssuedTokens[]} */
  const issued = []
  /** @param {string} text @param {number} [from] */
  const kindsIn = (text, from = 0) =>
    KINDS.filter((kind) =>
      issued.slice(from).some((one) => formsOf(one[kind]).some((form) => text.includes(form))),
    )
  return {
    hooks: {
      onTokenOutcome: (/** @type {import('@coatcheck/dev').TokenOutcome} */ outcome) => {
        if (outcome.issued !== undefined) issued.push(outcome.issued)
      },
    },
    count: () => issued.length,
    latest: () => issued.at(-1) ?? {},
    forget: () => void issued.splice(0),
    kindsIn,
    /** All forms of the tokens of a kind that were issued from the nth answer on. @param {Kind} kind @param {number} [from] */
    formsOf: (kind, from = 0) => issued.slice(from).flatMap((one) => formsOf(one[kind])),
  }
}

/** @typedef {ReturnType<typeof createCanaries>} Canaries */

/** All kinds, in the order of an answer. */
export const TOKEN_KINDS = KINDS

/** Whole, encoded, and the signature alone, which no other text holds. @param {string | undefined} token */
function formsOf(token) {
  if (token === undefined) return []
  const signature = token.split('.')[2] ?? ''
  return [
    token,
    Buffer.from(token).toString('base64').replace(/=+$/, ''),
    Buffer.from(token).toString('hex'),
    ...(signature.length > LEAST_SIGNATURE ? [signature] : []),
  ]
}

/** `access and refresh token`, or `nothing`. @param {readonly Kind[]} kinds */
export function inWords(kinds) {
  if (kinds.length === 0) return 'nothing'
  const words = kinds.map((kind) => WORDS[kind])
  const last = words.pop()
  return `${words.length === 0 ? '' : `${words.join(', ')} and `}${last} token`
}

// Of all that see a token, those that tell most about how it goes.
const TELLING = [
  ...['fetch', 'Object.prototype.then', 'Headers.prototype.set', 'Response.prototype.json'],
  ...['URLSearchParams.prototype.set', 'Storage.prototype.setItem', 'Document.prototype.cookie'],
]

/** The built-ins that saw a token; the telling ones by name. @param {readonly string[]} names */
export function byWhich(names) {
  if (names.length === 0) return ''
  const telling = TELLING.filter((name) => names.includes(name))
  return `, by ${telling.join(', ')}${names.length > telling.length ? ' and others' : ''}`
}

/** Where tokens were listed first. @param {readonly string[]} places */
export function fromWhich(places) {
  return places.length === 0 ? '' : `, from ${places[0]}`
}
