import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { openDataFolder, sampleCertificate } from '@coatcheck/dev'
import { type KeyPair, keyPair, makeToken, publicJwk } from '../../lab/hostile-tokens/signer.mjs'
import { temporaryFolder } from './dev-process.ts'

/** A site's own login: a name and a password are traded for tokens, as many sites did before they had a provider. */
export interface OwnLogin {
  readonly issuer: string
  readonly audience: string
  readonly user: { readonly username: string; readonly password: string }
  /** Signs with a new key, and publishes it alone. */
  rotateKeys(): void
  /** Any token, signed by the present key or another. */
  sign(claims: Readonly<Record<string, unknown>>, by?: KeyPair): string
  /** The refresh tokens that were traded. */
  readonly renewals: readonly string[]
  close(): void
}

const AUDIENCE = 'urn:own:api'
const LIFETIME_SECONDS = 300

/** Starts it, over https, for pages of every origin. */
export async function startOwnLogin(clientId: string): Promise<OwnLogin> {
  const folder = temporaryFolder()
  const pem = readFileSync((await sampleCertificate(openDataFolder(folder.path))).file)
  folder.remove()
  const user = { username: 'ada', password: randomBytes(12).toString('base64url') }
  const renewals: string[] = []
  let pair = keyPair('P-256')
  let kid = randomUUID()
  let refreshToken = ''

  const sign: OwnLogin['sign'] = (claims, by = pair) => {
    const iat = Math.floor(Date.now() / 1000)
    const all = { iss: issuer, sub: 'u-ada', iat, exp: iat + LIFETIME_SECONDS, ...claims }
    return makeToken({ alg: 'ES256', kid }, all, by.privateKey)
  }
  const answer = (): object => {
    refreshToken = randomUUID()
    return {
      access_token: sign({ aud: AUDIENCE, client_id: clientId }),
      token_type: 'Bearer',
      expires_in: LIFETIME_SECONDS,
      refresh_token: refreshToken,
    }
  }
  const isUser = (given: string): boolean => {
    const wanted = Buffer.from(JSON.stringify(user))
    const got = Buffer.from(given)
    return got.length === wanted.length && timingSafeEqual(got, wanted)
  }
  const route = (path: string, body: string): readonly [number, object] => {
    if (path === '/jwks') return [200, { keys: [publicJwk(pair, { kid, alg: 'ES256' })] }]
    if (path === '/login') return isUser(body) ? [200, answer()] : [401, { error: 'login' }]
    if (path === '/token') {
      const given = new URLSearchParams(body).get('refresh_token') ?? ''
      renewals.push(given)
      return given === refreshToken ? [200, answer()] : [400, { error: 'invalid_grant' }]
    }
    const endpoints = Object.fromEntries(
      ['authorization_endpoint', 'token_endpoint', 'revocation_endpoint'].map((name) => [
        name,
        `${issuer}/${name.split('_')[0]}`,
      ]),
    )
    return [200, { issuer, jwks_uri: `${issuer}/jwks`, ...endpoints }]
  }
  const server = createServer({ key: pem, cert: pem }, async (request, response) => {
    let body = ''
    for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString()
    const [status, json] = route(request.url ?? '/', body)
    response.writeHead(status, {
      'access-control-allow-origin': '*',
      'access-control-allow-headers': 'authorization',
      'content-type': 'application/json',
    })
    response.end(JSON.stringify(json))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const issuer = `https://127.0.0.1:${port}`
  return {
    ...{ issuer, audience: AUDIENCE, user, renewals, sign },
    rotateKeys: () => {
      pair = keyPair('P-256')
      kid = randomUUID()
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
