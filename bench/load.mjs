// @ts-check
// Load over raw sockets, in a process of its own: it costs so little that the server is what is measured.
import { connect } from 'node:net'

const CONNECTIONS = 32

/**
 * @param {{ port: number, request: string, ms: number }} job
 * @returns {Promise<{ requests: number, errors: number, seconds: number }>}
 */
async function run({ port, request, ms }) {
  const bytes = Buffer.from(request, 'latin1')
  const startedAt = process.hrtime.bigint()
  let stopping = false
  let requests = 0
  let errors = 0
  /** @returns {Promise<void>} */
  const client = () =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.setNoDelay(true)
      let missing = 0
      socket.on('connect', () => socket.write(bytes))
      socket.on('data', (chunk) => {
        if (missing > 0) missing -= chunk.length
        else missing = lengthOf(chunk) - chunk.length
        if (missing > 0) return
        if (missing < 0) errors += 1
        missing = 0
        requests += 1
        if (stopping) socket.end()
        else socket.write(bytes)
      })
      socket.on('error', () => {
        errors += 1
      })
      socket.on('close', () => resolve())
    })

  /** @param {Buffer} chunk */
  function lengthOf(chunk) {
    const head = chunk.latin1Slice(0, Math.min(chunk.length, 2048))
    if (!head.startsWith('HTTP/1.1 200')) errors += 1
    const end = head.indexOf('\r\n\r\n')
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
    return end + 4 + Number(length ?? 0)
  }

  const timer = setTimeout(() => {
    stopping = true
  }, ms)
  await Promise.all(Array.from({ length: CONNECTIONS }, client))
  clearTimeout(timer)
  const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9
  return { requests, errors, seconds }
}

process.on('message', (/** @type {{ port: number, request: string, ms: number }} */ job) => {
  run(job).then((result) => process.send?.(result))
})
process.on('disconnect', () => process.exit(0))
