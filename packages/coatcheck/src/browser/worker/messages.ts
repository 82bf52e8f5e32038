import type { ErrorCode } from '../../core/error-codes.ts'
import { CoatcheckError } from '../../core/errors.ts'
import { present } from '../../core/present.ts'
import type { CodeAnswer, KeeperSettings } from '../token-keeper.ts'
import type { TokenState } from '../token-state.ts'

/** What both sides must agree on: the worker goes by its own. */
export interface WorkerSettings extends KeeperSettings {
  readonly apis: readonly string[]
}

/** A call to an API, taken apart for the way. No address of the provider is ever in a message to the worker. */
export interface WorkerCall {
  readonly url: string
  readonly method: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body?: Blob
  readonly cache: RequestCache
  readonly credentials: RequestCredentials
  readonly keepalive: boolean
}

/** What a page asks of its worker. */
export type WorkerRequest =
  | { readonly kind: 'hello'; readonly settings: WorkerSettings }
  | { readonly kind: 'state' }
  | { readonly kind: 'authorization_endpoint' }
  | { readonly kind: 'redeem'; readonly answer: CodeAnswer }
  | { readonly kind: 'accept'; readonly answer: unknown }
  | { readonly kind: 'fetch'; readonly call: WorkerCall }
  | { readonly kind: 'abort' }
  | { readonly kind: 'sign_out' }

/** An answer of an API, on its way to the page: its body comes over the port, part by part, as it is asked for. */
export interface WorkerAnswer {
  readonly status: number
  readonly statusText: string
  readonly headers: readonly (readonly [string, string])[]
  readonly body?: MessagePort
}

/** What tells our messages from others between a page and its worker. */
export const WORKER_TAG = 'coatcheck'

/** What a worker tells its page. */
export type WorkerReply = { readonly from: typeof WORKER_TAG } & (
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly fault: WorkerFault }
  | { readonly state: TokenState }
)

/** An error on its way: code and words, nothing else. */
export interface WorkerFault {
  /** Absent for one of the browser's: the network, or an abort. */
  readonly code?: ErrorCode
  readonly name: string
  readonly retryAfterSeconds?: number
  /** What differs in the configuration; no error of another kind says more than its code. */
  readonly detail?: string
}

/** A message over the port of a body. */
export type BodyPart = Uint8Array<ArrayBuffer> | 'end' | 'error'

/** Takes an error apart. */
export function faultOf(error: unknown): WorkerFault {
  if (!(error instanceof CoatcheckError)) {
    return { name: error instanceof DOMException ? error.name : 'TypeError' }
  }
  const { code, name, message, retryAfterSeconds } = error
  const detail = code === 'invalid_configuration' ? message : undefined
  return { code, name, ...present({ retryAfterSeconds, detail }) }
}

/** Puts an error together again. */
export function errorOf({ code, name, retryAfterSeconds, detail }: WorkerFault): Error {
  if (code !== undefined) return new CoatcheckError(code, present({ retryAfterSeconds, detail }))
  return name === 'TypeError'
    ? new TypeError('The request failed.')
    : new DOMException('The request failed.', name)
}
