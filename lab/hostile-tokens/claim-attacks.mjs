// @ts-check
// Tokens that the issuer really signed, and that are still not for us.
import { makeToken } from './signer.mjs'

/** @param {import('./corpus.mjs').Scene} scene @returns {import('./corpus.mjs').Attack[]} */
export function claimAttacks(scene) {
  return [...partyAttacks(scene), ...timeAttacks(scene), ...idTokenAttacks(scene)]
}

/** @param {import('./corpus.mjs').Scene} scene */
function maker({ keys, claims, idClaims }) {
  /** @param {string} name @param {Record<string, unknown>} changes @param {string} code @param {'access' | 'id'} [to] @param {Record<string, unknown>} [checks] @returns {import('./corpus.mjs').Attack} */
  return (name, changes, code, to = 'access', checks = {}) => {
    const payload = { ...(to === 'id' ? idClaims : claims), ...changes }
    const token = makeToken({ alg: 'RS256', kid: 'rsa' }, payload, keys.rsa.privateKey)
    return { name, to, token, code, checks }
  }
}

/** @param {import('./corpus.mjs').Scene} scene @returns {import('./corpus.mjs').Attack[]} */
function partyAttacks(scene) {
  const make = maker(scene)
  const { issuer, audience, clientId } = scene
  return [
    make('another issuer', { iss: 'https://evil.test' }, 'token_issuer_mismatch'),
    make('the issuer with a slash', { iss: `${issuer}/` }, 'token_issuer_mismatch'),
    make('the issuer in capitals', { iss: issuer.toUpperCase() }, 'token_issuer_mismatch'),
    make('the issuer with a path', { iss: `${issuer}/tenant` }, 'token_issuer_mismatch'),
    make('the issuer in a list', { iss: [issuer] }, 'token_claims_malformed'),
    make('iss null', { iss: null }, 'token_claims_malformed'),
    make('iss missing', { iss: undefined }, 'token_claim_missing'),
    make('another audience', { aud: 'https://other.example' }, 'token_audience_mismatch'),
    make(
      'an audience that begins like ours',
      { aud: `${audience}.evil.test` },
      'token_audience_mismatch',
    ),
    make(
      'our audience inside a longer text',
      { aud: `x ${audience} y` },
      'token_audience_mismatch',
    ),
    make('the client as audience', { aud: clientId }, 'token_audience_mismatch'),
    make('no audience in the list', { aud: [] }, 'token_claims_malformed'),
    make('a list in the list', { aud: [[audience]] }, 'token_claims_malformed'),
    make('a null in the list', { aud: [audience, null] }, 'token_claims_malformed'),
    make(
      'the audience as an object',
      { aud: { 0: audience, length: 1 } },
      'token_claims_malformed',
    ),
    make('aud missing', { aud: undefined }, 'token_claim_missing'),
    make('sub a number', { sub: 1 }, 'token_claims_malformed'),
    make('sub an object', { sub: { toString: 'admin' } }, 'token_claims_malformed'),
    make('sub empty', { sub: '' }, 'token_claims_malformed'),
    make('jti a number', { jti: 1 }, 'token_claims_malformed'),
    make('azp of another client', { azp: 'other' }, 'token_audience_mismatch', 'access', {
      authorizedParty: clientId,
    }),
    make('azp a list', { azp: [clientId] }, 'token_claims_malformed'),
    make(
      'a logout token',
      { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
      'token_type_refused',
    ),
    make('an ID token with at_hash', { at_hash: 'abc' }, 'token_type_refused'),
  ]
}

/** @param {import('./corpus.mjs').Scene} scene @returns {import('./corpus.mjs').Attack[]} */
function timeAttacks(scene) {
  const make = maker(scene)
  const { now } = scene
  return [
    make('exp missing', { exp: undefined }, 'token_claim_missing'),
    make('exp null', { exp: null }, 'token_claims_malformed'),
    make('exp a string', { exp: String(now + 300) }, 'token_claims_malformed'),
    make('exp a list', { exp: [now + 300] }, 'token_claims_malformed'),
    make('exp true', { exp: true }, 'token_claims_malformed'),
    make('exp in milliseconds', { exp: (now + 300) * 1000 }, 'token_claims_malformed'),
    make('exp 1e308', { exp: 1e308 }, 'token_claims_malformed'),
    make(
      'exp beyond the safe integers',
      { exp: Number.MAX_SAFE_INTEGER + 1 },
      'token_claims_malformed',
    ),
    make('exp negative', { exp: -1 }, 'token_claims_malformed'),
    make('exp zero', { exp: 0 }, 'token_expired'),
    make('exp a minute ago', { exp: now - 60 }, 'token_expired'),
    make('exp just beyond the tolerance', { exp: now - 5 }, 'token_expired'),
    make('nbf in a minute', { nbf: now + 60 }, 'token_not_yet_valid'),
    make('nbf a string', { nbf: String(now) }, 'token_claims_malformed'),
    make('iat in an hour', { iat: now + 3600 }, 'token_not_yet_valid'),
    make('iat a string', { iat: 'yesterday' }, 'token_claims_malformed'),
    make('iat in milliseconds', { iat: now * 1000 }, 'token_claims_malformed'),
    make('auth_time missing, max age asked for', {}, 'token_claim_missing', 'access', {
      maxAgeSeconds: 60,
    }),
    make('auth_time too old', { auth_time: now - 3600 }, 'token_too_old', 'id', {
      maxAgeSeconds: 60,
    }),
    make('auth_time a string', { auth_time: String(now) }, 'token_claims_malformed', 'id', {
      maxAgeSeconds: 60,
    }),
    make('max age not a number', {}, 'token_too_old', 'id', { maxAgeSeconds: Number.NaN }),
  ]
}

/** @param {import('./corpus.mjs').Scene} scene @returns {import('./corpus.mjs').Attack[]} */
function idTokenAttacks(scene) {
  const make = maker(scene)
  const { clientId, audience, keys, claims, idClaims } = scene
  const sign = (/** @type {Record<string, unknown>} */ payload) =>
    makeToken({ alg: 'RS256', kid: 'rsa' }, payload, keys.rsa.privateKey)
  return [
    make('the nonce of another sign-in', { nonce: 'other' }, 'token_nonce_mismatch', 'id', {
      nonce: 'nonce-of-this-sign-in',
    }),
    make('nonce missing', { nonce: undefined }, 'token_nonce_mismatch', 'id', {
      nonce: 'nonce-of-this-sign-in',
    }),
    make('nonce a list', { nonce: ['nonce-of-this-sign-in'] }, 'token_claims_malformed', 'id', {
      nonce: 'nonce-of-this-sign-in',
    }),
    make('the ID token of another client', { aud: 'other' }, 'token_audience_mismatch', 'id'),
    make(
      'two audiences without azp',
      { aud: [clientId, 'other'] },
      'token_audience_mismatch',
      'id',
    ),
    make(
      'two audiences, azp of the other',
      { aud: [clientId, 'other'], azp: 'other' },
      'token_audience_mismatch',
      'id',
    ),
    make('our audience, azp of another', { azp: 'other' }, 'token_audience_mismatch', 'id'),
    make('sub missing', { sub: undefined }, 'token_claim_missing', 'id'),
    make('iat missing', { iat: undefined }, 'token_claim_missing', 'id'),
    make(
      'at_hash of another access token',
      { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' },
      'token_hash_mismatch',
      'id',
      { accessToken: 'opaque' },
    ),
    make('at_hash a number', { at_hash: 1 }, 'token_claims_malformed', 'id', {
      accessToken: 'opaque',
    }),
    make('a logout token as ID token', { events: {} }, 'token_type_refused', 'id'),
    {
      name: 'an access token at the ID verifier',
      to: 'id',
      token: sign(claims),
      code: 'token_audience_mismatch',
    },
    {
      name: 'an ID token at the access verifier',
      to: 'access',
      token: sign(idClaims),
      code: 'token_audience_mismatch',
    },
    {
      name: 'an ID token for the API at the access verifier',
      to: 'access',
      token: sign({ ...idClaims, aud: audience, at_hash: 'x' }),
      code: 'token_type_refused',
    },
  ]
}
