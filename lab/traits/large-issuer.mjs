// @ts-check
// A provider whose tokens have the size that is wanted, for pages that take an answer of a login of their own.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { openDataFolder, sampleCertificate } from '@coatcheck/dev'
import { temporaryFolder } from '../../test/support/dev-process.ts'
import { keyPair, makeToken, publicJwk } from '../hostile-tokens/signer.mjs'

const AUDIENCE = 'urn:lab:large'
const LIFETIME_SECONDS = 300

/** Discovery, keys and revocation over https, for pages of every origin. */
export async function startLargeIssuer() {
  const folder = temporaryFolder()
  const { file } = await sampleCertificate(openDataFolder(folder.path))
  const pem = readFileSync(file)
  folder.remove()
  const pair = keyPair('P-256')
  const key = publicJwk(pair, { kid: 'large', alg: 'ES256', use: 'sig' })
  /** @type {string[]} */
  const revoked = []
  let issuer = ''
  /** @type {(path: string) => unknown} */
  const json = (path) =>
    path === '/jwks'
      ? { keys: [key] }
      : {
          issuer,
          authorization_endpoint: `${issuer}/auth`,
          token_endpoint: `${issuer}/token`,
          jwks_uri: `${issuer}/jwks`,
          revocation_endpoint: `${issuer}/revoke`,
        }
  const server = createServer({ key: pem, cert: pem }, async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('content-type', 'application/json')
    if (request.method === 'POST') revoked.push(Buffer.concat(chunks).toString())
    response.end(JSON.stringify(json(request.url ?? '/')))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  issuer = `https://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  const token = (/** @type {string} */ typ, /** @type {object} */ claims) => {
    const now = Math.floor(Date.now() / 1000)
    const times = { iat: now, exp: now + LIFETIME_SECONDS }
    return makeToken(
      { alg: 'ES256', kid: 'large', typ },
      { iss: issuer, sub: 'u-large', ...times, ...claims },
      pair.privateKey,
    )
  }
  return {
    issuer,
    audience: AUDIENCE,
    /** Whether a refresh token was revoked. @param {string} refreshToken */
    isRevoked: (refreshToken) => revoked.some((body) => body.includes(refreshToken)),
    /** An answer of a token endpoint; its refresh token has so many characters. @param {string} clientId @param {number} characters */
    answer: (clientId, characters) => ({
      access_token: token('at+jwt', { aud: AUDIENCE, client_id: clientId, jti: 'large' }),
      id_token: token('JWT', { aud: clientId }),
      refresh_token: 'r'.repeat(characters),
      token_type: 'Bearer',
      expires_in: LIFETIME_SECONDS,
    }),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** @typedef {Awaited<ReturnType<typeof startLargeIssuer>>} LargeIssuer */
