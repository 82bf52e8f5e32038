import type { IncomingMessage, ServerResponse } from 'node:http'
import { refuseToken, sendJson, sendRedirect } from './api-answer.ts'
import { echoUpload, readOrder, sendEvents, sendReport, streamBytes } from './api-bodies.ts'
import type { Caller } from './api-caller.ts'
import type { Orders } from './orders.ts'

const VERSION_PREFIX = '/v1/'

/** What a request asks for: everything is there below `/v1/` as well. */
export function readTarget(request: IncomingMessage): URL {
  const target = new URL(`http://api${request.url ?? '/'}`)
  if (target.pathname.startsWith(VERSION_PREFIX)) {
    target.pathname = target.pathname.slice(VERSION_PREFIX.length - 1)
  }
  return target
}

/** Answers somebody whose token was verified. */
export async function answerCaller(
  request: IncomingMessage,
  response: ServerResponse,
  { subject, scopes, scheme }: Caller,
  orders: Orders,
): Promise<void> {
  const { pathname, searchParams } = readTarget(request)
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const route = pathname === '/echo' ? '/echo' : `${method} ${pathname}`
  const needed = route === 'POST /orders' ? 'orders:write' : 'orders:read'
  if (!scopes.includes(needed))
    return refuseToken(response, { scheme, error: 'insufficient_scope' })
  switch (route) {
    case 'GET /orders':
      return sendJson(response, 200, { orders: orders.list(subject) })
    case 'POST /orders': {
      const order = await readOrder(request)
      if (order === undefined) return sendJson(response, 400, { error: 'not an order' })
      return sendJson(response, 201, orders.add(subject, order))
    }
    case 'GET /me':
      return sendJson(response, 200, { subject, scopes })
    case 'GET /events':
      return sendEvents(response)
    case 'GET /download/report.csv':
      return sendReport(response, orders.list(subject))
    case 'GET /stream':
      return streamBytes(response, searchParams)
    case 'GET /redirect':
      return sendRedirect(response, searchParams)
    case '/echo':
      return echoUpload(request, response)
    default:
      return sendJson(response, 404, { error: 'nothing is here' })
  }
}
