import type { Context, Grant } from 'oidc-provider'
import { isPublic } from './provider-clients.ts'

/** What a grant gives. */
export interface GrantInput {
  readonly openidScope: string
  readonly apiAudience: string
  readonly apiScope: string
  readonly lifetimeSeconds: number
}

/**
 * The grant of a sign-in. The clients are ours: signing in is all the consent that they need, unless they
 * ask for more.
 */
export async function loadOrMakeGrant(context: Context, input: GrantInput): Promise<Grant> {
  const { client, session, provider } = context.oidc
  const grantId = knownGrantId(context)
  const former = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  if (former !== undefined && former.accountId === session.accountId) return former
  const accountId = session.accountId ?? ''
  const grant = new provider.Grant({ clientId: client.clientId, accountId })
  grant.addOIDCScope(input.openidScope)
  grant.addResourceScope(input.apiAudience, input.apiScope)
  await grant.save(input.lifetimeSeconds)
  return grant
}

function knownGrantId({ oidc: { client, result, session } }: Context): string | undefined {
  // Each tab signs in by itself. With one grant for all, what revokes it for one, a sign-out or the reuse of
  // a refresh token, would end the others.
  if (isPublic(client)) return result?.consent?.grantId
  return result?.consent?.grantId ?? session.grantIdFor(client.clientId)
}
