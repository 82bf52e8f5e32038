import { problem } from '../core/answer.ts'
import { encodeUtf8 } from '../core/bytes.ts'
import type { MaybePromise } from '../core/maybe-promise.ts'
import type { RequestHead } from '../core/request-head.ts'
import { forwardWithFetch } from '../proxy/fetch-forward.ts'
import { tellsCaches } from '../proxy/shared-caches.ts'
import type { Outcome } from './outcome.ts'

/** Answers a web `Request`. */
export type FetchSkin = (
  request: Request,
  pass?: (request: Request) => Promise<Response>,
) => Promise<Response>

/**
 * The counter for every runtime that speaks `Request` and `Response`. WebSocket upgrades do not fit into a
 * Response: they need the node skin.
 */
export function createFetchSkin(
  origin: string,
  handle: (head: RequestHead) => MaybePromise<Outcome>,
): FetchSkin {
  return async (request, pass) => {
    const outcome = await handle(headOfRequest(origin, request))
    if (outcome.kind === 'forward') {
      if (outcome.forward.use === 'socket') return toResponse(problem('route_unknown'))
      const answer = await forwardWithFetch(outcome.forward, request.body, request.signal)
      return new Response(answer.body, { status: answer.status, headers: pairs(answer.headers) })
    }
    if (outcome.kind === 'respond') return toResponse(outcome.answer)
    if (outcome.kind === 'stream') return toStream(outcome)
    if (pass === undefined) return toResponse(problem('route_unknown'))
    return withCookies(await pass(request), outcome.setCookies)
  }
}

/** The head of a web `Request`. */
export function headOfRequest(origin: string, request: Request): RequestHead {
  const url = new URL(request.url)
  const headers: string[] = []
  // A web Request has its host in the address; a Host header in it would be somebody's word only.
  for (const [name, value] of request.headers) if (name !== 'host') headers.push(name, value)
  headers.push('host', url.host)
  return {
    method: request.method,
    target: url.pathname + url.search,
    headers,
    encrypted: url.protocol === 'https:' || origin.startsWith('https:'),
  }
}

// A response may be one whose headers cannot be changed, and one that cannot be copied either: an error is no answer.
function withCookies(response: Response, setCookies: readonly string[]): Response {
  if (setCookies.length === 0 || response.type === 'error' || response.status === 101)
    return response
  const { status, statusText } = response
  const answer = new Response(response.body, { status, statusText, headers: response.headers })
  for (const name of [...answer.headers.keys()]) if (tellsCaches(name)) answer.headers.delete(name)
  answer.headers.set('cache-control', 'no-store')
  for (const each of setCookies) answer.headers.append('set-cookie', each)
  return answer
}

function toResponse(answer: {
  readonly status: number
  readonly headers: readonly string[]
  readonly body?: string
}): Response {
  return new Response(answer.body ?? null, {
    status: answer.status,
    headers: pairs(answer.headers),
  })
}

function toStream(outcome: Outcome & { readonly kind: 'stream' }): Response {
  let stop = (): void => {}
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      stop = outcome.begin({
        write: (text) => {
          // Closed by the other side without a word to us.
          if (controller.desiredSize === null) stop()
          else controller.enqueue(encodeUtf8(text))
        },
        end: () => {
          if (controller.desiredSize !== null) controller.close()
        },
      })
    },
    cancel: () => stop(),
  })
  const { status, headers } = outcome.answer
  return new Response(body, { status, headers: pairs(headers) })
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let index = 0; index + 1 < flat.length; index += 2) {
    list.push([flat[index] ?? '', flat[index + 1] ?? ''])
  }
  return list
}
