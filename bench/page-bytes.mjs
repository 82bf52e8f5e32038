// @ts-check
// Bytes that a page loads, min + gzip, beside what other libraries weigh. Bytes do not depend on the machine.
import { ensurePeer } from '../scripts/peers.mjs'
import { pageBytes } from './page-bytes/bundle.mjs'
import { CHOICES, ENTRIES } from './page-bytes/entries.mjs'

export const name = 'page-bytes'
export const about =
  'What a page loads, min + gzip: session client, token client, its worker; and peers.'
export const aim =
  'session client <= 2 KB, token client <= 5 KB, with verifier <= 12 KB, worker file <= 12 KB'

const PEERS = [
  {
    what: '@auth0/auth0-spa-js',
    version: '2.28.3',
    code: "export { createAuth0Client } from '@auth0/auth0-spa-js'",
  },
  {
    what: 'oidc-client-ts',
    version: '3.5.0',
    code: "export { UserManager } from 'oidc-client-ts'",
  },
]
const CLIENT = "export { createTokenClient } from 'coatcheck/token-client'"

/** @param {{ log: (line: string) => void }} options */
export async function run({ log }) {
  const rows = []
  const figures = []
  for (const { what, code, maxBytes, counts } of ENTRIES) {
    const bytes = (await pageBytes(code))[counts]
    rows.push({ what, bytes })
    figures.push({ name: what, value: bytes, aim: `<= ${maxBytes}`, ok: bytes <= maxBytes })
    log(`${what}: ${bytes}`)
  }
  const alone = (await pageBytes(CLIENT)).all
  for (const { what, from } of CHOICES) {
    const { all } = await pageBytes(`${CLIENT}\nexport { ${what} } from '${from}'`)
    rows.push({ what: `${what}, beside the token client`, bytes: all - alone })
  }
  for (const { what, version, code } of PEERS) {
    const folder = ensurePeer(what, version)
    if (folder === undefined) continue
    const { all } = await pageBytes(code, { resolveDir: folder })
    rows.push({ what: `${what} ${version}, no signature checked`, bytes: all })
  }
  const { all } = await pageBytes("export { createRemoteJWKSet, jwtVerify } from 'jose'")
  rows.push({ what: 'jose, verifier and remote keys', bytes: all })
  return { rows, figures }
}
