// @ts-check
// Under which keys of the ring sessions lie that browsers keep: read from the cookies that they have by now.
import { answerOf } from '../storm/answer-of.mjs'

const FORMAT_BYTES = 1
const KEY_ID_BYTES = 6

/**
 * @param {{ load: import('node:child_process').ChildProcess, tickets: string[] }} options
 */
export function openCookies({ load, tickets }) {
  /** @returns {Promise<string[]>} */
  async function cookies() {
    load.send({ kind: 'cookies', tickets })
    const answer = await answerOf(load, 'cookies')
    return answer.cookies
  }

  return {
    close: () => {},
    cookies,
    /** How many sessions lie under each key. */
    async countByKey() {
      /** @type {Map<string, number>} */
      const counts = new Map()
      for (const cookie of await cookies()) {
        const value = cookie.slice(cookie.indexOf('=') + 1)
        const key = Buffer.from(value, 'base64url')
          .subarray(FORMAT_BYTES, FORMAT_BYTES + KEY_ID_BYTES)
          .toString('base64url')
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
      return counts
    },
  }
}
