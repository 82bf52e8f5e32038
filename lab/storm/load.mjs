// @ts-check
// The load of a storm, in a process of its own: the API behind the gateways, and the browsers in front of them.
import { createPublicKey, verify } from 'node:crypto'
import { createServer } from 'node:http'
import { Pool } from 'undici'

const AT_ONCE = 8
const ANSWER_WITHIN_MS = 40_000

/** What is counted. */
const counts = { requests: 0, statuses: {}, broken: 0, falseTokens: 0, slowestMs: 0 }
/** @type {Map<string, { subject: string, endsAt: number }>} */
const known = new Map()
/** What browsers have by now in the place of what they began with. @type {Map<string, string>} */
const cookies = new Map()
/** @type {import('node:crypto').KeyObject[]} */
let keys = []

const api = createServer((request, response) => {
  if (!accepts(request.headers)) counts.falseTokens += 1
  response.end('{}')
})
api.listen(0, '127.0.0.1', () => {
  const address = api.address()
  process.send?.({ port: typeof address === 'object' && address !== null ? address.port : 0 })
})
process.on('message', async (/** @type {any} */ message) => {
  if (message.kind === 'keys') {
    keys = message.jwks.keys.map((/** @type {any} */ jwk) =>
      createPublicKey({ key: jwk, format: 'jwk' }),
    )
    process.send?.({ ready: true })
  } else if (message.kind === 'cookies') {
    process.send?.({
      cookies: message.tickets.map((/** @type {string} */ ticket) => cookies.get(ticket) ?? ticket),
    })
  } else {
    await storm(message)
    process.send?.({ counts })
  }
})

/**
 * A token counts if its signature does, and if it was good when the browser sent its request.
 * @param {import('node:http').IncomingHttpHeaders} headers
 */
function accepts(headers) {
  const token = String(headers.authorization ?? '').replace('Bearer ', '')
  const read = known.get(token) ?? readToken(token)
  if (read === undefined) return false
  known.set(token, read)
  return read.endsAt >= Number(headers['x-sent-at']) && read.subject === headers['x-subject']
}

/** @param {string} token */
function readToken(token) {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const signed = Buffer.from(`${header}.${payload}`)
  const bytes = Buffer.from(signature, 'base64url')
  const isGood = keys.some(
    (key) =>
      key.asymmetricKeyType === 'ec' &&
      verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, bytes),
  )
  if (!isGood) return undefined
  const { sub, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString())
  return { subject: String(sub), endsAt: exp * 1000 }
}

/**
 * One session after another, some at once; each sends all its requests at once, to all gateways.
 * @param {{ tickets: { ticket: string, subject: string }[], ports: number[], host: string, parallel: number, until: number }} task
 */
async function storm({ tickets, ports, host, parallel, until }) {
  const pools = ports.map((port) => new Pool(`http://localhost:${port}`, { connections: 100 }))
  let turn = 0
  const work = async () => {
    while (Date.now() < until) {
      const session = tickets[turn % tickets.length]
      turn += 1
      if (session === undefined) return
      await Promise.all(
        Array.from({ length: parallel }, (_, index) =>
          call(pools[(index + turn) % pools.length], session, host),
        ),
      )
      // A few sessions must not be asked without a pause.
      if (tickets.length < AT_ONCE * 4) await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, tickets.length) }, work))
  await Promise.all(pools.map((pool) => pool.destroy()))
}

/**
 * As a browser does: what came last is what there is.
 * @param {string} ticket
 * @param {string | string[] | undefined} set
 */
function keep(ticket, set) {
  const [name = ''] = ticket.split('=')
  for (const each of [set ?? []].flat()) {
    if (each.startsWith(`${name}=`)) cookies.set(ticket, each.split(';')[0] ?? '')
  }
}

/**
 * @param {Pool | undefined} pool
 * @param {{ ticket: string, subject: string }} session
 * @param {string} host
 */
async function call(pool, { ticket, subject }, host) {
  const sentAt = Date.now()
  counts.requests += 1
  try {
    const answer = await pool?.request({
      path: '/api/x',
      method: 'GET',
      headersTimeout: ANSWER_WITHIN_MS,
      headers: {
        host,
        cookie: cookies.get(ticket) ?? ticket,
        'x-coatcheck': '1',
        'sec-fetch-site': 'same-origin',
        'x-sent-at': String(sentAt),
        'x-subject': subject,
      },
    })
    await answer?.body.dump()
    keep(ticket, answer?.headers['set-cookie'])
    const status = String(answer?.statusCode)
    const statuses = /** @type {Record<string, number>} */ (counts.statuses)
    statuses[status] = (statuses[status] ?? 0) + 1
    if (status === '200') counts.slowestMs = Math.max(counts.slowestMs, Date.now() - sentAt)
  } catch {
    // A gateway was killed: the browser would try again.
    counts.broken += 1
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
