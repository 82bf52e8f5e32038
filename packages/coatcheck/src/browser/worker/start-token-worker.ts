import { CoatcheckError } from '../../core/errors.ts'
import { allowInsecureHttp } from '../../core/unsafe.ts'
import { readApiAddresses } from '../api-addresses.ts'
import { memoryStore } from '../stores/memory.ts'
import { keeperSettings, type TokenProviderOptions } from '../token-client-options.ts'
import { createTokenKeeper, type TokenKeeper } from '../token-keeper.ts'
import {
  type BodyPart,
  faultOf,
  WORKER_TAG,
  type WorkerAnswer,
  type WorkerCall,
  type WorkerReply,
  type WorkerRequest,
  type WorkerSettings,
} from './messages.ts'

interface Addressed {
  readonly to?: unknown
  readonly id?: unknown
}

// The part of a dedicated worker's global that is used; its own types exclude the page's.
interface WorkerScope {
  postMessage(message: WorkerReply, transfer?: readonly Transferable[]): void
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void
}

/**
 * Keeps tokens in this worker, for the page that started it with `workerStore`. Provider and APIs are those given here:
 * no message can name another one, and none is answered with a token.
 *
 * Throws `invalid_configuration`, and `wrong_use` in a page.
 *
 * @see RFC 10017 (OAuth 2.0 for Browser-Based Applications), sections 8.2 and 8.3
 * @example
 * // tokens.worker.ts, a file of its own
 * startTokenWorker({
 *   issuer: 'https://idp.example',
 *   clientId: 'spa',
 *   audience: 'https://api.example',
 *   apis: ['https://api.example/v1/'],
 * })
 */
export function startTokenWorker(options: TokenProviderOptions): void {
  // Loaded by a page it would answer that page's own messages.
  if (typeof document === 'object')
    throw new CoatcheckError('wrong_use', { detail: 'startTokenWorker runs in a worker.' })
  const scope = globalThis as unknown as WorkerScope
  const { clock = Date.now } = options
  const settings: WorkerSettings = { ...keeperSettings(options), apis: options.apis }
  const keeper = createTokenKeeper(settings, {
    store: memoryStore(),
    allows: readApiAddresses(options.apis, options[allowInsecureHttp] === true),
    clock,
    fetch: globalThis.fetch.bind(globalThis),
    dpop: options.dpop,
  })
  const from = WORKER_TAG
  const underWay = new Map<number, AbortController>()

  scope.addEventListener('message', ({ data }) => {
    // Any script of the page can post: what is none of our messages is passed over.
    const { to, id, ...request } = (data ?? {}) as Addressed & WorkerRequest
    if (to !== WORKER_TAG || typeof id !== 'number') return
    if (request.kind === 'abort') return underWay.get(id)?.abort()
    answer(id, request).catch((error: unknown) =>
      scope.postMessage({ from, id, fault: faultOf(error) }),
    )
  })

  async function answer(id: number, request: WorkerRequest): Promise<void> {
    if (request.kind !== 'fetch') {
      const value = await resultOf(keeper, settings, request)
      scope.postMessage({ from, id, value })
      return
    }
    const controller = new AbortController()
    underWay.set(id, controller)
    try {
      const { answer: value, transfer } = await call(keeper, request.call, controller)
      scope.postMessage({ from, id, value }, transfer)
    } finally {
      underWay.delete(id)
    }
  }

  keeper.subscribe((state) => scope.postMessage({ from, state }))
}

async function resultOf(
  keeper: TokenKeeper,
  settings: WorkerSettings,
  request: WorkerRequest,
): Promise<unknown> {
  switch (request.kind) {
    case 'hello':
      return compare(settings, request.settings)
    case 'state':
      return keeper.state()
    case 'authorization_endpoint':
      return keeper.authorizationEndpoint()
    case 'redeem':
      return keeper.redeem(request.answer)
    case 'accept':
      return keeper.accept(request.answer)
    case 'sign_out':
      return keeper.signOut()
    default:
      throw new CoatcheckError('wrong_use')
  }
}

function compare(ours: WorkerSettings, theirs: WorkerSettings): void {
  const differing = Object.keys(ours).filter((name) => {
    const key = name as keyof WorkerSettings
    return JSON.stringify(ours[key]) !== JSON.stringify(theirs?.[key])
  })
  if (differing.length === 0) return
  throw new CoatcheckError('invalid_configuration', {
    detail: `The worker's options differ from the page's: ${differing.join(', ')}.`,
  })
}

async function call(
  keeper: TokenKeeper,
  { url, headers, ...init }: WorkerCall,
  controller: AbortController,
): Promise<{ answer: WorkerAnswer; transfer: Transferable[] }> {
  const response = await keeper.fetch(url, {
    ...pick(init),
    headers: headers.map(([name, value]): [string, string] => [name, value]),
    signal: controller.signal,
  })
  const { status, statusText, body } = response
  const answer = { status, statusText, headers: [...response.headers] }
  if (body === null) return { answer, transfer: [] }
  const { port1, port2 } = new MessageChannel()
  pump(body, port1, controller)
  return { answer: { ...answer, body: port2 }, transfer: [port2] }
}

// What a message may say of a request; whatever else it brings is dropped.
function pick({
  method,
  body,
  cache,
  credentials,
  keepalive,
}: Omit<WorkerCall, 'url' | 'headers'>) {
  return { method, cache, credentials, keepalive, ...(body === undefined ? {} : { body }) }
}

function pump(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  port: MessagePort,
  controller: AbortController,
): void {
  const reader = body.getReader()
  const send = (part: BodyPart): void => port.postMessage(part)
  port.onmessage = ({ data }) => {
    if (data !== 'pull') {
      controller.abort()
      reader.cancel().catch(() => {})
      port.close()
      return
    }
    reader.read().then(
      ({ done, value }) => send(done ? 'end' : value),
      () => send('error'),
    )
  }
}
