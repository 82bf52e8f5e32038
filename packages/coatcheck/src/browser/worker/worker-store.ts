import { CoatcheckError } from '../../core/errors.ts'
import { callListener } from '../telling.ts'
import type { KeeperSettings, TokenKeeper } from '../token-keeper.ts'
import type { TokenState, TokenStateListener } from '../token-state.ts'
import type { TokenStoreTraits } from '../token-store.ts'
import {
  type BodyPart,
  errorOf,
  WORKER_TAG,
  type WorkerAnswer,
  type WorkerReply,
  type WorkerRequest,
} from './messages.ts'

/** A store that is no store of the page: tokens live in a worker, and the page has only what it answers. */
export interface WorkerStore {
  readonly traits: TokenStoreTraits
  /** Starts the worker. Its own configuration decides; one that differs from the page's is a fault. */
  connect(settings: KeeperSettings, apis: readonly string[]): TokenKeeper
}

/**
 * Keeps tokens in a dedicated worker, which verifies, renews and calls APIs itself: the page never holds one. A hostile
 * script in the page can have calls made while the page is open, and can sign in anew by itself; it cannot take away
 * what the worker holds. A reload forgets.
 *
 * That holds where no script can register a service worker whose scope has the worker's file in it: such a one sees what
 * the worker sends and receives. A `worker-src` that names this one file forbids it, on every answer of the origin.
 *
 * The worker's file calls `startTokenWorker` with its configuration; the page's must be the same.
 *
 * @see RFC 10017 (OAuth 2.0 for Browser-Based Applications), section 8.3
 * @example
 * const store = workerStore(
 *   () => new Worker(new URL('./tokens.worker.js', import.meta.url), { type: 'module' }),
 * )
 */
export function workerStore(create: () => Worker): WorkerStore {
  return {
    traits: {
      place: 'worker',
      readableByScript: 'never',
      sentByBrowser: false,
      survivesReload: false,
      survivesTabClose: false,
      survivesBrowserClose: false,
      sharedWithTabs: false,
      sharedWithSubdomains: false,
    },
    connect: (settings, apis) => {
      try {
        return connect(create(), settings, apis)
      } catch (cause) {
        throw new CoatcheckError('worker_unavailable', { cause })
      }
    },
  }
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

function connect(worker: Worker, settings: KeeperSettings, apis: readonly string[]): TokenKeeper {
  const waiting = new Map<number, Waiting>()
  const listeners = new Set<TokenStateListener>()
  let lastId = 0
  let last: TokenState | undefined
  let broken: CoatcheckError | undefined
  let isGreeted = false

  worker.addEventListener('message', ({ data }: MessageEvent<WorkerReply | undefined>) => {
    // The worker may have other things to say to its page.
    if (data?.from !== WORKER_TAG) return
    if ('state' in data) {
      last = data.state
      for (const listener of listeners) callListener(listener, data.state)
      return
    }
    const found = waiting.get(data.id)
    waiting.delete(data.id)
    if ('fault' in data) found?.reject(errorOf(data.fault))
    else found?.resolve(data.value)
  })
  // Its file is not there, or the page's policy forbids it: then nobody will ever answer.
  worker.addEventListener('error', () => {
    if (!isGreeted) giveUp()
  })

  function giveUp(): void {
    broken = new CoatcheckError('worker_unavailable')
    for (const { reject } of waiting.values()) reject(broken)
    waiting.clear()
  }

  function post(id: number, request: WorkerRequest): void {
    worker.postMessage({ to: WORKER_TAG, id, ...request })
  }

  function ask<T>(request: WorkerRequest, id: number = nextId()): Promise<T> {
    if (broken !== undefined) return Promise.reject(broken)
    return new Promise<T>((resolve, reject) => {
      waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      post(id, request)
    })
  }

  function nextId(): number {
    lastId += 1
    return lastId
  }

  async function fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init)
    const { url, method, headers, cache, credentials, keepalive, signal } = request
    // A body that streams is collected first: what is posted must be whole.
    const body = /^(?:GET|HEAD)$/.test(method) ? undefined : await request.blob()
    signal.throwIfAborted()
    const id = nextId()
    const abort = (): void => post(id, { kind: 'abort' })
    signal.addEventListener('abort', abort)
    const call = { url, method, headers: [...headers], cache, credentials, keepalive }
    try {
      await greeted
      signal.throwIfAborted()
      const sent = body === undefined || body.size === 0 ? call : { ...call, body }
      return responseOf(await ask<WorkerAnswer>({ kind: 'fetch', call: sent }, id), signal)
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  const greeted = ask<void>({ kind: 'hello', settings: { ...settings, apis } })
  greeted.then(
    () => {
      isGreeted = true
    },
    () => {},
  )
  const after = async <T>(request: WorkerRequest): Promise<T> => {
    await greeted
    return ask<T>(request)
  }
  return {
    state: () => after<TokenState>({ kind: 'state' }),
    authorizationEndpoint: () => after<string>({ kind: 'authorization_endpoint' }),
    redeem: (answer) => after<void>({ kind: 'redeem', answer }),
    accept: (answer) => after<void>({ kind: 'accept', answer }),
    signOut: () => after<string | undefined>({ kind: 'sign_out' }),
    fetch,
    subscribe: (listener) => {
      listeners.add(listener)
      if (last !== undefined) callListener(listener, last)
      return () => listeners.delete(listener)
    },
    close: () => {
      worker.terminate()
      giveUp()
    },
  }
}

function responseOf({ body, ...init }: WorkerAnswer, signal: AbortSignal): Response {
  const headers = init.headers.map(([name, value]): [string, string] => [name, value])
  return new Response(body === undefined ? null : streamOf(body, signal), { ...init, headers })
}

// Not every engine hands over a stream as it is (WebKit does not): so it is pumped, one part for each that is asked for.
function streamOf(port: MessagePort, signal: AbortSignal): ReadableStream<Uint8Array<ArrayBuffer>> {
  let isOver = false
  return new ReadableStream(
    {
      start: (controller) => {
        const fail = (reason: unknown): void => {
          if (!isOver) controller.error(reason)
          isOver = true
          port.close()
        }
        port.onmessage = ({ data }: MessageEvent<BodyPart>) => {
          if (data === 'error') return fail(new TypeError('The answer broke off.'))
          if (data !== 'end') return controller.enqueue(data)
          isOver = true
          controller.close()
          return port.close()
        }
        signal.addEventListener('abort', () => {
          port.postMessage('cancel')
          fail(signal.reason)
        })
      },
      pull: () => port.postMessage('pull'),
      cancel: () => {
        isOver = true
        port.postMessage('cancel')
      },
    },
    { highWaterMark: 0 },
  )
}
