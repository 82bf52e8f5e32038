import fc from 'fast-check'
import { restoreVerifiedTokenSet } from '../../packages/coatcheck/src/tokens/restore-verified.ts'
import type {
  TokenSetData,
  VerifiedTokenSet,
} from '../../packages/coatcheck/src/tokens/verified-token-set.ts'

const part = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64url')
const TIME = fc.oneof(
  fc.integer({ min: 1_500_000_000_000, max: 4_000_000_000_000 }),
  fc.double({ noNaN: true }),
)
const TEXT = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constant('a\ud800b'))
// What JSON can hold and give back: -0 and undefined are not among it.
const CLAIMS = fc
  .dictionary(TEXT, fc.jsonValue(), { noNullPrototype: true })
  .map((claims): Record<string, unknown> => JSON.parse(JSON.stringify(claims)))

const JWT = fc
  .tuple(CLAIMS, CLAIMS, fc.uint8Array({ maxLength: 300 }))
  .map(([header, claims, signature]) => ({
    token: [part(JSON.stringify(header)), part(JSON.stringify(claims)), part(signature)].join('.'),
    claims,
  }))

// Everything that looks like a token or nearly so: stray bits, padding, too many dots, no text at all.
const OPAQUE = fc.oneof(
  TEXT,
  fc.uint8Array({ maxLength: 200 }).map(part),
  fc.stringMatching(/^[\w-]{0,80}$/),
  fc.array(fc.stringMatching(/^[\w-]{0,9}=?$/), { maxLength: 20 }).map((parts) => parts.join('.')),
  fc.constantFrom('', '.', '..', '...', 'e30.e30.', 'e30.e30.AAAA', '{}.{}.{}'),
)

/** Any token set, its claims out of one of its tokens or from elsewhere. */
export const anyTokenSet: fc.Arbitrary<VerifiedTokenSet> = fc
  .record(
    {
      issuer: TEXT,
      clientId: TEXT,
      subject: TEXT,
      access: fc.oneof(JWT, OPAQUE),
      id: fc.oneof(JWT, OPAQUE),
      claims: fc.option(CLAIMS, { nil: undefined }),
      subjectOfClaims: fc.boolean(),
      tokenType: fc.constantFrom('Bearer' as const, 'DPoP' as const),
      accessTokenKind: fc.constantFrom('jwt' as const, 'opaque' as const),
      accessTokenExpiresAt: TIME,
      accessTokenReceivedAt: TIME,
      refreshToken: fc.oneof(
        OPAQUE,
        JWT.map(({ token }) => token),
      ),
      scope: TEXT,
    },
    {
      requiredKeys: [
        'issuer',
        'clientId',
        'subject',
        'access',
        'claims',
        'subjectOfClaims',
        'tokenType',
        'accessTokenKind',
      ],
    },
  )
  .map(({ access, id, claims: other, subjectOfClaims, ...rest }) => {
    const source = id ?? access
    const claims = other ?? (typeof source === 'string' ? {} : source.claims)
    const subject = subjectOfClaims && typeof claims.sub === 'string' ? claims.sub : rest.subject
    const data: TokenSetData = {
      ...rest,
      subject,
      claims,
      accessToken: typeof access === 'string' ? access : access.token,
      ...(id === undefined ? {} : { idToken: typeof id === 'string' ? id : id.token }),
    }
    return restoreVerifiedTokenSet(data)
  })

/** Any time, whole or not. */
export const anyTime: fc.Arbitrary<number> = TIME
