// @ts-check
// Attacks on algorithm and key.
import { createHash } from 'node:crypto'
import { base64url, makeToken, publicJwk, segment } from './signer.mjs'

const SPELLINGS = [
  'none',
  'None',
  'NONE',
  'nOnE',
  'nonE',
  'NonE',
  ' none',
  'none ',
  'none\u0000',
  '',
  'n\u043ene',
]

/** @param {import('./corpus.mjs').Scene} scene @returns {import('./corpus.mjs').Attack[]} */
export function keyAttacks(scene) {
  return [...algorithmAttacks(scene), ...foreignKeyAttacks(scene)]
}

/** @param {import('./corpus.mjs').Scene} scene @returns {import('./corpus.mjs').Attack[]} */
function algorithmAttacks({ keys, claims, secret, jwks }) {
  const pem = keys.rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString()
  const der = keys.rsa.publicKey.export({ format: 'der', type: 'spki' })
  const modulus = Buffer.from(String(publicJwk(keys.rsa).n), 'base64url')
  /** @type {[string, Uint8Array][]} */
  const confusions = [
    ['the PEM', Buffer.from(pem)],
    ['the PEM without its last line break', Buffer.from(pem.trimEnd())],
    ['the DER', der],
    ['the modulus', modulus],
    ['the JWK as JSON', Buffer.from(JSON.stringify(jwks.keys[0]))],
    ['nothing', new Uint8Array(0)],
    ['an oct key of the set', Buffer.alloc(32, 7)],
  ]
  /** @type {import('./corpus.mjs').Attack[]} */
  const attacks = []
  for (const alg of SPELLINGS) {
    const unsigned = `${segment({ alg, kid: 'rsa' })}.${segment(claims)}.`
    attacks.push({
      name: `alg ${JSON.stringify(alg)} without signature`,
      to: 'access',
      token: unsigned,
      code: 'token_algorithm_refused',
    })
  }
  const old = makeToken({ alg: 'RS256', kid: 'rsa' }, claims, keys.rsa.privateKey).split('.')[2]
  attacks.push({
    name: 'alg none with a real signature behind it',
    to: 'access',
    token: `${segment({ alg: 'none' })}.${segment(claims)}.${old}`,
    code: 'token_algorithm_refused',
  })
  attacks.push({
    name: 'alg none at the verifier with a secret',
    to: 'secret',
    token: `${segment({ alg: 'none' })}.${segment(claims)}.`,
    code: 'token_algorithm_refused',
  })
  for (const [what, key] of confusions) {
    for (const alg of ['HS256', 'HS512']) {
      attacks.push({
        name: `${alg} under ${what}`,
        to: 'access',
        token: makeToken({ alg, kid: 'rsa' }, claims, key),
        code: 'token_algorithm_refused',
      })
    }
  }
  attacks.push({
    name: 'HS256 with kid of an oct key',
    to: 'access',
    token: makeToken({ alg: 'HS256', kid: 'oct' }, claims, Buffer.alloc(32, 7)),
    code: 'token_algorithm_refused',
  })
  for (const alg of [['RS256'], null, 256, true, { name: 'RS256' }]) {
    attacks.push({
      name: `alg ${JSON.stringify(alg)}`,
      to: 'access',
      token: makeToken({ alg, kid: 'rsa' }, claims, keys.rsa.privateKey, 'RS256'),
      code: 'token_algorithm_refused',
    })
  }
  for (const alg of [
    'rs256',
    'RS256 ',
    'toString',
    '__proto__',
    'constructor',
    'RS1',
    'ES256K',
    'RSA-OAEP',
    'dir',
    'A128KW',
    'PBES2-HS256+A128KW',
  ]) {
    attacks.push({
      name: `alg ${alg}`,
      to: 'access',
      token: makeToken({ alg, kid: 'rsa' }, claims, keys.rsa.privateKey, 'RS256'),
      code: 'token_algorithm_refused',
    })
  }
  return [
    ...attacks,
    {
      name: 'no alg at all',
      to: 'access',
      token: makeToken({ kid: 'rsa' }, claims, keys.rsa.privateKey, 'RS256'),
      code: 'token_algorithm_refused',
    },
    {
      name: 'RS256 at the verifier that allows ES256',
      to: 'ec',
      token: makeToken({ alg: 'RS256', kid: 'rsa' }, claims, keys.rsa.privateKey),
      code: 'token_algorithm_refused',
    },
    {
      name: 'RS256 at the verifier with a secret',
      to: 'secret',
      token: makeToken({ alg: 'RS256' }, claims, keys.rsa.privateKey),
      code: 'token_algorithm_refused',
    },
    {
      name: 'HS512 at the verifier that allows HS256',
      to: 'secret',
      token: makeToken({ alg: 'HS512' }, claims, secret),
      code: 'token_algorithm_refused',
    },
    {
      name: 'PS256 under a key for RS256',
      to: 'access',
      token: makeToken({ alg: 'PS256', kid: 'rsa' }, claims, keys.rsa.privateKey),
      code: 'token_key_unknown',
    },
    {
      name: 'RS256 under a key for PS256',
      to: 'access',
      token: makeToken({ alg: 'RS256', kid: 'ps' }, claims, keys.ps.privateKey),
      code: 'token_key_unknown',
    },
    {
      name: 'ES256 with the kid of an RSA key',
      to: 'access',
      token: makeToken({ alg: 'ES256', kid: 'rsa' }, claims, keys.p256.privateKey),
      code: 'token_key_unknown',
    },
    {
      name: 'ES384 with the kid of a P-256 key',
      to: 'access',
      token: makeToken({ alg: 'ES384', kid: 'p256' }, claims, keys.p384.privateKey),
      code: 'token_key_unknown',
    },
    {
      name: 'RS512, which is not on the list',
      to: 'access',
      token: makeToken({ alg: 'RS512', kid: 'bare' }, claims, keys.bare.privateKey),
      code: 'token_algorithm_refused',
    },
  ]
}

