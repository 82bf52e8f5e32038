import { digest } from '#signature'
import { encodeBase64url } from '../core/bytes.ts'

/** SHA-256 of a text as base64url: how access tokens (`ath`) and keys (`jkt`) are named. */
export async function hashOf(text: string): Promise<string> {
  return encodeBase64url(await digest('sha256', text))
}
