// @ts-check
// Requests of which two readers could make two different things. Each carries a second one inside, for /smuggled.

/**
 * @typedef {{ what: string, bytes: (frame: Frame) => string }} Smuggling
 * @typedef {{ host: string, headers: string }} Frame
 */

const INSIDE = 'GET /api/smuggled HTTP/1.1\r\nHost: x\r\nX-Coatcheck: 1\r\n\r\n'
const SIZE = INSIDE.length

/**
 * A POST whose framing headers are these lines, each with its own end.
 * @param {string} what
 * @param {string} lines
 * @param {string} body
 * @returns {Smuggling}
 */
function framed(what, lines, body) {
  return {
    what,
    bytes: ({ host, headers }) =>
      `POST /api/first HTTP/1.1\r\nHost: ${host}\r\n${headers}${lines}\r\n${body}`,
  }
}

/**
 * @param {string} what
 * @param {(frame: Frame) => string} bytes
 * @returns {Smuggling}
 */
function whole(what, bytes) {
  return { what, bytes }
}

const chunkedBody = `0\r\n\r\n${INSIDE}`
const sizedBody = INSIDE

const LENGTH_AND_ENCODING = [
  framed(
    'Content-Length and Transfer-Encoding',
    `Content-Length: ${SIZE + 5}\r\nTransfer-Encoding: chunked\r\n`,
    chunkedBody,
  ),
  framed(
    'Transfer-Encoding and Content-Length',
    `Transfer-Encoding: chunked\r\nContent-Length: ${SIZE + 5}\r\n`,
    chunkedBody,
  ),
  framed(
    'Transfer-Encoding with a space before the colon',
    `Content-Length: ${SIZE + 5}\r\nTransfer-Encoding : chunked\r\n`,
    chunkedBody,
  ),
  framed(
    'Transfer-Encoding behind a tab',
    `Content-Length: ${SIZE + 5}\r\n\tTransfer-Encoding: chunked\r\n`,
    chunkedBody,
  ),
  framed(
    'Transfer-Encoding: xchunked',
    `Content-Length: ${SIZE + 5}\r\nTransfer-Encoding: xchunked\r\n`,
    chunkedBody,
  ),
  framed(
    'Transfer-Encoding: chunked, identity',
    `Transfer-Encoding: chunked, identity\r\n`,
    chunkedBody,
  ),
  framed(
    'Transfer-Encoding: identity',
    `Content-Length: ${SIZE + 5}\r\nTransfer-Encoding: identity\r\n`,
    chunkedBody,
  ),
  framed(
    'Transfer-Encoding: gzip, chunked and a length',
    `Content-Length: ${SIZE + 5}\r\nTransfer-Encoding: gzip, chunked\r\n`,
    chunkedBody,
  ),
  framed(
    'Transfer-Encoding twice',
    `Content-Length: ${SIZE + 5}\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n`,
    chunkedBody,
  ),
  framed(
    'Transfer-Encoding in quotes',
    `Content-Length: ${SIZE + 5}\r\nTransfer-Encoding: "chunked"\r\n`,
    chunkedBody,
  ),
  framed(
    'Transfer-Encoding with a control character',
    `Content-Length: ${SIZE + 5}\r\nTransfer-Encoding: \x0bchunked\r\n`,
    chunkedBody,
  ),
  framed(
    'Transfer-Encoding with NUL',
    `Content-Length: ${SIZE + 5}\r\nTransfer-Encoding: chunked\x00\r\n`,
    chunkedBody,
  ),
]

