// @ts-check
// Attacks on algorithm, key and signature.
import { createHash } from 'node:crypto'
import { base64url, makeToken, publicJwk, segment, signature } from './signer.mjs'

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
  return [...algorithmAttacks(scene), ...foreignKeyAttacks(scene), ...signatureAttacks(scene)]
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

/** @param {import('./corpus.mjs').Scene} scene @returns {import('./corpus.mjs').Attack[]} */
function signatureAttacks({ keys, claims, canary }) {
  const ecInput = `${segment({ alg: 'ES256', kid: 'p256' })}.${segment(claims)}`
  const rsInput = `${segment({ alg: 'RS256', kid: 'rsa' })}.${segment(claims)}`
  const edInput = `${segment({ alg: 'EdDSA', kid: 'ed' })}.${segment(claims)}`
  const ec = signature('ES256', ecInput, keys.p256.privateKey)
  const rs = signature('RS256', rsInput, keys.rsa.privateKey)
  const ed = signature('EdDSA', edInput, keys.ed.privateKey)
  const order = Buffer.from(
    'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
    'hex',
  )
  const one = Buffer.concat([Buffer.alloc(31), Buffer.from([1])])
  const flipped = Buffer.from(rs)
  flipped[100] = (flipped[100] ?? 0) ^ 1
  const der = derOf(ec)
  /** @param {string} name @param {string} input @param {Uint8Array | string} bytes @param {string} [code] @returns {import('./corpus.mjs').Attack} */
  const signed = (name, input, bytes, code = 'token_signature_invalid') => {
    const text = typeof bytes === 'string' ? bytes : base64url(bytes)
    return { name, to: 'access', token: `${input}.${text}`, code }
  }
  const changed = segment({ ...claims, sub: 'admin' })
  return [
    signed('ES256 with r = s = 0', ecInput, Buffer.alloc(64)),
    signed('ES256 with r = 0', ecInput, Buffer.concat([Buffer.alloc(32), ec.subarray(32)])),
    signed('ES256 with s = 0', ecInput, Buffer.concat([ec.subarray(0, 32), Buffer.alloc(32)])),
    signed('ES256 with r = s = n', ecInput, Buffer.concat([order, order])),
    signed('ES256 with r = s = 1', ecInput, Buffer.concat([one, one])),
    signed('ES256 in DER', ecInput, der),
    signed('ES256 one byte short', ecInput, ec.subarray(0, 63)),
    signed('ES256 one byte long', ecInput, Buffer.concat([ec, Buffer.alloc(1)])),
    signed('ES256 with an empty signature', ecInput, Buffer.alloc(0)),
    signed('RS256 with an empty signature', rsInput, Buffer.alloc(0)),
    signed('RS256 all zeros', rsInput, Buffer.alloc(256)),
    signed('RS256 the number 1', rsInput, Buffer.concat([Buffer.alloc(255), Buffer.from([1])])),
    signed('RS256 one bit flipped', rsInput, flipped),
    signed('RS256 one byte short', rsInput, rs.subarray(0, 255)),
    signed('RS256 with a zero in front', rsInput, Buffer.concat([Buffer.alloc(1), rs])),
    signed('EdDSA all zeros', edInput, Buffer.alloc(64)),
    signed('EdDSA with s + order', edInput, withOrderAdded(ed)),
    signed(
      'EdDSA with the identity as R',
      edInput,
      Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]),
    ),
    signed(
      'a payload changed under an old signature',
      `${segment({ alg: 'RS256', kid: 'rsa' })}.${changed}`,
      rs,
    ),
    signed(
      'a header changed under an old signature',
      `${segment({ alg: 'RS256', kid: 'rsa', jku: `${canary}/changed` })}.${segment(claims)}`,
      rs,
    ),
    signed('the signature of another algorithm', rsInput, ec),
  ]
}

/** The same signature as DER, which is not what RFC 7518 wants. @param {Buffer} raw */
function derOf(raw) {
  const parts = [raw.subarray(0, 32), raw.subarray(32)].map((part) => {
    const value = (part[0] ?? 0) > 127 ? Buffer.concat([Buffer.alloc(1), part]) : part
    return Buffer.concat([Buffer.from([2, value.length]), value])
  })
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([0x30, body.length]), body])
}

/** Ed25519's malleable twin: S + L, which RFC 8032 (5.1.7) refuses. @param {Buffer} raw */
function withOrderAdded(raw) {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n
  const s = BigInt(`0x${Buffer.from(raw.subarray(32)).reverse().toString('hex')}`) + order
  const bytes = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()
  return Buffer.concat([raw.subarray(0, 32), bytes])
}
