// Messages to a worker that keeps tokens: all that it knows, with other addresses in them, and much that it does not.

// How messages to it begin.
const TO = 'coatcheck'
const WAIT_MS = 1200
const MOST_MS = 20_000
const RANDOM_MESSAGES = 200

/** Sends all of them to a worker, and gives back every text that came from it. */
export async function fuzz(worker, { api, evil, settings }) {
  const heard = []
  const hear = ({ data }) => {
    heard.push(JSON.stringify(data) ?? String(data))
    const port = data?.value?.body
    if (port instanceof MessagePort) drain(port, heard)
  }
  worker.addEventListener('message', hear)
  let id = 1_000_000
  for (const message of messages({ api, evil, settings })) {
    id += 1
    const whole =
      typeof message === 'object' && message !== null ? { to: TO, id, ...message } : message
    try {
      worker.postMessage(whole)
    } catch {
      // What cannot be copied does not reach it.
    }
  }
  const sent = id - 1_000_000
  // A worker that has just been started on a busy machine takes its time; the last answers come a moment after the others.
  for (const end = Date.now() + MOST_MS; heard.length <= sent / 2 && Date.now() < end; )
    await pause(WAIT_MS / 10)
  await pause(WAIT_MS)
  worker.removeEventListener('message', hear)
  return { sent, heard }
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function drain(port, heard) {
  port.onmessage = ({ data }) => {
    if (data === 'end' || data === 'error') return port.close()
    heard.push(new TextDecoder().decode(data))
    port.postMessage('pull')
  }
  port.postMessage('pull')
}

/** A question, and its answer. */
export function ask(worker, message) {
  return new Promise((resolve) => {
    const id = 2_000_000 + Math.floor(Math.random() * 1_000_000)
    worker.addEventListener('message', ({ data }) => {
      if (data?.id === id) resolve(JSON.stringify(data))
    })
    worker.postMessage({ to: TO, id, ...message })
    setTimeout(() => resolve('no answer'), WAIT_MS * 2)
  })
}

function messages({ api, evil, settings }) {
  return [
    ...ODD,
    ...KINDS.map((kind) => ({ kind })),
    ...hellos(settings, evil),
    ...answers(evil).flatMap((answer) => [
      { kind: 'redeem', answer },
      { kind: 'accept', answer },
    ]),
    ...calls(api, evil).map((call) => ({ kind: 'fetch', call })),
    ...Array.from({ length: RANDOM_MESSAGES }, () => randomMessage(api, evil)),
  ]
}

const ODD = [undefined, null, 0, 'token', [], true, 1n, new Date(), new Map([['kind', 'state']])]
const KINDS = [
  ...['state', 'authorization_endpoint', 'token', 'tokens', 'get_token', 'access_token', 'peek'],
  ...[
    'refresh_token',
    'id_token',
    'export',
    'debug',
    'configure',
    'settings',
    'subscribe',
    'close',
  ],
  ...['eval', 'import', 'constructor', '__proto__', 'toString', 'renew', 'revoke', '', null, 7, {}],
]

const hellos = (settings, evil) => [
  { kind: 'hello' },
  { kind: 'hello', settings: null },
  { kind: 'hello', settings },
  ...Object.keys(settings).map((key) => ({
    kind: 'hello',
    settings: { ...settings, [key]: evil },
  })),
  { kind: 'hello', settings: { ...settings, apis: [`${evil}/`] } },
  { kind: 'hello', settings: { ...settings, issuer: evil, insecure: true } },
]

const answers = (evil) => [
  ...[undefined, null, 'code', 7, []],
  { given: { code: 'x', code_verifier: 'x', redirect_uri: `${evil}/` }, nonce: 'x', iss: evil },
  { given: { code: 'x', token_endpoint: `${evil}/token`, grant_type: 'password' }, nonce: 'x' },
  { given: null, nonce: 'x', iss: null, tokenEndpoint: `${evil}/token` },
  { access_token: 'x', token_type: 'Bearer', issuer: evil },
  { access_token: 'a.b.c', token_type: 'Bearer', id_token: 'a.b.c', refresh_token: 'x' },
  { access_token: 'x', token_type: 'DPoP', jwks_uri: `${evil}/jwks`, __proto__: { toJSON: 1 } },
]

const whole = (url, more = {}) => ({ url, method: 'GET', headers: [], ...more })

const calls = (api, evil) => [
  ...[undefined, null, 7, {}],
  ...[evil, `${evil}/v1/orders`, `${api}../x`, `${api}..%2fx`, api.replace('https', 'http')].map(
    (url) => whole(url),
  ),
  whole(`https://${new URL(api).host}@${new URL(evil).host}/v1/`),
  whole(`${api}redirect?to=${evil}/worker`, { redirect: 'follow', mode: 'no-cors' }),
  whole(`${api}orders`, { headers: [['authorization', 'x']] }),
  whole(`${api}orders`, { headers: 'x' }),
  whole(`${api}orders`, { headers: [['a\r\nb', 'c']] }),
  ...['TRACE', 'CONNECT', 'POST', 'HEAD', 'OPTIONS', 'get\r\nx', ''].map((method) =>
    whole(`${api}echo`, { method, body: method === 'POST' ? new Blob(['x']) : undefined }),
  ),
  ...['force-cache', 'only-if-cached', 'no-store', 'x'].map((cache) =>
    whole(`${api}me`, { cache }),
  ),
  whole(`${api}me`, { credentials: 'include', referrer: evil, integrity: 'x', window: null }),
  whole([`${api}orders`, evil]),
  whole({ href: evil, toString: 'x' }),
]

function randomMessage(api, evil) {
  const pick = (list) => list[Math.floor(Math.random() * list.length)]
  const value = () =>
    pick([...ODD, ...KINDS, evil, api, { url: evil }, [['a', 'b']], new Blob(['x'])])
  const known = ['hello', 'redeem', 'accept', 'fetch', 'abort', 'state', 'authorization_endpoint']
  const names = [
    'to',
    'answer',
    'call',
    'settings',
    'id',
    'url',
    'method',
    'headers',
    'body',
    'code',
  ]
  const inner = Object.fromEntries(names.map((name) => [name, value()]))
  return { kind: pick(known), [pick(names)]: value(), call: inner, answer: inner, settings: inner }
}
