import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Counter } from '../counter/counter.ts'
import { createNodeHandler, type NodeHandlerOptions } from './node.ts'

/** An Express middleware, in no version's types. */
export type ExpressMiddleware = (
  request: IncomingMessage & { readonly originalUrl?: string },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

/**
 * The counter as Express middleware: answers `/auth/...` and the APIs, guards protected pages, and hands
 * everything else on. Mount it first and at the root, before any body parser.
 *
 * @example
 * const app = express()
 * app.use(coatcheck(counter))
 */
export function coatcheck(
  counter: Counter,
  options: Omit<NodeHandlerOptions, 'pass'> = {},
): ExpressMiddleware {
  const nexts = new WeakMap<IncomingMessage, (error?: unknown) => void>()
  const handler = createNodeHandler(counter, {
    ...options,
    pass: (request) => nexts.get(request)?.(),
  })
  return (request, response, next) => {
    nexts.set(request, next)
    handler(request, response)
  }
}