const LENGTHS = [
  framed(
    'Content-Length twice, different',
    `Content-Length: 0\r\nContent-Length: ${SIZE}\r\n`,
    sizedBody,
  ),
  framed(
    'Content-Length twice, the other way',
    `Content-Length: ${SIZE}\r\nContent-Length: 0\r\n`,
    sizedBody,
  ),
  framed('Content-Length as a list', `Content-Length: 0, ${SIZE}\r\n`, sizedBody),
  framed('Content-Length with a plus', `Content-Length: +${SIZE}\r\n`, sizedBody),
  framed('Content-Length below zero', 'Content-Length: -1\r\n', sizedBody),
  framed('Content-Length in hex', `Content-Length: 0x${SIZE.toString(16)}\r\n`, sizedBody),
  framed('Content-Length with a fraction', `Content-Length: ${SIZE}.0\r\n`, sizedBody),
  framed('Content-Length beyond all numbers', `Content-Length: ${'9'.repeat(30)}\r\n`, sizedBody),
  framed('Content-Length with letters', `Content-Length: ${SIZE}a\r\n`, sizedBody),
  framed('Content-Length, empty', 'Content-Length: \r\n', sizedBody),
  framed('Content-Length with a space before the colon', `Content-Length : ${SIZE}\r\n`, sizedBody),
  framed('Content-Length folded', `Content-Length:\r\n ${SIZE}\r\n`, sizedBody),
]

const CHUNKS = [
  framed('a chunk size below zero', 'Transfer-Encoding: chunked\r\n', `-1\r\n\r\n${INSIDE}`),
  framed(
    'a chunk size beyond all numbers',
    'Transfer-Encoding: chunked\r\n',
    `ffffffffffffffff1\r\n${INSIDE}`,
  ),
  framed('a chunk size with 0x', 'Transfer-Encoding: chunked\r\n', `0x0\r\n\r\n${INSIDE}`),
  framed('a chunk size with a bare LF', 'Transfer-Encoding: chunked\r\n', `0\n\n${INSIDE}`),
  framed(
    'a chunk extension with a bare LF',
    'Transfer-Encoding: chunked\r\n',
    `0;a\nb\r\n\r\n${INSIDE}`,
  ),
  framed('a chunk without its CR LF', 'Transfer-Encoding: chunked\r\n', `1\r\nA0\r\n\r\n${INSIDE}`),
  framed(
    'a chunk that ends in bare LF',
    'Transfer-Encoding: chunked\r\n',
    `1\r\nA\n0\r\n\r\n${INSIDE}`,
  ),
]

