import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { sendJson } from './api-answer.ts'
import type { Order } from './orders.ts'

const MAX_STREAM_BYTES = 1024 ** 3
const CHUNK = Buffer.alloc(64 * 1024, 'coatcheck ')
const TICK_MS = 1000
const MAX_ORDER_BYTES = 4096

/** Streams so many bytes as `?bytes=` says, no faster than they are read. */
export async function streamBytes(response: ServerResponse, query: URLSearchParams): Promise<void> {
  const asked = query.get('bytes') ?? ''
  const length = /^\d{1,10}$/.test(asked) ? Number(asked) : Number.NaN
  if (!(length <= MAX_STREAM_BYTES)) {
    return sendJson(response, 400, { error: `bytes must be 0 to ${MAX_STREAM_BYTES}` })
  }
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    'content-length': length,
    'cache-control': 'no-store',
  })
  await pipeline(Readable.from(chunks(length), { objectMode: false }), response)
}

function* chunks(length: number): Generator<Buffer> {
  for (let left = length; left > 0; left -= CHUNK.length) {
    yield left >= CHUNK.length ? CHUNK : CHUNK.subarray(0, left)
  }
}

/** Counts and hashes what was sent. */
export async function echoUpload(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
  }
  sendJson(response, 200, { bytes, sha256: hash.digest('hex'), method: request.method })
}

/** Sends the time each second until the reader leaves. */
export function sendEvents(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  const tick = (): void => {
    // A reader that does not read must not fill the memory.
    if (!response.writableNeedDrain) {
      response.write(`event: tick\ndata: ${JSON.stringify({ at: Date.now() })}\n\n`)
    }
  }
  tick()
  const timer = setInterval(tick, TICK_MS)
  response.on('close', () => clearInterval(timer))
}

/** Sends the orders as a table. */
export function sendReport(response: ServerResponse, orders: readonly Order[]): void {
  const lines = orders.map(({ id, item, quantity, placedAt }) =>
    [id, quote(item), quantity, placedAt].join(','),
  )
  response.writeHead(200, {
    'content-type': 'text/csv; charset=utf-8',
    'cache-control': 'no-store',
  })
  response.end(`${['id,item,quantity,placed_at', ...lines].join('\r\n')}\r\n`)
}

// A leading =, +, - or @ would be a formula in a spreadsheet.
function quote(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
  return `"${harmless.replaceAll('"', '""')}"`
}

/** Reads a new order; `undefined` if it is not one. */
export async function readOrder(
  request: IncomingMessage,
): Promise<{ readonly item: string; readonly quantity: number } | undefined> {
  const parts: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_ORDER_BYTES) return undefined
    parts.push(chunk)
  }
  try {
    const { item, quantity }: { item?: unknown; quantity?: unknown } = JSON.parse(
      Buffer.concat(parts).toString('utf8'),
    )
    if (typeof item !== 'string' || item === '' || item.length > 100) return undefined
    if (typeof quantity !== 'number' || !Number.isInteger(quantity)) return undefined
    return quantity < 1 || quantity > 1000 ? undefined : { item, quantity }
  } catch {
    return undefined
  }
}
