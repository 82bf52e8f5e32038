// @ts-check
// Attacks on the shape: encoding, JSON, header members, other kinds of token.
import { deflateRawSync } from 'node:zlib'
import { base64url, makeToken, segment, signature } from './signer.mjs'

/** @param {import('./corpus.mjs').Scene} scene @returns {import('./corpus.mjs').Attack[]} */
export function structureAttacks(scene) {
  return [...encodingAttacks(scene), ...jsonAttacks(scene), ...headerAttacks(scene)]
}

/** @param {import('./corpus.mjs').Scene} scene @returns {import('./corpus.mjs').Attack[]} */
function encodingAttacks({ keys, claims }) {
  const good = makeToken({ alg: 'RS256', kid: 'rsa' }, claims, keys.rsa.privateKey)
  const [header = '', payload = '', tail = ''] = good.split('.')
  const jsonForm = JSON.stringify({ payload, protected: header, signature: tail })
  const general = JSON.stringify({ payload, signatures: [{ protected: header, signature: tail }] })
  /** @param {string} name @param {string} token @param {string} [code] @returns {import('./corpus.mjs').Attack} */
  const shaped = (name, token, code = 'token_malformed') => ({ name, to: 'access', token, code })
  // A signature of 256 bytes ends in a character with four unused bits: fifteen other spellings of it.
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const twin = alphabet[alphabet.indexOf(tail.slice(-1)) + 1]
  // Signed as it stands, so that the encoding alone decides.
  const padded = `${Buffer.from('{"alg":"RS256","kid":"rsa" }').toString('base64')}.${payload}`
  const standard = Buffer.from(
    JSON.stringify({ ...claims, note: '\u00ff\u00ff\u00fe??>>' }),
  ).toString('base64')
  const plain = `${header}.${standard.replaceAll('=', '')}`
  const wide = `${header}.${payload.replace('I', '\u0149')}`
  return [
    shaped('nothing', ''),
    shaped('one dot', '.'),
    shaped('two dots', '..'),
    shaped('one part', header),
    shaped('two parts', `${header}.${payload}`),
    shaped('four parts', `${good}.`),
    shaped('five parts, a JWE', `${good}.AA.AA`),
    shaped('no header', `.${payload}.${tail}`),
    shaped('no payload', `${header}..${tail}`, 'token_signature_invalid'),
    shaped('a space in front', ` ${good}`),
    shaped('a line break behind', `${good}\n`),
    shaped('Bearer in front', `Bearer ${good}`),
    shaped('a NUL inside', `${header}.${payload}\u0000.${tail}`, 'token_signature_invalid'),
    shaped('the flattened JSON form', jsonForm),
    shaped('the general JSON form', general),
    shaped('padding behind the signature', `${good}==`),
    shaped('another spelling of the last character', `${good.slice(0, -1)}${twin}`),
    shaped('+ and / in the signature', `${header}.${payload}.${tail.slice(0, -2)}+/`),
    shaped(
      'a header with padding',
      `${padded}.${base64url(signature('RS256', padded, keys.rsa.privateKey))}`,
    ),
    shaped(
      'a payload in base64 of the wrong alphabet',
      `${plain}.${base64url(signature('RS256', plain, keys.rsa.privateKey))}`,
      'token_claims_malformed',
    ),
    shaped(
      'a character that is another one in Latin-1',
      `${wide}.${tail}`,
      'token_signature_invalid',
    ),
    shaped(
      '17 KB',
      makeToken(
        { alg: 'RS256', kid: 'rsa' },
        { ...claims, x: 'x'.repeat(17_000) },
        keys.rsa.privateKey,
      ),
      'token_too_large',
    ),
    shaped('1 MB of dots', '.'.repeat(1_000_000), 'token_too_large'),
    shaped('1 MB of header', `${'e'.repeat(1_000_000)}.e.e`, 'token_too_large'),
  ]
}

