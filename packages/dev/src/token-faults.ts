import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

/** A request to the token endpoint, before the provider sees it. */
export interface TokenRequest {
  /** `refresh_token`, `authorization_code`, ... */
  readonly grantType: string
  /** Of a public client; a confidential one is named in the header. */
  readonly clientId?: string
  readonly refreshToken?: string
  readonly code?: string
}

/** What goes wrong with a token request. */
export type TokenFault =
  /** 503, and the provider never sees it: nothing is spent. */
  | 'unavailable'
  /** The connection ends, and the provider never sees it: nothing is spent. */
  | 'network_error'
  /** The provider does its work, and its answer is lost: a refresh token is spent. */
  | 'answer_lost'
  /** It comes so much later. */
  | { readonly delayMs: number }

/** What came of a token request. */
export interface TokenOutcome extends TokenRequest {
  /** The provider's own status; 503 for one that never saw the request. */
  readonly status: number
  readonly fault?: TokenFault
  /** What the provider gave, whether its answer arrived or not. */
  readonly issued?: IssuedTokens
}

/** The tokens of an answer. */
export interface IssuedTokens {
  readonly access_token?: string
  readonly refresh_token?: string
  readonly id_token?: string
}

/** For tests: faults at the token endpoint, and a count of what happens there. */
export interface TokenHooks {
  /** Decides what goes wrong. Default: nothing. */
  readonly onTokenRequest?: (request: TokenRequest) => TokenFault | undefined
  readonly onTokenOutcome?: (outcome: TokenOutcome) => void
}

/** The listener behind the faults. */
export function withTokenHooks(listener: RequestListener, hooks: TokenHooks): RequestListener {
  if (hooks.onTokenRequest === undefined && hooks.onTokenOutcome === undefined) return listener
  return (request, response) => {
    // Over a connection that it used before, a browser sends a request without an answer again by itself: a
    // fault for one request would never reach the page.
    if (hooks.onTokenRequest !== undefined && request.headers.origin !== undefined) {
      response.setHeader('connection', 'close')
    }
    if (request.method !== 'POST' || request.url !== '/token') return listener(request, response)
    // The body of a token request is small and comes in one piece; it is put back for the provider.
    request.once('readable', () => {
      const chunk: unknown = request.read()
      if (Buffer.isBuffer(chunk)) request.unshift(chunk)
      const asked = readTokenRequest(Buffer.isBuffer(chunk) ? chunk.toString() : '')
      const fault = hooks.onTokenRequest?.(asked)
      const told = fault === undefined ? asked : { ...asked, fault }
      if (fault === 'answer_lost') loseAnswer(response)
      const issued = listenForToken(response)
      response.once('close', () => {
        hooks.onTokenOutcome?.({ ...told, ...issued(), status: response.statusCode })
      })
      go(listener, request, response, fault)
    })
  }
}

function go(
  listener: RequestListener,
  request: IncomingMessage,
  response: ServerResponse,
  fault: TokenFault | undefined,
): void {
  if (fault === 'unavailable' || fault === 'network_error') {
    response.statusCode = 503
    if (fault === 'unavailable') sendUnavailable(request, response)
    else response.socket?.destroy()
    return
  }
  if (typeof fault === 'object') setTimeout(() => listener(request, response), fault.delayMs)
  else listener(request, response)
}

function sendUnavailable(request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  // Without it a page of a public client would see a failed connection, and no status.
  response.setHeader('access-control-allow-origin', request.headers.origin ?? '*')
  response.end()
}

// Nothing of an answer leaves before its end.
function loseAnswer(response: ServerResponse): void {
  response.end = () => {
    response.socket?.destroy()
    return response
  }
}

function listenForToken(response: ServerResponse): () => { readonly issued?: IssuedTokens } {
  const end = response.end.bind(response)
  let issued: IssuedTokens | undefined
  response.end = ((body?: unknown, ...rest: never[]) => {
    const text = typeof body === 'string' || Buffer.isBuffer(body) ? body.toString() : ''
    if (response.statusCode === 200 && text.startsWith('{')) issued = JSON.parse(text)
    return end(body, ...rest)
  }) as typeof response.end
  return () => (issued === undefined ? {} : { issued })
}

function readTokenRequest(body: string): TokenRequest {
  const parameters = new URLSearchParams(body)
  const refreshToken = parameters.get('refresh_token')
  const clientId = parameters.get('client_id')
  const code = parameters.get('code')
  return {
    grantType: parameters.get('grant_type') ?? '',
    ...(clientId === null ? {} : { clientId }),
    ...(refreshToken === null ? {} : { refreshToken }),
    ...(code === null ? {} : { code }),
  }
}
