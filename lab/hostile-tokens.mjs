// @ts-check
// Hostile tokens against the built library: the whole corpus, then good tokens
// spoiled at random for as long as there is time.
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createVerifier, Secret } from 'coatcheck/tokens'
import { createScene, goodTokens, hostileTokens } from './hostile-tokens/corpus.mjs'

export const name = 'hostile-tokens'
export const about =
  'Hostile tokens of our own making, and good ones spoiled at random, against the verifier.'
export const aim = 'none accepted, each refused with the code that it deserves'

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run({ seconds, log }) {
  let visits = 0
  const canary = createServer((_request, response) => {
    visits += 1
    response.end('{"keys":[]}')
  }).listen(0, '127.0.0.1')
  await once(canary, 'listening')
  const address = canary.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const now = Math.floor(Date.now() / 1000)
  const scene = createScene({ now, canary: `http://127.0.0.1:${port}` })
  const verify = createTarget(scene, () => now * 1000)
  try {
    const wrong = []
    for (const { name: title, to, token, checks } of goodTokens(scene)) {
      const code = await verify(to, token, checks)
      if (code !== 'accepted') wrong.push(`a good token was refused with ${code}: ${title}`)
    }
    const attacks = hostileTokens(scene)
    let accepted = 0
    /** @type {Map<string, number>} */
    const codes = new Map()
    for (const { name: title, to, token, code: expected, checks } of attacks) {
      const code = await verify(to, token, checks)
      codes.set(code, (codes.get(code) ?? 0) + 1)
      if (code === 'accepted') accepted += 1
      if (code !== expected) wrong.push(`${code} instead of ${expected}: ${title}`)
    }
    for (const line of wrong) log(line)
    const spoiled = await spoil(scene, verify, Date.now() + seconds * 1000, log)
    const rows = [...codes].map(([code, count]) => ({ 'refused with': code, tokens: count }))
    rows.push({ 'refused with': 'any code, spoiled at random', tokens: spoiled.tried })
    return {
      rows,
      figures: [
        zero('hostile tokens accepted', accepted, `none of ${attacks.length}`),
        zero('refused with another code, or good ones refused', wrong.length, 'none'),
        zero('spoiled tokens accepted', spoiled.accepted, `none of ${spoiled.tried}`),
        zero('visits to addresses that tokens name', visits, 'none'),
      ],
    }
  } finally {
    canary.close()
  }
}

/**
 * @param {import('./hostile-tokens/corpus.mjs').Scene} scene
 * @param {() => number} clock
 */
function createTarget(scene, clock) {
  const { issuer, audience, clientId, jwks } = scene
  const api = { issuer, audience, clock }
  /** @type {Record<string, import('coatcheck/tokens').Verifier>} */
  const verifiers = {
    access: createVerifier({ ...api, jwks }),
    id: createVerifier({ issuer, audience: clientId, clock, jwks, kind: 'id_token' }),
    ec: createVerifier({ ...api, jwks, algorithms: ['ES256'] }),
    secret: createVerifier({ ...api, secret: new Secret(new Uint8Array(scene.secret)) }),
  }
  return async (
    /** @type {string} */ to,
    /** @type {string} */ token,
    /** @type {import('coatcheck/tokens').VerifyChecks} */ checks = {},
  ) => {
    try {
      await verifiers[to]?.verify(token, checks)
      return 'accepted'
    } catch (error) {
      const code = error instanceof Error && Object.getOwnPropertyDescriptor(error, 'code')?.value
      return typeof code === 'string' && code.startsWith('token_') ? code : `no code: ${error}`
    }
  }
}

/**
 * @param {import('./hostile-tokens/corpus.mjs').Scene} scene
 * @param {ReturnType<typeof createTarget>} verify
 * @param {number} until
 * @param {(line: string) => void} log
 */
async function spoil(scene, verify, until, log) {
  const good = goodTokens(scene)
  let tried = 0
  let accepted = 0
  while (Date.now() < until) {
    const { to, token, checks } = good[randomInt(good.length)] ?? { to: '', token: '' }
    const other = good[randomInt(good.length)]?.token ?? ''
    const spoiled = spoilOnce(token, other)
    if (good.some((one) => one.token === spoiled)) continue
    tried += 1
    const code = await verify(to, spoiled, checks)
    if (code.startsWith('token_')) continue
    accepted += 1
    log(`${code}: ${JSON.stringify(spoiled)}`)
  }
  return { tried, accepted }
}

const CHARACTERS = 'ABCXYZabcxyz0189-_.=+/ \n\u0000\u0141\ud800{}"'

/** @param {string} token @param {string} other */
function spoilOnce(token, other) {
  const at = randomInt(token.length)
  const character = CHARACTERS[randomInt(CHARACTERS.length)] ?? 'A'
  const [header, payload, signature] = token.split('.')
  const foreign = other.split('.')
  /** @type {(() => string)[]} */
  const ways = [
    () => `${token.slice(0, at)}${character}${token.slice(at + 1)}`,
    () => `${token.slice(0, at)}${character}${token.slice(at)}`,
    () => `${token.slice(0, at)}${token.slice(at + 1)}`,
    () => token.slice(0, at),
    () => token.slice(at),
    () => `${header}.${foreign[1]}.${signature}`,
    () => `${foreign[0]}.${payload}.${signature}`,
    () => `${header}.${payload}.${foreign[2]}`,
    () => flipBit(token),
  ]
  return ways[randomInt(ways.length)]?.() ?? ''
}

/** One bit in the bytes behind one part, spelled canonically again. @param {string} token */
function flipBit(token) {
  const parts = token.split('.')
  const index = randomInt(parts.length)
  const bytes = Buffer.from(parts[index] ?? '', 'base64url')
  const at = randomInt(bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << randomInt(8))
  parts[index] = bytes.toString('base64url')
  return parts.join('.')
}

/** @param {string} label @param {number} value @param {string} wanted */
function zero(label, value, wanted) {
  return { name: label, value, aim: wanted, ok: value === 0 }
}
