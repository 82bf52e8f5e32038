// @ts-check
// What honest pages do, our own and those of an allowed origin of the same site.

const LINK = (/** @type {string} */ target) =>
  `fetch('/auth/link?for=${encodeURIComponent(target)}', { method: 'POST', headers: { 'x-coatcheck': '1' } }).then((answer) => answer.json()).then(({ link }) => link)`

/** @type {readonly { what: string, from: 'own' | 'allowed', script: string, expected: string }[]} */
export const HONEST = [
  {
    what: 'fetch',
    from: 'own',
    script:
      "fetch('/api/orders', { headers: { 'x-coatcheck': '1' } }).then((answer) => answer.text())",
    expected: '{"secret":"orders of ada"}',
  },
  {
    what: 'fetch, POST',
    from: 'own',
    script:
      "fetch('/api/orders', { method: 'POST', body: 'x', headers: { 'x-coatcheck': '1' } }).then((answer) => String(answer.status))",
    expected: '200',
  },
  {
    what: 'plain HTML form with its token, into a frame of its own',
    from: 'own',
    script: `fetch('/auth/session?form-token', { headers: { 'x-coatcheck': '1' } }).then((answer) => answer.json()).then(({ formToken }) =>
      fetch('/api/orders?coatcheck-form=' + formToken, { method: 'POST', body: new URLSearchParams({ item: 'x' }) })).then((answer) => String(answer.status))`,
    expected: '200',
  },
  {
    what: 'listed EventSource',
    from: 'own',
    script:
      "new Promise((resolve) => { const it = new EventSource('/api/events'); it.onmessage = ({ data }) => { it.close(); resolve(data) }; it.onerror = () => resolve('error') })",
    expected: 'hello',
  },
  {
    what: 'image by a link',
    from: 'own',
    script: `${LINK('/api/pixel')}.then((link) => new Promise((resolve) => { const it = new Image(); it.onload = () => resolve('loaded'); it.onerror = () => resolve('error'); it.src = link }))`,
    expected: 'loaded',
  },
  {
    what: 'the same link once more',
    from: 'own',
    script: `${LINK('/api/pixel')}.then(async (link) => { await fetch(link); return String((await fetch(link)).status) })`,
    expected: '403',
  },
  {
    what: 'fetch with credentials',
    from: 'allowed',
    script:
      "fetch('{app}/api/orders', { credentials: 'include', headers: { 'x-coatcheck': '1' } }).then((answer) => answer.text()).catch(() => 'refused')",
    expected: '{"secret":"orders of ada"}',
  },
  {
    what: 'fetch, PUT, with JSON',
    from: 'allowed',
    script:
      "fetch('{app}/api/orders', { method: 'PUT', body: '{}', credentials: 'include', headers: { 'x-coatcheck': '1', 'content-type': 'application/json' } }).then((answer) => String(answer.status)).catch(() => 'refused')",
    expected: '200',
  },
  {
    what: 'fetch without our header',
    from: 'allowed',
    script:
      "fetch('{app}/api/orders', { credentials: 'include' }).then((answer) => String(answer.status)).catch(() => 'refused')",
    expected: '403',
  },
  {
    what: 'who is signed in',
    from: 'allowed',
    script:
      "fetch('{app}/auth/session', { credentials: 'include', headers: { 'x-coatcheck': '1' } }).then((answer) => answer.json()).then(({ claims }) => claims.name).catch(() => 'refused')",
    expected: 'Ada Lovelace',
  },
]
