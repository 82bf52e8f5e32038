import { hash } from 'node:crypto'

/**
 * SHA-256 of a text's UTF-8 bytes, in base64url: also PKCE's `S256` challenge of a verifier.
 *
 * @see FIPS 180-4; RFC 7636, section 4.2
 * @example
 * sha256Base64url('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk') // 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
 */
export function sha256Base64url(text: string): string {
  return hash('sha256', text, 'base64url')
}
