// @ts-check
// What a foreign page can do with a browser that is signed in elsewhere. Each is a script for that page; `{app}` is the site
// that it is after, `{here}` the foreign one itself. What it gives back is what it could read; `nothing` is as it should be.

/**
 * `leaves`: the script leads the tab away, and gives back nothing. `plants`: a cookie of our name, where the browser lets it.
 * @typedef {{ what: string, script: string, leaves?: boolean, from?: 'sibling' | 'silent', plants?: boolean }} Attack
 */

const form = (
  /** @type {string} */ action,
  { method = 'post', type = '', field = 'item=stolen' } = {},
) => {
  const [name, value] = field.split('=')
  return `document.body.innerHTML = '<form method="${method}" action="${action}" ${type === '' ? '' : `enctype="${type}"`}><input name="${name}" value="${value}"><button>go</button></form>'; document.querySelector('button').click()`
}

const read = (/** @type {string} */ init, path = '/api/orders') =>
  `fetch('{app}${path}', ${init}).then((answer) => answer.text()).then((text) => text || 'nothing').catch(() => 'nothing')`

const element = (
  /** @type {string} */ tag,
  /** @type {string} */ attribute,
  /** @type {string} */ path,
) =>
  `new Promise((resolve) => {
    const it = document.createElement('${tag}')
    it.onload = () => resolve('${tag === 'iframe' ? 'nothing' : 'loaded'}')
    it.onerror = () => resolve('nothing')
    setTimeout(() => resolve('nothing'), 1500)
    it.${attribute} = '{app}${path}'
    document.body.append(it)
  })`