const LINES = [
  whole(
    'obs-fold in a header',
    ({ host, headers }) =>
      `GET /api/first HTTP/1.1\r\nHost: ${host}\r\n${headers}X-A: b\r\n c\r\n\r\n`,
  ),
  whole(
    'a bare LF between headers',
    ({ host, headers }) =>
      `GET /api/first HTTP/1.1\nHost: ${host}\n${headers.replaceAll('\r\n', '\n')}\n`,
  ),
  whole(
    'a bare CR in a header',
    ({ host, headers }) =>
      `GET /api/first HTTP/1.1\r\nHost: ${host}\r\n${headers}X-A: b\rTransfer-Encoding: chunked\r\n\r\n`,
  ),
  whole(
    'NUL in a header',
    ({ host, headers }) =>
      `GET /api/first HTTP/1.1\r\nHost: ${host}\r\n${headers}X-A: b\x00c\r\n\r\n`,
  ),
  whole(
    'a header without a name',
    ({ host, headers }) => `GET /api/first HTTP/1.1\r\nHost: ${host}\r\n${headers}: b\r\n\r\n`,
  ),
  whole(
    'a header without a colon',
    ({ host, headers }) => `GET /api/first HTTP/1.1\r\nHost: ${host}\r\n${headers}nonsense\r\n\r\n`,
  ),
  whole(
    'white space before the first header',
    ({ host, headers }) => `GET /api/first HTTP/1.1\r\n Host: ${host}\r\n${headers}\r\n`,
  ),
  whole(
    'Host twice',
    ({ host, headers }) =>
      `GET /api/first HTTP/1.1\r\nHost: ${host}\r\nHost: evil.test\r\n${headers}\r\n`,
  ),
  whole(
    'Host twice, alike',
    ({ host, headers }) =>
      `GET /api/first HTTP/1.1\r\nHost: ${host}\r\nHost: ${host}\r\n${headers}\r\n`,
  ),
  whole('no Host', ({ headers }) => `GET /api/first HTTP/1.1\r\n${headers}\r\n`),
  whole(
    'another Host',
    ({ headers }) => `GET /api/first HTTP/1.1\r\nHost: evil.test\r\n${headers}\r\n`,
  ),
  whole(
    'Host as a list',
    ({ host, headers }) => `GET /api/first HTTP/1.1\r\nHost: ${host}, evil.test\r\n${headers}\r\n`,
  ),
  whole(
    'an absolute-form target',
    ({ host, headers }) =>
      `GET http://${host}/api/first HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`,
  ),
  whole(
    'an absolute-form target of another host',
    ({ host, headers }) =>
      `GET http://evil.test/api/first HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`,
  ),
  whole(
    'an authority-form target',
    ({ host, headers }) => `CONNECT ${host} HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`,
  ),
  whole(
    'an asterisk-form target',
    ({ host, headers }) => `OPTIONS * HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`,
  ),
  whole(
    'a target with a space',
    ({ host, headers }) =>
      `GET /api/first /api/smuggled HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`,
  ),
  whole(
    'a target with a tab',
    ({ host, headers }) => `GET /api/first\t/x HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`,
  ),
  whole(
    'a target with a fragment',
    ({ host, headers }) => `GET /api/first#x HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`,
  ),
  whole(
    'a target with bytes over 127',
    ({ host, headers }) => `GET /api/f\xefrst HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`,
  ),
  whole(
    'a target with an encoded CR LF and a request',
    ({ host, headers }) =>
      `GET /api/first%0d%0a%0d%0aGET%20/api/smuggled HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`,
  ),
  whole('HTTP/0.9', () => 'GET /api/first\r\n'),
  whole(
    'HTTP/1.0 that stays open',
    ({ host, headers }) =>
      `GET /elsewhere HTTP/1.0\r\nHost: ${host}\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n${headers}\r\n0\r\n\r\n${INSIDE}`,
  ),
  whole(
    'HTTP/2.0 on a line',
    ({ host, headers }) => `GET /api/first HTTP/2.0\r\nHost: ${host}\r\n${headers}\r\n`,
  ),
  whole('a preface of HTTP/2', () => `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`),
  whole(
    'a lower-case method',
    ({ host, headers }) => `get /api/first HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`,
  ),
  whole(
    'a method of our own making',
    ({ host, headers }) => `SMUGGLE /api/first HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`,
  ),
  whole(
    'TRACE',
    ({ host, headers }) => `TRACE /api/first HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`,
  ),
]

/** What must be refused; an upstream sees at most the beginning of a body that breaks off. */
export const REFUSED = [...LENGTH_AND_ENCODING, ...LENGTHS, ...CHUNKS, ...LINES]

/** What is one request, whatever it looks like. */
export const ONE_REQUEST = [
  framed(
    'Transfer_Encoding',
    `Content-Length: ${SIZE + 5}\r\nTransfer_Encoding: chunked\r\n`,
    chunkedBody,
  ),
  whole(
    'a request in the body of another',
    ({ host, headers }) =>
      `POST /api/first HTTP/1.1\r\nHost: ${host}\r\n${headers}Content-Length: ${SIZE}\r\n\r\n${INSIDE}`,
  ),
  whole(
    'a request in the chunk of another',
    ({ host, headers }) =>
      `POST /api/first HTTP/1.1\r\nHost: ${host}\r\n${headers}Transfer-Encoding: chunked\r\n\r\n${SIZE.toString(16)}\r\n${INSIDE}\r\n0\r\n\r\n`,
  ),
  whole(
    'a GET with a body',
    ({ host, headers }) =>
      `GET /api/first HTTP/1.1\r\nHost: ${host}\r\n${headers}Content-Length: ${SIZE}\r\n\r\n${INSIDE}`,
  ),
]
