// oidc-provider ships no types; these are the parts of it that are used here.
declare module 'oidc-provider' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

  export interface Interaction {
    readonly uid: string
    readonly jti: string
    readonly prompt: { readonly name: string; readonly reasons: readonly string[] }
    readonly params: Readonly<Record<string, unknown>>
  }

  export interface Grant {
    readonly jti: string
    readonly accountId: string
    addOIDCScope(scope: string): void
    addResourceScope(resource: string, scope: string): void
    save(ttlSeconds?: number): Promise<string>
  }

  export interface Client {
    readonly clientId: string
    readonly clientName?: string
    readonly clientAuthMethod: string
    readonly dpopBoundAccessTokens?: boolean
    grantTypeAllowed(type: string): boolean
  }

  export interface OidcContext {
    readonly provider: Provider
    readonly client: Client
    readonly session: {
      readonly accountId?: string
      grantIdFor(clientId: string): string | undefined
    }
    readonly result?: { readonly consent?: { readonly grantId?: string } }
    readonly entities: { readonly IdTokenHint?: { readonly payload: { readonly sub?: unknown } } }
  }

  export interface Context {
    type: string
    body: unknown
    readonly oidc: OidcContext
  }

  export type Listener = (...parameters: readonly unknown[]) => void

  export class Provider {
    constructor(issuer: string, configuration: object)
    readonly Grant: {
      new (properties: { clientId: string; accountId: string }): Grant
      find(id: string): Promise<Grant | undefined>
    }
    callback(): RequestListener
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: object,
      options?: { mergeWithLastSubmission?: boolean },
    ): Promise<void>
    on(event: string, listener: Listener): this
  }

  export namespace errors {
    class SessionNotFound extends Error {}
    class InvalidTarget extends Error {}
  }
}
