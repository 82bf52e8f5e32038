// @ts-check
// Every hostile token that we know how to make, with the code that must refuse it. The list is used by the
// library's own tests and by `npm run lab -- hostile-tokens`.
import { claimAttacks } from './claim-attacks.mjs'
import { keyAttacks } from './key-attacks.mjs'
import { signatureAttacks } from './signature-attacks.mjs'
import { keyPair, makeToken, publicJwk } from './signer.mjs'
import { structureAttacks } from './structure-attacks.mjs'

/** @typedef {import('./signer.mjs').KeyPair} KeyPair */
/** @typedef {'access' | 'id' | 'ec' | 'secret'} VerifierName which verifier it is thrown at */
/** @typedef {{ name: string, to: VerifierName, token: string, code: string, checks?: Record<string, unknown> }} Attack */
/**
 * @typedef {object} Scene
 * @property {string} issuer
 * @property {string} audience
 * @property {string} clientId
 * @property {number} now seconds since 1970
 * @property {string} canary an address that nobody may visit
 * @property {Record<'rsa' | 'bare' | 'ps' | 'p256' | 'p384' | 'ed' | 'weak' | 'attacker' | 'attackerEc', KeyPair>} keys
 * @property {Uint8Array} secret
 * @property {{ keys: Record<string, unknown>[] }} jwks
 * @property {Record<string, unknown>} claims of a good access token
 * @property {Record<string, unknown>} idClaims of a good ID token
 */

const ISSUER = 'https://idp.example'
const AUDIENCE = 'https://api.example'
const CLIENT = 'app'

/** @param {{ now: number, canary: string }} options @returns {Scene} */
export function createScene({ now, canary }) {
  const keys = {
    rsa: keyPair('RSA'),
    bare: keyPair('RSA'),
    ps: keyPair('RSA'),
    p256: keyPair('P-256'),
    p384: keyPair('P-384'),
    ed: keyPair('Ed25519'),
    weak: keyPair('RSA-1024'),
    attacker: keyPair('RSA'),
    attackerEc: keyPair('P-256'),
  }
  const weak = publicJwk(keys.weak, { kid: 'weak', alg: 'RS256' })
  const padded = Buffer.concat([Buffer.alloc(128), Buffer.from(String(weak.n), 'base64url')])
  const jwks = {
    keys: [
      publicJwk(keys.rsa, { kid: 'rsa', alg: 'RS256', use: 'sig' }),
      publicJwk(keys.bare, { kid: 'bare' }),
      publicJwk(keys.ps, { kid: 'ps', alg: 'PS256' }),
      publicJwk(keys.p256, { kid: 'p256', alg: 'ES256' }),
      publicJwk(keys.p384, { kid: 'p384', alg: 'ES384' }),
      publicJwk(keys.ed, { kid: 'ed', alg: 'EdDSA' }),
      // What a sloppy issuer may publish as well: none of these verifies anything.
      weak,
      { ...weak, kid: 'padded', n: padded.toString('base64url') },
      { ...publicJwk(keys.attacker), kid: 'one', alg: 'RS256', e: 'AQ' },
      { ...publicJwk(keys.attacker), kid: 'enc', alg: 'RS256', use: 'enc' },
      { ...publicJwk(keys.attacker), kid: 'ops', alg: 'RS256', key_ops: ['encrypt'] },
      { kty: 'oct', kid: 'oct', alg: 'HS256', k: Buffer.alloc(32, 7).toString('base64url') },
    ],
  }
  const claims = {
    iss: ISSUER,
    sub: 'ann',
    aud: AUDIENCE,
    iat: now - 10,
    exp: now + 300,
    client_id: CLIENT,
  }
  const idClaims = {
    iss: ISSUER,
    sub: 'ann',
    aud: CLIENT,
    iat: now - 10,
    exp: now + 300,
    nonce: 'nonce-of-this-sign-in',
    auth_time: now - 60,
  }
  return {
    issuer: ISSUER,
    audience: AUDIENCE,
    clientId: CLIENT,
    now,
    canary,
    keys,
    secret: new Uint8Array(64).fill(5),
    jwks,
    claims,
    idClaims,
  }
}

/** Tokens that must be accepted: were one refused, the attacks beside it would prove nothing. @param {Scene} scene */
export function goodTokens({ keys, claims, idClaims, secret }) {
  /** @type {{ name: string, to: VerifierName, token: string, checks?: Record<string, unknown> }[]} */
  const good = [
    {
      name: 'RS256',
      to: 'access',
      token: makeToken({ alg: 'RS256', kid: 'rsa' }, claims, keys.rsa.privateKey),
    },
    {
      name: 'RS256, at+jwt',
      to: 'access',
      token: makeToken({ alg: 'RS256', kid: 'rsa', typ: 'at+jwt' }, claims, keys.rsa.privateKey),
    },
    {
      name: 'PS256',
      to: 'access',
      token: makeToken({ alg: 'PS256', kid: 'ps' }, claims, keys.ps.privateKey),
    },
    {
      name: 'ES256',
      to: 'access',
      token: makeToken({ alg: 'ES256', kid: 'p256' }, claims, keys.p256.privateKey),
    },
    {
      name: 'ES384',
      to: 'access',
      token: makeToken({ alg: 'ES384', kid: 'p384' }, claims, keys.p384.privateKey),
    },
    {
      name: 'EdDSA',
      to: 'access',
      token: makeToken({ alg: 'EdDSA', kid: 'ed' }, claims, keys.ed.privateKey),
    },
    {
      name: 'Ed25519',
      to: 'access',
      token: makeToken({ alg: 'Ed25519', kid: 'ed' }, claims, keys.ed.privateKey),
    },
    {
      name: 'no kid',
      to: 'access',
      token: makeToken({ alg: 'ES256' }, claims, keys.p256.privateKey),
    },
    {
      name: 'ID token',
      to: 'id',
      token: makeToken({ alg: 'RS256', kid: 'rsa', typ: 'JWT' }, idClaims, keys.rsa.privateKey),
      checks: { nonce: idClaims.nonce },
    },
    {
      name: 'ES256 for the ES256 verifier',
      to: 'ec',
      token: makeToken({ alg: 'ES256', kid: 'p256' }, claims, keys.p256.privateKey),
    },
    {
      name: 'HS256 with the secret',
      to: 'secret',
      token: makeToken({ alg: 'HS256' }, claims, secret),
    },
  ]
  return good
}

/** @param {Scene} scene @returns {Attack[]} */
export function hostileTokens(scene) {
  return [
    ...keyAttacks(scene),
    ...signatureAttacks(scene),
    ...structureAttacks(scene),
    ...claimAttacks(scene),
  ]
}
