// What the page says, in words.

const ERRORS = {
  access_token_expired: 'Your access is over and cannot be renewed. Sign in again to go on.',
  signed_out: 'You are signed out. Sign in to call the API.',
  signed_in_as_another: 'Somebody else has signed in in another tab. This page now shows theirs.',
  renewal_unavailable: 'The provider does not answer just now. You are still signed in: try again.',
  provider_unavailable: 'The provider cannot be reached: network, CORS, or VITE_CSP_PROVIDER.',
  key_set_unavailable:
    'The provider’s keys cannot be fetched, so nothing can be verified. Try again.',
  sign_in_refused: 'The provider did not sign you in.',
  sign_in_expired: 'That sign-in took too long, or was used before. Start it again.',
  sign_in_unknown: 'That sign-in was not started in this tab. Start it again.',
  sign_in_unavailable: 'The browser keeps nothing for this page: allow its site data.',
  token_store_too_small: 'The tokens do not fit into this place. Choose another one.',
  worker_unavailable: 'The worker did not start: see that its file is served, and worker-src.',
  database_unavailable: 'The browser keeps no database for this page: allow its site data.',
}

const SIGNED_OUT = {
  signed_out: 'You have signed out.',
  signed_out_elsewhere: 'You have signed out in another tab.',
  renewal_refused: 'The provider has ended this sign-in.',
  entry_refused: 'What was kept here was damaged or not yours. It was thrown away.',
}

const PLACES = {
  memory: 'A variable of this page',
  session_storage: 'sessionStorage',
  local_storage: 'localStorage',
  script_cookie: 'A cookie that scripts can read',
  worker: 'A worker',
}

const READABLE = {
  always: 'At any time',
  in_use: 'While in use, through built-ins that it has replaced',
  never: 'No',
}

/** Who is signed in: the claims say so, and nothing else of the tokens is in sight. */
export function wordsOfPerson({ state, claims }) {
  if (state === 'unknown') return 'It is not known who is signed in'
  if (claims === undefined) return 'Nobody is signed in'
  return `${claims.name ?? claims.preferred_username ?? claims.sub} is signed in`
}

/** Decides by the code, never by a message. */
export function wordsOfError(error) {
  if (error.code !== undefined) return ERRORS[error.code] ?? `That did not work: ${error.code}.`
  return 'The API cannot be reached: network, CORS, or VITE_CSP_API.'
}

export function wordsOfAnswer(status) {
  if (status === 401) return 'The API refused the token (401): compare VITE_AUDIENCE.'
  if (status === 403) return 'The API refused the call (403): compare VITE_SCOPE.'
  return `The API answered ${status}.`
}

/** What is left of the access token, and what comes then. */
export function wordsOfAccess({ state, reason, accessTokenExpiresAt, notStored }) {
  if (state === 'unknown') return 'Load the page again in a moment.'
  if (state === 'signed_out') return SIGNED_OUT[reason] ?? 'Sign in to see your orders.'
  if (state === 'renewing') return 'The access token is over. The next call renews it.'
  if (state === 'expired') return 'The access token is over and cannot be renewed.'
  const end =
    accessTokenExpiresAt === undefined ? 'is good' : `ends in ${span(accessTokenExpiresAt)}`
  const place = notStored === undefined ? '' : ` It is in memory alone: ${notStored}.`
  return `The access token ${end}.${place}`
}

export function wordsOfTraits(traits) {
  const yes = (is) => (is ? 'Yes' : 'No')
  return [
    ['Place', PLACES[traits.place]],
    ['A hostile script can read them', READABLE[traits.readableByScript]],
    ['The browser sends them by itself', yes(traits.sentByBrowser)],
    ['They survive a reload', yes(traits.survivesReload)],
    ['… closing the tab', yes(traits.survivesTabClose)],
    ['… closing the browser', yes(traits.survivesBrowserClose)],
    ['Shared by all tabs', yes(traits.sharedWithTabs)],
    ['Shared with subdomains', yes(traits.sharedWithSubdomains)],
    [
      'Room',
      traits.maxBytes === undefined ? 'No limit' : `${traits.maxBytes.toLocaleString()} bytes`,
    ],
  ]
}

function span(endMs) {
  const seconds = Math.max(0, Math.round((endMs - Date.now()) / 1000))
  const minutes = Math.floor(seconds / 60)
  const rest = `${seconds % 60}\u00a0s`
  return minutes === 0 ? rest : `${minutes}\u00a0min ${rest}`
}
