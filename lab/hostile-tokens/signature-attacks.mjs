// @ts-check
// Attacks on the signature's bytes.
import { base64url, segment, signature } from './signer.mjs'

/** @param {import('./corpus.mjs').Scene} scene @returns {import('./corpus.mjs').Attack[]} */
export function signatureAttacks({ keys, claims, canary }) {
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