/** @type {readonly Attack[]} */
export const ATTACKS = [
  { what: 'form, POST', script: form('{app}/api/orders'), leaves: true },
  {
    what: 'form, POST, multipart',
    script: form('{app}/api/orders', { type: 'multipart/form-data' }),
    leaves: true,
  },
  {
    what: 'form, POST, text/plain',
    script: form('{app}/api/orders', { type: 'text/plain' }),
    leaves: true,
  },
  {
    what: 'form, POST, with a made-up token',
    script: form(`{app}/api/orders?coatcheck-form=${'A'.repeat(72)}`),
    leaves: true,
  },
  {
    what: 'form, POST, with a method override',
    script: form('{app}/api/orders?_method=DELETE', { field: '_method=DELETE' }),
    leaves: true,
  },
  {
    what: 'form, GET, with a made-up link',
    script: form('{app}/api/orders', { method: 'get', field: 'coatcheck-link=x' }),
    leaves: true,
  },
  {
    what: 'form, POST, from a page without referrer',
    script: form('{app}/api/orders'),
    leaves: true,
    from: 'silent',
  },
  {
    what: 'form, POST, over the attacker’s 307',
    script: form('{here}/307?to={app}/api/orders'),
    leaves: true,
  },
  {
    what: 'form, POST, over a 307 without referrer',
    script: form('{here}/307?silent&to={app}/api/orders'),
    leaves: true,
    from: 'silent',
  },
  { what: 'form, POST, to sign-out', script: form('{app}/auth/sign-out'), leaves: true },
  {
    what: 'form, POST, to sign-out over a 307 without referrer',
    script: form('{here}/307?silent&to={app}/auth/sign-out'),
    leaves: true,
    from: 'silent',
  },
  {
    what: 'form, POST, to end all sessions',
    script: form('{app}/auth/sessions/end?all'),
    leaves: true,
  },
  {
    what: 'form, POST, for a link of ours',
    script: form('{app}/auth/link?for=/api/orders'),
    leaves: true,
  },
  { what: 'sign-out by an image', script: element('img', 'src', '/auth/sign-out') },
  { what: 'sign-in by an image', script: element('img', 'src', '/auth/sign-in?return=/') },
  {
    what: 'fetch, POST, no-cors',
    script: read(
      "{ method: 'POST', mode: 'no-cors', credentials: 'include', body: 'item=stolen' }",
    ),
  },
  { what: 'fetch, GET, with credentials', script: read("{ credentials: 'include' }") },
  { what: 'fetch, GET, no-cors', script: read("{ mode: 'no-cors', credentials: 'include' }") },
  {
    what: 'fetch, with our header',
    script: read("{ credentials: 'include', headers: { 'x-coatcheck': '1' } }"),
  },
  {
    what: 'fetch, without credentials',
    script: read("{ credentials: 'omit', headers: { 'x-coatcheck': '1' } }"),
  },
  {
    what: 'fetch, DELETE',
    script: read("{ method: 'DELETE', credentials: 'include', headers: { 'x-coatcheck': '1' } }"),
  },
  {
    what: 'fetch, POST, override of the method',
    script: read(
      "{ method: 'POST', credentials: 'include', headers: { 'x-http-method-override': 'DELETE' } }",
    ),
  },
  { what: 'fetch of the session', script: read("{ credentials: 'include' }", '/auth/session') },
  {
    what: 'fetch of the sessions',
    script: read("{ credentials: 'include', headers: { 'x-coatcheck': '1' } }", '/auth/sessions'),
  },
  {
    what: 'fetch over the attacker’s 302',
    script: `fetch('{here}/302?to={app}/api/orders', { credentials: 'include' }).then((answer) => answer.text()).catch(() => 'nothing')`,
  },
  { what: 'image', script: element('img', 'src', '/api/orders') },
  { what: 'script', script: element('script', 'src', '/api/orders') },
  { what: 'script of a listed download', script: element('script', 'src', '/api/download/orders') },
  {
    what: 'style',
    script: `new Promise((resolve) => { const it = document.createElement('link'); it.rel = 'stylesheet'; it.onload = () => resolve('loaded'); it.onerror = () => resolve('nothing'); setTimeout(() => resolve('nothing'), 1500); it.href = '{app}/api/orders'; document.head.append(it) })`,
  },
  { what: 'video', script: element('video', 'src', '/api/orders') },
  { what: 'object', script: element('object', 'data', '/api/orders') },
  { what: 'frame of an API’s answer', script: element('iframe', 'src', '/api/orders') },
  {
    what: 'frame of a protected page',
    script: `new Promise((resolve) => { addEventListener('message', ({ data }) => resolve(String(data))); setTimeout(() => resolve('nothing'), 1500); const it = document.createElement('iframe'); it.src = '{app}/account/'; document.body.append(it) })`,
  },
  {
    what: 'frame of a protected page, after a hop of the attacker’s making',
    script: `new Promise((resolve) => { addEventListener('message', ({ data }) => resolve(String(data))); setTimeout(() => resolve('nothing'), 1500); const it = document.createElement('iframe'); it.src = '{app}/account/?coatcheck-hop=1'; document.body.append(it) })`,
  },
  {
    what: 'sandboxed frame with a form',
    script: `new Promise((resolve) => { const it = document.createElement('iframe'); it.sandbox = 'allow-forms allow-scripts'; it.srcdoc = '<form method=post action="{app}/api/orders"></form><script>document.forms[0].submit()</scr' + 'ipt>'; document.body.append(it); setTimeout(() => resolve('nothing'), 1000) })`,
  },
  {
    what: 'window that is opened and looked into',
    script: `new Promise((resolve) => { const it = open('{app}/account/'); setTimeout(() => { try { resolve(it.document.title || 'nothing') } catch { resolve('nothing') } finally { it?.close() } }, 1200) })`,
  },
  {
    what: 'beacon',
    script: `new Promise((resolve) => { navigator.sendBeacon('{app}/api/orders', 'item=stolen'); setTimeout(() => resolve('nothing'), 500) })`,
  },
  {
    what: 'beacon to sign-out',
    script: `new Promise((resolve) => { navigator.sendBeacon('{app}/auth/sign-out'); setTimeout(() => resolve('nothing'), 500) })`,
  },
  {
    what: 'WebSocket',
    script: `new Promise((resolve) => { const it = new WebSocket('{app}/api/socket'.replace('https', 'wss')); it.onopen = () => resolve('open'); it.onerror = () => resolve('nothing'); setTimeout(() => resolve('nothing'), 1500) })`,
  },
  {
    what: 'EventSource',
    script: `new Promise((resolve) => { const it = new EventSource('{app}/api/events', { withCredentials: true }); it.onopen = () => resolve('open'); it.onerror = () => { it.close(); resolve('nothing') }; setTimeout(() => resolve('nothing'), 1500) })`,
  },
  {
    what: 'EventSource of the session',
    script: `new Promise((resolve) => { const it = new EventSource('{app}/auth/events', { withCredentials: true }); it.onopen = () => resolve('open'); it.onerror = () => { it.close(); resolve('nothing') }; setTimeout(() => resolve('nothing'), 1500) })`,
  },
  {
    what: 'the attacker’s own sign-in, finished in this browser',
    script: `location.assign('{callback}')`,
    leaves: true,
  },
  {
    what: 'a sign-in begun from elsewhere',
    script: `location.assign('{app}/auth/sign-in?return=/account/')`,
    leaves: true,
  },
  {
    what: 'cookie planted for the whole domain, by script',
    script: `(document.cookie = '{cookie}=planted; Domain=example.localhost; Path=/; Secure', document.cookie = '{cookie}=planted; Path=/; Secure', 'nothing')`,
    from: 'sibling',
    plants: true,
  },
  {
    what: 'cookies planted for the whole domain, by the sibling’s server',
    script: `fetch('{here}/plant?name={cookie}').then(() => 'nothing')`,
    from: 'sibling',
    plants: true,
  },
]
