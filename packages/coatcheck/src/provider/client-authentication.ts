import * as oauth from 'oauth4webapi'
import { CoatcheckError } from '../core/errors.ts'
import type { Secret } from '../core/secret.ts'

/**
 * How the client proves itself, by what the provider says that it takes. Throws `provider_metadata_invalid`
 * for one that takes no client secret.
 *
 * @see RFC 6749, section 2.3.1; RFC 8414, section 2
 */
export function clientAuthentication(
  metadata: oauth.AuthorizationServer,
  secret: Secret,
): oauth.ClientAuth {
  const methods = metadata.token_endpoint_auth_methods_supported ?? ['client_secret_basic']
  if (methods.includes('client_secret_basic')) return oauth.ClientSecretBasic(secret.reveal())
  if (methods.includes('client_secret_post')) return oauth.ClientSecretPost(secret.reveal())
  throw new CoatcheckError('provider_metadata_invalid', {
    detail: 'The provider takes neither client_secret_basic nor client_secret_post.',
  })
}
