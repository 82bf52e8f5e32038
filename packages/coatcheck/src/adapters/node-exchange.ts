import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Forward } from '../proxy/forward.ts'

/** What a dispatcher tells of a request under way, as undici 7 and later say it. */
export interface DispatchHandler {
  onRequestStart(controller: DispatchController): void
  onResponseStart(controller: DispatchController, statusCode: number): void
  onResponseData(controller: DispatchController, chunk: Uint8Array): void
  onResponseEnd(controller: DispatchController): void
  onResponseError(controller: DispatchController, error: Error): void
  onRequestUpgrade?(
    controller: DispatchController,
    statusCode: number,
    headers: unknown,
    socket: Duplex,
  ): void
}

/** A request under way. */
export interface DispatchController {
  readonly rawHeaders?: unknown
  abort(reason: Error): void
  pause(): void
  resume(): void
}

/** One upstream call and the answer that it becomes. */
export class Exchange {
  readonly #forward: Forward
  readonly #response: ServerResponse
  readonly #onFailure: (error: Error, begun: boolean) => void
  #abort: ((reason: Error) => void) | undefined
  #left = false

  constructor(
    forward: Forward,
    response: ServerResponse,
    onFailure: (error: Error, begun: boolean) => void,
  ) {
    this.#forward = forward
    this.#response = response
    this.#onFailure = onFailure
    response.on('close', () => {
      this.#left = true
      if (!response.writableFinished) this.#abort?.(new Error('the client left'))
    })
  }

  begin(abort: (reason: Error) => void): void {
    this.#abort = abort
    if (this.#left) abort(new Error('the client left'))
  }

  head(statusCode: number, rawHeaders: readonly unknown[]): void {
    // 1xx is between us and the upstream.
    if (statusCode < 200) return
    this.#response.writeHead(statusCode, this.#forward.answerHeaders(headerTexts(rawHeaders)))
  }

  /** False when the upstream should pause, until `resume` is called. */
  data(chunk: Uint8Array, resume: () => void): boolean {
    if (this.#response.write(chunk)) return true
    this.#response.once('drain', resume)
    return false
  }

  end(): void {
    this.#response.end()
  }

  fail(error: Error): void {
    if (!this.#left) this.#onFailure(error, this.#abort !== undefined)
  }
}

/** An exchange in undici 7's raw words. */
export class RawHandler {
  readonly #exchange: Exchange
  #resume: () => void = () => {}

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  onConnect(abort: (reason: Error) => void): void {
    this.#exchange.begin(abort)
  }

  onHeaders(statusCode: number, rawHeaders: readonly unknown[], resume: () => void): boolean {
    this.#resume = resume
    this.#exchange.head(statusCode, rawHeaders)
    return true
  }

  onData(chunk: Uint8Array): boolean {
    return this.#exchange.data(chunk, this.#resume)
  }

  onComplete(): void {
    this.#exchange.end()
  }

  onError(error: Error): void {
    this.#exchange.fail(error)
  }

  /** How later versions say that they do not know this way. */
  onResponseError(_controller: unknown, error: Error): void {
    this.#exchange.fail(error)
  }
}

/** An exchange in the words of controllers. */
export function controllerHandler(exchange: Exchange): DispatchHandler {
  return {
    onRequestStart: (controller) => exchange.begin((reason) => controller.abort(reason)),
    onResponseStart: (controller, statusCode) => {
      const raw = controller.rawHeaders
      exchange.head(statusCode, Array.isArray(raw) ? raw : [])
    },
    onResponseData: (controller, chunk) => {
      if (!exchange.data(chunk, () => controller.resume())) controller.pause()
    },
    onResponseEnd: () => exchange.end(),
    onResponseError: (_controller, error) => exchange.fail(error),
  }
}

// Buffers have it; their types do not say so.
interface Latin1Bytes {
  latin1Slice(): string
}

/** Raw header parts as text. */
export function headerTexts(raw: readonly unknown[]): string[] {
  const texts: string[] = []
  for (const part of raw) {
    texts.push(typeof part === 'string' ? part : (part as Latin1Bytes).latin1Slice())
  }
  return texts
}
