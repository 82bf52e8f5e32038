// @ts-check
// Requests that two readers could take for two different things, sent byte by byte to a real gateway, with a session.
import { connect } from 'node:net'
import { signInOverHttp, startStack } from '../test/support/stack.ts'
import { ONE_REQUEST, REFUSED } from './smuggling/requests.mjs'

export const name = 'smuggling'
export const about =
  'conflicting lengths and encodings, folded and broken lines, doubled hosts, odd targets: refused, and never forwarded as more than one request'
export const aim = 'all refused, none forwarded'

const ANSWER_WITHIN_MS = 2000

/** @param {{ log: (line: string) => void }} options */
export async function run({ log }) {
  /** @type {string[]} */
  const seen = []
  const stack = await startStack({
    upstream: (request, response) => {
      request.resume().on('end', () => {
        // Whole: what breaks off is no request.
        if (request.complete) seen.push(`${request.method} ${request.url}`)
        response.end('{}')
      })
      request.on('error', () => {})
    },
  })
  try {
    const cookie = await signInOverHttp(stack)
    const host = new URL(stack.origin).host
    const headers = `Cookie: ${cookie}\r\nSec-Fetch-Site: same-origin\r\nX-Coatcheck: 1\r\n`
    const frame = { host, headers }
    const honest = `GET /api/honest HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`
    const control = await exchange(stack.port, `${honest}${honest}`)
    const isAlive = control.statuses.join() === '200,200' && seen.length === 2
    log(`control: ${control.statuses.join()}, ${seen.length} forwarded`)
    seen.length = 0
    const rows = []
    for (const { what, bytes, passes } of [
      ...REFUSED.map((each) => ({ ...each, passes: false })),
      ...ONE_REQUEST.map((each) => ({ ...each, passes: true })),
    ]) {
      const { statuses } = await exchange(stack.port, bytes(frame))
      const forwarded = seen.splice(0)
      const ok = passes
        ? statuses.join() === '200' && forwarded.length === 1 && forwarded[0]?.endsWith(' /first')
        : statuses.every((status) => status >= 400) && forwarded.length === 0
      const answered = statuses.join(', ') || 'closed'
      rows.push({ what, answered, forwarded: forwarded.join(', '), ok })
      if (!ok) log(`${what}: ${answered} ${forwarded.join()}`)
    }
    const after = await exchange(stack.port, honest)
    const wrong = rows.filter(({ ok }) => !ok).length
    const value = `${rows.length - wrong} of ${rows.length} as they should`
    const ok = wrong === 0 && isAlive && after.statuses.join() === '200'
    return {
      rows: rows.map(({ ok: isOk, ...row }) => ({ ...row, 'as it should': isOk ? 'yes' : 'NO' })),
      figures: [{ name, value, aim, ok }],
    }
  } finally {
    await stack.close()
  }
}

/**
 * Sends bytes as they are; gives back the status of each answer until the other side closes, or says no more.
 * @param {number} port
 * @param {string} bytes
 * @returns {Promise<{ statuses: number[] }>}
 */
function exchange(port, bytes) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    const finish = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve({
        statuses: [...text.matchAll(/HTTP\/1\.[01] (\d{3}) /g)].map(([, code]) => Number(code)),
      })
    }
    let timer = setTimeout(finish, ANSWER_WITHIN_MS)
    socket.on('data', (part) => {
      text += part.toString('latin1')
      // Whatever else would come has come soon after the first answer.
      clearTimeout(timer)
      timer = setTimeout(finish, 150)
    })
    socket.on('close', finish)
    socket.on('error', finish)
    socket.write(bytes, 'latin1')
  })
}
