import type { Clock } from '../core/clock.ts'
import {
  createDpopProof,
  type DpopKey,
  type DpopKeyPair,
  dpopKeyOf,
  generateDpopKeyPair,
} from '../tokens/dpop-proof.ts'
import { done, inTransaction } from './database.ts'
import type { ProofOptions, RequestProofs } from './request-proofs.ts'

/** Binds tokens to a key of this browser. */
export interface DpopKeys {
  /** For a client of this name; `isLasting` when its tokens survive the page. */
  open(name: string, isLasting: boolean, clock: Clock): RequestProofs
}

/**
 * Binds the tokens to a key that cannot leave this browser: whoever takes them away can use them nowhere. Each request
 * to provider and API carries a proof for itself alone. The key lies in IndexedDB, not extractable, one for each client of
 * this origin, and outlives a sign-out: other tabs have tokens that are bound to it. Where tokens are gone with the page, it
 * is in memory, too. A script in the page can still make calls, and proofs, while the page is open.
 *
 * The provider must know this client as one that uses DPoP, and the API must check proofs and expose `DPoP-Nonce`.
 *
 * @see RFC 9449
 * @example
 * const tokens = createTokenClient({
 *   issuer: 'https://idp.example',
 *   clientId: 'spa',
 *   apis: ['https://api.example/v1/'],
 *   dpop: dpopKeys(),
 * })
 */
export function dpopKeys(): DpopKeys {
  return { open }
}

function open(name: string, isLasting: boolean, clock: Clock): RequestProofs {
  // The last nonce of each server (RFC 9449, 8.2).
  const nonces = new Map<string, string>()
  let key: Promise<DpopKey> | undefined

  async function keyPair(): Promise<DpopKeyPair> {
    const fresh = await generateDpopKeyPair()
    // Where nothing is kept, a key for this page: the tokens are bound to it, and end with it.
    if (!isLasting) return fresh
    return inTransaction('dpop-keys', async (keys) => {
      const found: DpopKeyPair | undefined = await done(keys.get(name))
      // Of two tabs that come at once, one adds.
      if (found === undefined) keys.add(fresh, name)
      return found ?? fresh
    })
  }

  const proofOf = async (
    method: string,
    url: string,
    nonce: string | undefined,
    { accessToken, clockOffsetMs = 0 }: ProofOptions,
  ): Promise<Record<string, string>> => {
    key ??= keyPair()
      .then(dpopKeyOf)
      .catch((error: unknown) => {
        key = undefined
        throw error
      })
    const proof = await createDpopProof(await key, {
      ...{ method, url, accessToken, nonce },
      clock: () => clock() + clockOffsetMs,
    })
    return { DPoP: proof }
  }

  return {
    send: async (method, url, send, options = {}) => {
      const { origin } = new URL(url)
      // Compared with the nonce of this very request: another one may have brought a newer one meanwhile.
      const nonce = nonces.get(origin)
      const response = await send(await proofOf(method, url, nonce, options))
      const fresh = learn(origin, response)
      const isAsked = fresh !== undefined && fresh !== nonce && (await asksForNonce(response))
      if (!isAsked || options.isRepeatable === false) return response
      const second = await send(await proofOf(method, url, fresh, options))
      learn(origin, second)
      return second
    },
  }

  function learn(origin: string, response: Response): string | undefined {
    const fresh = response.headers.get('dpop-nonce') ?? undefined
    if (fresh !== undefined) nonces.set(origin, fresh)
    return fresh
  }
}

// By the header at APIs, by the body at the provider (RFC 9449, sections 8 and 9).
async function asksForNonce(response: Response): Promise<boolean> {
  if (response.status !== 400 && response.status !== 401) return false
  const challenge = response.headers.get('www-authenticate')
  if (challenge !== null) return challenge.includes('use_dpop_nonce')
  const json = await response
    .clone()
    .json()
    .catch(() => undefined)
  return json?.error === 'use_dpop_nonce'
}