/** @param {import('./corpus.mjs').Scene} scene @returns {import('./corpus.mjs').Attack[]} */
function foreignKeyAttacks({ keys, claims, canary }) {
  const { privateKey } = keys.attacker
  const own = publicJwk(keys.attacker)
  const thumbprint = base64url(createHash('sha256').update('attacker').digest())
  const certificate = Buffer.from('no certificate, but it is never looked at').toString('base64')
  /** @param {string} name @param {Record<string, unknown>} header @param {string} code @returns {import('./corpus.mjs').Attack} */
  const bring = (name, header, code) => ({
    name,
    to: 'access',
    token: makeToken({ alg: 'RS256', ...header }, claims, privateKey),
    code,
  })
  const refused = 'token_signature_invalid'
  return [
    bring('a foreign key under a known kid', { kid: 'rsa' }, refused),
    bring('jwk in the header, known kid', { kid: 'rsa', jwk: own }, refused),
    bring('jwk in the header, no kid', { jwk: own }, refused),
    bring(
      'jwk with a kid of its own',
      { kid: 'mine', jwk: { ...own, kid: 'mine' } },
      'token_key_unknown',
    ),
    bring('jku of the attacker', { kid: 'mine', jku: `${canary}/jku` }, 'token_key_unknown'),
    bring('jku with a known kid', { kid: 'rsa', jku: `${canary}/jku-known` }, refused),
    bring('jku to a file', { kid: 'mine', jku: 'file:///etc/passwd' }, 'token_key_unknown'),
    bring('x5u of the attacker', { kid: 'rsa', x5u: `${canary}/x5u` }, refused),
    bring('x5c of the attacker', { kid: 'rsa', x5c: [certificate] }, refused),
    bring('x5t of the attacker', { kid: 'rsa', x5t: thumbprint, 'x5t#S256': thumbprint }, refused),
    bring('an unknown kid', { kid: 'nobody' }, 'token_key_unknown'),
    bring('kid as a path', { kid: '../../../../dev/null' }, 'token_key_unknown'),
    bring('kid as SQL', { kid: "' UNION SELECT 'secret' --" }, 'token_key_unknown'),
    bring('kid as an address', { kid: `${canary}/kid` }, 'token_key_unknown'),
    bring('kid __proto__', { kid: '__proto__' }, 'token_key_unknown'),
    bring('kid empty', { kid: '' }, 'token_key_unknown'),
    bring('kid of 10,000 characters', { kid: 'k'.repeat(10_000) }, 'token_header_refused'),
    bring('kid a number', { kid: 1 }, 'token_header_refused'),
    bring('kid an array', { kid: ['rsa'] }, 'token_header_refused'),
    bring('kid null', { kid: null }, 'token_header_refused'),
    bring('under the key with exponent 1', { kid: 'one' }, 'token_key_unknown'),
    bring('under a key for encryption', { kid: 'enc' }, 'token_key_unknown'),
    bring('under a key without the operation verify', { kid: 'ops' }, 'token_key_unknown'),
    {
      name: 'under an RSA key of 1024 bits',
      to: 'access',
      token: makeToken({ alg: 'RS256', kid: 'weak' }, claims, keys.weak.privateKey),
      code: 'token_key_unknown',
    },
    {
      name: 'under 1024 bits padded to 2048',
      to: 'access',
      token: makeToken({ alg: 'RS256', kid: 'padded' }, claims, keys.weak.privateKey),
      code: 'token_key_unknown',
    },
    {
      name: 'ES256 of a foreign key',
      to: 'access',
      token: makeToken({ alg: 'ES256', kid: 'p256' }, claims, keys.attackerEc.privateKey),
      code: refused,
    },
  ]
}