/** @param {import('./corpus.mjs').Scene} scene @returns {import('./corpus.mjs').Attack[]} */
function jsonAttacks({ keys, claims, issuer, audience, now }) {
  const json = JSON.stringify(claims)
  const inner = json.slice(1, -1)
  /** @param {string} name @param {string | Uint8Array} text @returns {import('./corpus.mjs').Attack} */
  const payload = (name, text) => {
    const input = `${segment({ alg: 'RS256', kid: 'rsa' })}.${base64url(text)}`
    const tail = base64url(signature('RS256', input, keys.rsa.privateKey))
    return { name, to: 'access', token: `${input}.${tail}`, code: 'token_claims_malformed' }
  }
  return [
    payload('sub twice', `{${inner},"sub":"admin"}`),
    payload('exp twice', `{"exp":${now + 99_999},${inner}}`),
    payload('aud twice, once escaped', `{${inner},"\\u0061ud":"${audience}"}`),
    payload('iss twice, one deep inside a list', `{${inner},"x":[{"a":1,"a":2}]}`),
    payload('__proto__', `{${inner},"__proto__":{"iss":"${issuer}"}}`),
    payload('an array', `[${json}]`),
    payload('a string', JSON.stringify(json)),
    payload('null', 'null'),
    payload('a number', '1'),
    payload('empty', ''),
    payload('two objects', `${json}${json}`),
    payload('a comment', `{${inner}/**/}`),
    payload('a comma too many', `{${inner},}`),
    payload('NaN', `{${inner},"x":NaN}`),
    payload('a byte order mark', `\ufeff${json}`),
    payload('UTF-16', Buffer.from(json, 'utf16le')),
    payload(
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from(`{${inner},"x":"`), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
    ),
    payload('nested a thousand times', `{${inner},"x":${'['.repeat(1000)}${']'.repeat(1000)}}`),
    payload('deflated', deflateRawSync(json)),
  ]
}

/** @param {import('./corpus.mjs').Scene} scene @returns {import('./corpus.mjs').Attack[]} */
function headerAttacks({ keys, claims, idClaims }) {
  const { privateKey } = keys.rsa
  /** @param {string} name @param {unknown} header @param {string} code @param {import('./corpus.mjs').VerifierName} [to] @returns {import('./corpus.mjs').Attack} */
  const header = (name, header, code, to = 'access') => ({
    name,
    to,
    token: makeToken(header, to === 'id' ? idClaims : claims, privateKey, 'RS256'),
    code,
  })
  const base = { alg: 'RS256', kid: 'rsa' }
  const bomb = deflateRawSync(Buffer.alloc(100_000, 0x20))
  return [
    header(
      'crit with an unknown extension',
      { ...base, crit: ['x'], x: 1 },
      'token_header_refused',
    ),
    header('crit empty', { ...base, crit: [] }, 'token_header_refused'),
    header('crit null', { ...base, crit: null }, 'token_header_refused'),
    header('b64 false', { ...base, b64: false, crit: ['b64'] }, 'token_header_refused'),
    header('b64 false without crit', { ...base, b64: false }, 'token_header_refused'),
    header('zip', { ...base, zip: 'DEF' }, 'token_header_refused'),
    header(
      'a header that is a JWE',
      { alg: 'RSA-OAEP', enc: 'A256GCM' },
      'token_algorithm_refused',
    ),
    header('enc beside alg', { ...base, enc: 'A256GCM' }, 'token_header_refused'),
    header('alg twice', '{"alg":"none","alg":"RS256","kid":"rsa"}', 'token_malformed'),
    header(
      'alg twice, once escaped',
      '{"alg":"RS256","\\u0061lg":"none","kid":"rsa"}',
      'token_malformed',
    ),
    header(
      '__proto__ in the header',
      '{"__proto__":{"alg":"RS256"},"kid":"rsa"}',
      'token_malformed',
    ),
    header('a header that is an array', '["RS256"]', 'token_malformed'),
    header('a header that is a string', '"RS256"', 'token_malformed'),
    header('a header of garbage', '\u0000\u0001', 'token_malformed'),
    {
      name: 'a compressed bomb as payload',
      to: 'access',
      token: zipToken(bomb, privateKey),
      code: 'token_header_refused',
    },
    header('typ of a DPoP proof', { ...base, typ: 'dpop+jwt' }, 'token_type_refused'),
    header('typ of a logout token', { ...base, typ: 'logout+jwt' }, 'token_type_refused', 'id'),
    header(
      'typ of an access token at the ID verifier',
      { ...base, typ: 'at+jwt' },
      'token_type_refused',
      'id',
    ),
    header('typ of a security event', { ...base, typ: 'secevent+jwt' }, 'token_type_refused'),
    header('typ a number', { ...base, typ: 1 }, 'token_header_refused'),
    header('typ empty', { ...base, typ: '' }, 'token_type_refused'),
  ]
}

/** @param {Uint8Array} bomb @param {import('node:crypto').KeyObject} key */
function zipToken(bomb, key) {
  const input = `${segment({ alg: 'RS256', kid: 'rsa', zip: 'DEF' })}.${base64url(bomb)}`
  return `${input}.${base64url(signature('RS256', input, key))}`
}
