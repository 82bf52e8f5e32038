import * as oauth from 'oauth4webapi'
import type { Clock } from '../core/clock.ts'
import { CoatcheckError } from '../core/errors.ts'
import { allowInsecureHttp } from '../core/unsafe.ts'
import { createRemoteKeySet } from '../tokens/remote-key-set.ts'
import type { VerifiedToken } from '../tokens/verified-token.ts'
import { createVerifiedTokenSet, type VerifiedTokenSet } from '../tokens/verified-token-set.ts'
import { createVerifier, type Verifier } from '../tokens/verifier.ts'
import { type Fetch, ONE_CALL } from './bounded-fetch.ts'
import type { ProviderOptions } from './provider-options.ts'

/** What an answer follows upon. */
export interface AnswerContext {
  /** Milliseconds since 1970. */
  readonly receivedAt: number
  /** Of the sign-in that is answered. */
  readonly nonce?: string
  /** The set that is renewed, and the refresh token that goes on if no other came. */
  readonly previous?: VerifiedTokenSet
  readonly refreshToken?: string
}

/** Makes a verified set of a token answer. Rejects with `token_...`, `key_set_...` or `provider_response_invalid`. */
export type TokenReader = (
  metadata: oauth.AuthorizationServer,
  answer: oauth.TokenEndpointResponse,
  context: AnswerContext,
) => Promise<VerifiedTokenSet>

interface Verifiers {
  readonly jwksUri: string
  readonly id: Verifier
  readonly access: Verifier | undefined
}

/** What {@link createTokenReader} needs beside the provider's own options. */
export interface TokenReaderOptions extends ProviderOptions {
  readonly clock: Clock
  readonly keyTimeoutMs: number
}

/** Reads token answers: our own verifier checks the ID token, and the access token where its audience is known. */
export function createTokenReader(options: TokenReaderOptions): TokenReader {
  let verifiers: Verifiers | undefined

  function verifiersFor(metadata: oauth.AuthorizationServer): Verifiers {
    if (verifiers?.jwksUri === metadata.jwks_uri && verifiers !== undefined) return verifiers
    verifiers = makeVerifiers(options, metadata)
    return verifiers
  }

  async function readIdToken(
    verifier: Verifier,
    answer: oauth.TokenEndpointResponse,
    { nonce, previous }: AnswerContext,
  ): Promise<VerifiedToken | undefined> {
    if (answer.id_token === undefined) return undefined
    try {
      return await verifier.verify(answer.id_token, {
        accessToken: answer.access_token,
        ...(nonce === undefined ? {} : { nonce }),
      })
    } catch (error) {
      const isDown = error instanceof CoatcheckError && error.code === 'key_set_unavailable'
      // The old refresh token is spent: without the keys, what was verified at sign-in goes on, if the new
      // ID token (seen, not believed) speaks of the same subject.
      const isSame = oauth.getValidatedIdTokenClaims(answer)?.sub === previous?.subject
      if (isDown && isSame && previous !== undefined) return undefined
      throw error
    }
  }

  return async (metadata, answer, context) => {
    const { id, access } = verifiersFor(metadata)
    if (answer.token_type !== 'bearer') throw new CoatcheckError('provider_response_invalid')
    const { previous, receivedAt } = context
    const { access_token: raw, expires_in: lifetimeSeconds } = answer
    const idToken = await readIdToken(id, answer, context)
    const refreshToken = answer.refresh_token ?? context.refreshToken
    const scope = answer.scope ?? previous?.scope
    return createVerifiedTokenSet({
      clientId: options.clientId,
      accessToken:
        access === undefined
          ? { opaque: raw, trustedBy: 'confidential_token_call' }
          : await access.verify(raw),
      accessTokenReceivedAt: receivedAt,
      ...(idToken === undefined ? {} : { idToken }),
      ...(previous === undefined ? {} : { previous }),
      ...(lifetimeSeconds === undefined
        ? {}
        : { accessTokenExpiresAt: receivedAt + lifetimeSeconds * 1000 }),
      ...(refreshToken === undefined ? {} : { refreshToken }),
      ...(scope === undefined ? {} : { scope }),
    })
  }
}

function makeVerifiers(
  options: TokenReaderOptions,
  metadata: oauth.AuthorizationServer,
): Verifiers {
  const { issuer, clientId, audience, clock, idTokenAlgorithms: algorithms } = options
  const fetch: Fetch = options.fetch ?? globalThis.fetch
  const jwksUri = metadata.jwks_uri ?? ''
  const jwks = createRemoteKeySet({
    jwksUri,
    clock,
    timeoutMs: options.keyTimeoutMs,
    [allowInsecureHttp]: options[allowInsecureHttp] === true,
    fetch: (address, init) =>
      fetch(address, { ...init, headers: { ...init.headers, ...ONE_CALL } }),
  })
  const clockToleranceSeconds = options.clockToleranceSeconds ?? 5
  const common = { issuer, jwks, clock, clockToleranceSeconds, cache: false as const }
  return {
    jwksUri,
    id: createVerifier({
      ...common,
      kind: 'id_token',
      audience: clientId,
      ...(algorithms === undefined ? {} : { algorithms }),
    }),
    access:
      audience === undefined
        ? undefined
        : createVerifier({ ...common, kind: 'access_token', audience }),
  }
}
