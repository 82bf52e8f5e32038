import { encodeBase64url, encodeUtf8 } from '../../packages/coatcheck/src/core/bytes.ts'
import { createKeyRing, type KeyRing } from '../../packages/coatcheck/src/ring/key-ring.ts'
import { generateKeyRing } from '../../packages/coatcheck/src/ring/ring-file.ts'
import type { SessionCard } from '../../packages/coatcheck/src/sessions/card.ts'
import { restoreVerifiedTokenSet } from '../../packages/coatcheck/src/tokens/restore-verified.ts'
import type {
  TokenSetData,
  VerifiedTokenSet,
} from '../../packages/coatcheck/src/tokens/verified-token-set.ts'

/** Where the sessions of tests belong. */
export const BINDING = {
  site: 'https://a.example',
  issuer: 'https://idp.example',
  clientId: 'client-a',
}

/** When tests begin; milliseconds since 1970. */
export const START = 1_700_000_000_000

/** Strings that must be found nowhere. */
export const CANARIES = {
  accessToken: jwtLike('canary-access'),
  refreshToken: 'canary-refresh-4xkq0wq7ZrVf',
  idToken: jwtLike('canary-id'),
  subject: 'canary-subject-7731',
  email: 'canary.person@mail.example',
}

/** A card that says little. */
export const CARD: SessionCard = { subject: CANARIES.subject, createdAt: START, renewals: [] }

/** A token set as sign-in would give it; here the test stands in for the verifier. */
export function tokenSet(changes: Partial<TokenSetData> = {}): VerifiedTokenSet {
  return restoreVerifiedTokenSet({
    issuer: BINDING.issuer,
    clientId: BINDING.clientId,
    subject: CANARIES.subject,
    accessToken: CANARIES.accessToken,
    tokenType: 'Bearer',
    accessTokenKind: 'jwt',
    accessTokenReceivedAt: START,
    accessTokenExpiresAt: START + 300_000,
    refreshToken: CANARIES.refreshToken,
    idToken: CANARIES.idToken,
    scope: 'openid profile',
    claims: { sub: CANARIES.subject, email: CANARIES.email, sid: 'sid-1' },
    ...changes,
  })
}

/** A ring of its own. */
export function newRing(): KeyRing {
  return createKeyRing(generateKeyRing())
}

/** A clock that stands until it is moved on. */
export function manualClock(): { readonly clock: () => number; pass(ms: number): void } {
  let now = START
  return {
    clock: () => now,
    pass: (ms) => {
      now += ms
    },
  }
}

function jwtLike(text: string): string {
  const part = (value: unknown) => encodeBase64url(encodeUtf8(JSON.stringify(value)))
  return `${part({ alg: 'RS256' })}.${part({ text, pad: 'x'.repeat(600) })}.${'s'.repeat(342)}`
}
