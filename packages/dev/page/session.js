/** An answer of the counter's that is an error: decide by `code`. */
export class CounterError extends Error {
  constructor(code, status, retryAfterSeconds) {
    super(code)
    this.code = code
    this.status = status
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** The latest answer of each address, with all that a script can read of it. */
export const answersSeen = new Map()

/** Calls an address of this origin, with the header that no other site can send. */
export async function call(path, init = {}) {
  const answer = await fetch(path, { ...init, headers: { 'x-coatcheck': '1' } })
  const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`)
  answersSeen.set(path, [`${path}: ${answer.status}`, ...headers, await answer.clone().text()])
  if (answer.ok) return answer
  const problem = await answer.json().catch(() => ({}))
  const retryAfterSeconds = Number(answer.headers.get('retry-after')) || undefined
  throw new CounterError(problem.code ?? 'unknown', answer.status, retryAfterSeconds)
}

/** Asks who is signed in, and what time it is there; does not count as activity. */
export async function readSession() {
  const answer = await call('/auth/session')
  // The header leaves out the milliseconds: rounded up, no clock ever shows more than there is.
  const serverTime = Date.parse(answer.headers.get('date')) + 999 || Date.now()
  return { ...(await answer.json()), serverTime }
}

/** Shows what belongs to this state and hides the rest. */
export function showState(state) {
  document.documentElement.dataset.session = state
  for (const element of document.querySelectorAll('[data-when]')) {
    element.hidden = element.dataset.when !== state
  }
}

/** Says something in a live region; `tone` is `bad` or `good`. */
export function say(element, text, tone) {
  element.replaceChildren(...(Array.isArray(text) ? text : [text]))
  if (tone) element.dataset.tone = tone
  else delete element.dataset.tone
}

/** An error in a person's words, with a way on. */
export function explain(error) {
  const wait = error.retryAfterSeconds
  const again = wait ? ` Try again in ${wait} ${wait === 1 ? 'second' : 'seconds'}.` : ' Try again.'
  switch (error.code) {
    case 'signed_out':
    case 'sign_in_required':
      return ['You are signed out. ', signInLink('Sign in')]
    case 'access_token_expired':
      return ['The access token ran out and cannot be renewed. ', signInLink('Sign in again')]
    case 'renewal_unavailable':
      return [`The provider cannot renew the access token at the moment.${again}`]
    case 'store_unavailable':
      return [
        `The counter cannot look up your session at the moment; you are not signed out.${again}`,
      ]
    case 'upstream_unavailable':
    case 'upstream_timeout':
      return [`The API does not answer.${again}`]
    default:
      if (error instanceof CounterError)
        return [`The counter answered ${error.status} (${error.code}).${again}`]
      return ['The counter cannot be reached. Is it running?']
  }
}

function signInLink(text) {
  const link = document.createElement('a')
  link.href = `/auth/sign-in?return=${encodeURIComponent(location.pathname)}`
  link.textContent = text
  return link
}
