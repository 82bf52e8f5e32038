import { type Bytes, encodeBase64url, encodeUtf8 } from '../core/bytes.ts'
import { CoatcheckError } from '../core/errors.ts'

/** What a page remembers, by the names of the parameters, of a sign-in that it started, until the provider's answer comes back. */
export interface SignInTransaction {
  readonly state: string
  readonly nonce: string
  readonly code_verifier: string
  readonly redirect_uri: string
  /** The page that it comes back to. */
  readonly returnTo: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
}

const SECRET_BYTES = 32
const GOOD_FOR_MS = 600_000

const randomText = (): string =>
  encodeBase64url(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)))

/**
 * Starts one. It lies in `sessionStorage`, for nothing else of a tab comes through the redirect: a script in the page
 * can read it, and so it is worth something only together with the code, and only once.
 *
 * Throws `sign_in_unavailable` where the browser keeps nothing.
 *
 * @see RFC 7636, section 4; RFC 6749, section 10.12; OpenID Connect Core, section 3.1.2.1
 */
export function startTransaction(
  key: string,
  place: Pick<SignInTransaction, 'redirect_uri' | 'returnTo' | 'startedAt'>,
): SignInTransaction {
  const transaction = {
    ...{ state: randomText(), nonce: randomText(), code_verifier: randomText() },
    ...place,
  }
  try {
    sessionStorage.setItem(key, JSON.stringify(transaction))
  } catch (cause) {
    throw new CoatcheckError('sign_in_unavailable', { cause })
  }
  return transaction
}

/** Takes the one that was started in this tab with this `state`: it is gone then. Any other stays where it is. */
export function takeTransaction(key: string, state: string): SignInTransaction | undefined {
  try {
    const text = sessionStorage.getItem(key)
    const transaction = JSON.parse(text ?? 'null') as SignInTransaction | null
    if (transaction?.state !== state) return undefined
    sessionStorage.removeItem(key)
    return transaction
  } catch {
    return undefined
  }
}

/** Whether its answer came too late. */
export function isLate({ startedAt }: SignInTransaction, nowMs: number): boolean {
  return !(Math.abs(nowMs - startedAt) < GOOD_FOR_MS)
}

/** The challenge of a verifier (RFC 7636, 4.2). */
export async function challengeOf(codeVerifier: string): Promise<string> {
  const hash: Bytes = new Uint8Array(
    await crypto.subtle.digest('SHA-256', encodeUtf8(codeVerifier)),
  )
  return encodeBase64url(hash)
}
