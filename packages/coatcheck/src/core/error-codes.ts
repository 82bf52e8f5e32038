/** What is known of a code. */
export interface ErrorEntry {
  /** The HTTP status that an answer about this error carries. */
  readonly status: number
  /** What it is, in one line. */
  readonly title: string
  /** What to do about it. */
  readonly remedy: string
}

/** Every code that the library can answer, throw or log. Codes are API: they are added, never renamed. */
export const ERROR_CODES = {
  // set-up
  invalid_configuration: {
    status: 500,
    title: 'The configuration has faults',
    remedy: 'Correct every line that the message lists; it names path, value and remedy.',
  },
  cookie_too_large: {
    status: 500,
    title: 'The session does not fit into the cookies that browsers and servers take',
    remedy:
      'Keep sessions in a store (kind: ticket, or overflow: store), ask the provider for fewer claims, or set fewer cookies on this site.',
  },
  sessions_not_listed: {
    status: 501,
    title: 'Sessions that lie in cookies are not listed and not ended from elsewhere',
    remedy: 'Keep sessions in a store (kind: ticket) to list them and to sign out everywhere.',
  },
  wrong_use: {
    status: 500,
    title: 'The library was called in a way that it does not support',
    remedy: 'The message names the call and what it expects.',
  },

  // tokens
  token_malformed: {
    status: 401,
    title: 'The token is not a compact JWS',
    remedy: 'Hand over the token exactly as the issuer made it.',
  },
  token_too_large: {
    status: 401,
    title: 'The token is over the size limit',
    remedy: 'A token may have 16 KB; ask the issuer for fewer claims.',
  },
  token_algorithm_refused: {
    status: 401,
    title: 'The algorithm of the token is not allowed',
    remedy:
      'Allow the algorithm by name in the options of the verifier, if the issuer really uses it.',
  },
  token_header_refused: {
    status: 401,
    title: 'The header of the token asks for something that is refused',
    remedy: 'crit, b64, zip and doubled members are not supported.',
  },
  token_type_refused: {
    status: 401,
    title: 'The token is of another kind',
    remedy: 'Use the verifier that was made for this kind of token.',
  },
  token_key_unknown: {
    status: 401,
    title: 'No key of the issuer fits the token',
    remedy: 'The token comes from another issuer, or its key was withdrawn.',
  },
  token_signature_invalid: {
    status: 401,
    title: 'The signature of the token does not verify',
    remedy: 'Refuse the token: it was changed, or made by somebody else.',
  },
  token_claims_malformed: {
    status: 401,
    title: 'The claims of the token are not well-formed',
    remedy:
      'The payload must be one JSON object with claims of the types that RFC 7519 gives them.',
  },
  token_issuer_mismatch: {
    status: 401,
    title: 'The token comes from another issuer',
    remedy: 'Compare iss with the configured issuer: every character counts.',
  },
  token_audience_mismatch: {
    status: 401,
    title: 'The token is meant for somebody else',
    remedy: 'Compare aud and azp with the configured audience.',
  },
  token_expired: {
    status: 401,
    title: 'The token has expired',
    remedy: 'Renew it; if it is new, compare the clocks of both machines.',
  },
  token_not_yet_valid: {
    status: 401,
    title: 'The token is not valid yet',
    remedy: 'Compare the clocks of both machines, or raise clockToleranceSeconds.',
  },
  token_claim_missing: {
    status: 401,
    title: 'A required claim is missing',
    remedy: 'The message names the claim.',
  },
  token_nonce_mismatch: {
    status: 401,
    title: 'The nonce is not the one of this sign-in',
    remedy: 'Start the sign-in again.',
  },
  token_hash_mismatch: {
    status: 401,
    title: 'The access token is not the one that the ID token was made for',
    remedy: 'Refuse both: they come from different answers.',
  },
  token_subject_mismatch: {
    status: 401,
    title: 'The tokens are about different subjects',
    remedy: 'Refuse the set.',
  },
  token_too_old: {
    status: 401,
    title: 'The sign-in behind the token is older than allowed',
    remedy: 'Ask the user to sign in again.',
  },
  token_unverified: {
    status: 500,
    title: 'A value that was never verified was handed over',
    remedy: 'Only what a verifier returned is accepted; a cast or a copy is not.',
  },
  key_set_unavailable: {
    status: 503,
    title: 'The keys of the issuer cannot be fetched',
    remedy: 'Check that the issuer answers at its jwks_uri.',
  },
  key_set_invalid: {
    status: 503,
    title: 'The key set of the issuer is not well-formed',
    remedy: 'Check what the issuer answers at its jwks_uri.',
  },

  // provider and sign-in
  provider_unavailable: {
    status: 503,
    title: 'The OpenID provider cannot be reached',
    remedy: 'Try again; if it lasts, check the issuer address and the network.',
  },
  provider_metadata_invalid: {
    status: 503,
    title: 'The metadata of the provider is not acceptable',
    remedy:
      'Compare the issuer with what it answers at /.well-known/openid-configuration; where its endpoints lie at hosts of your own network, list them (endpointHosts).',
  },
  provider_refused: {
    status: 502,
    title: 'The provider refused the request',
    remedy:
      'The log has the error code of the provider; check client id, secret and redirect address.',
  },
  provider_response_invalid: {
    status: 502,
    title: 'The answer of the provider is not acceptable',
    remedy: 'The log has the reason.',
  },
  sign_in_expired: {
    status: 400,
    title: 'This sign-in took too long or was used already',
    remedy: 'Start the sign-in again.',
  },
  sign_in_unknown: {
    status: 400,
    title: 'This sign-in was not started in this browser',
    remedy:
      'Start it again; if it repeats, the cookie is lost on the way: plain http, a proxy that drops Set-Cookie, or another host name.',
  },
  sign_in_refused: {
    status: 403,
    title: 'The provider did not sign you in',
    remedy: 'Start the sign-in again, or ask the operator.',
  },
  sign_in_required: {
    status: 401,
    title: 'Nobody is signed in',
    remedy: 'Sign in at /auth/sign-in.',
  },
  hand_off_refused: {
    status: 403,
    title: 'The other site of a hand-off is not one that this site knows',
    remedy:
      'Name both sites to each other (handOff.to, handOff.from) by their exact origins, with one ring that both have, in the same version; and see whether their clocks agree.',
  },
  hand_off_code_refused: {
    status: 403,
    title: 'The hand-off came too late, was used before, or was meant for another browser or site',
    remedy: 'Start it again; a code is good once and for half a minute.',
  },
  hand_off_subject_differs: {
    status: 403,
    title: 'Another person is signed in at the provider than at the site that handed over',
    remedy:
      'Sign out at the provider, or sign in here without a hand-off. If it is always so: the provider names a person differently to each client (pairwise subjects), and nobody can be handed over.',
  },
  hand_off_unavailable: {
    status: 503,
    title: 'The other site did not answer',
    remedy: 'Try again, or sign in here directly; see whether both servers reach each other.',
  },
  return_address_refused: {
    status: 400,
    title: 'The return address is not one of this site',
    remedy: 'Give a path that begins with one slash.',
  },

  // sessions
  signed_out: { status: 401, title: 'There is no session', remedy: 'Sign in at /auth/sign-in.' },
  access_token_expired: {
    status: 401,
    title: 'The access token is over and cannot be renewed',
    remedy: 'Sign in again; the session itself goes on.',
  },
  renewal_unavailable: {
    status: 503,
    title: 'The access token cannot be renewed at the moment',
    remedy: 'Try again after the time in Retry-After.',
  },
  store_unavailable: {
    status: 503,
    title: 'The session store does not answer',
    remedy: 'Try again after the time in Retry-After; nobody was signed out.',
  },
  seal_refused: {
    status: 401,
    title: 'A sealed value cannot be opened',
    remedy: 'It was changed, belongs elsewhere, or its key was retired.',
  },
  key_ring_invalid: {
    status: 500,
    title: 'The key ring is not usable',
    remedy: 'Correct it, or make one with `coatcheck keys new FILE`.',
  },
  key_not_due: {
    status: 409,
    title: 'It is too early for this step of a key rotation',
    remedy: 'Wait until the time in the message: until then somebody would be signed out.',
  },

  // a page's own tokens
  api_address_refused: {
    status: 500,
    title: 'The address is not one that tokens are sent to',
    remedy: 'List it in `apis` (https, by origin and path), or call it with the plain fetch.',
  },
  api_redirect_refused: {
    status: 502,
    title: 'The API answered with a redirect, and a token is not taken on',
    remedy: 'Call the address that it leads to, if that is one of `apis`.',
  },
  signed_in_as_another: {
    status: 409,
    title: 'Somebody else has signed in in another tab',
    remedy: 'Show the page anew for the person that the state names, and call again.',
  },
  token_store_too_small: {
    status: 500,
    title: 'The tokens do not fit into the place where they are to be kept',
    remedy: 'Ask the provider for fewer claims, or choose another store.',
  },
  worker_unavailable: {
    status: 500,
    title: 'The worker that keeps the tokens did not start',
    remedy:
      "See whether its file is served as JavaScript, and whether the page's policy allows it (worker-src; under Trusted Types its address must be a TrustedScriptURL).",
  },
  database_unavailable: {
    status: 500,
    title: 'The browser keeps no database for this page',
    remedy:
      'Open the page in a window of its own with site data allowed. Without it tokens in a place that tabs share are not renewed, and there is no DPoP.',
  },
  sign_in_unavailable: {
    status: 500,
    title: 'The browser keeps nothing for this page, so no sign-in can come back to it',
    remedy: 'Open the page in a window of its own, with cookies and site data allowed.',
  },

  // guard
  cross_site_refused: {
    status: 403,
    title: 'The request comes from another site',
    remedy:
      'Send it from a page of this origin, or list the origin of a page of the same site: allowedOrigins.',
  },
  origin_evidence_missing: {
    status: 403,
    title: 'The request does not say where it comes from',
    remedy: 'Send Origin, Sec-Fetch-Site or Referer.',
  },
  header_required: {
    status: 403,
    title: 'The header x-coatcheck is missing',
    remedy:
      'Send `x-coatcheck: 1` with every API call; no other site can. A form brings coatcheck-form instead, a download or an image a link of ours.',
  },
  selection_refused: {
    status: 400,
    title: 'Which sessions to end was not said clearly',
    remedy: 'Say one of session=SHORT_ID, others or all in the query.',
  },
  too_many_streams: {
    status: 429,
    title: 'Too many event streams are open',
    remedy: 'Open one a browser: the session client does, under a Web Lock.',
  },
  destination_refused: {
    status: 403,
    title: 'An API answer is not shown as a page, frame, script or worker',
    remedy: 'Call it with fetch, or list the route as a download.',
  },
  host_refused: {
    status: 421,
    title: 'This host is not served here',
    remedy: 'Use the configured origin.',
  },
  method_refused: {
    status: 405,
    title: 'This method is not allowed here',
    remedy: 'Use a method from the Allow header.',
  },

  // proxy
  route_unknown: {
    status: 404,
    title: 'Nothing is served at this address',
    remedy: 'Check the path.',
  },
  form_token_refused: {
    status: 403,
    title: 'The token of the form is not one of this session',
    remedy:
      'Put counter.formToken(session), or formToken of GET /auth/session?form-token, into the action of the form as coatcheck-form, or into the header x-coatcheck-form. After a sign-in the page must be loaded anew.',
  },
  link_refused: {
    status: 403,
    title: 'The link was made for another session, method or address',
    remedy: 'Ask for a new one: counter.link(session, address), or POST /auth/link?for=ADDRESS.',
  },
  link_over: {
    status: 403,
    title: 'The link is over, or was used as often as it may be',
    remedy: 'Ask for a new one, with more seconds or uses if one is not enough.',
  },
  https_required: {
    status: 403,
    title: 'This site is served over https alone',
    remedy:
      'Send the request to the https address. A page that is asked for over http is led there.',
  },
  version_refused: {
    status: 505,
    title: 'This is no version of HTTP that is spoken here',
    remedy: 'Requests are HTTP/1.0 or HTTP/1.1.',
  },
  path_refused: {
    status: 400,
    title: 'The path is ambiguous',
    remedy: 'Encoded slashes, dot segments, backslashes and control characters are refused.',
  },
  request_too_large: {
    status: 413,
    title: 'The request is over the size limit',
    remedy: 'Send less, or raise the limit of the route.',
  },
  upstream_unavailable: {
    status: 502,
    title: 'The upstream does not answer',
    remedy: 'Check that it runs and can be reached.',
  },
  upstream_timeout: {
    status: 504,
    title: 'The upstream took too long',
    remedy: 'Check it, or raise the time limit of the route.',
  },
  internal_error: {
    status: 500,
    title: 'Something went wrong inside',
    remedy: 'The log has the code under the same request id.',
  },

  // DPoP
  token_dpop_missing: {
    status: 401,
    title: 'There is no DPoP proof',
    remedy: 'Send one DPoP header with every request, made anew for each (RFC 9449, 7.1).',
  },
  token_dpop_malformed: {
    status: 401,
    title: 'The DPoP proof is not well-formed',
    remedy:
      'Send one DPoP header with one compact JWS and the claims jti, htm, htu and iat; crit, b64, zip and doubled members are refused.',
  },
  token_dpop_type_refused: {
    status: 401,
    title: 'The DPoP proof is of another kind',
    remedy: 'The typ of its header must be dpop+jwt.',
  },
  token_dpop_algorithm_refused: {
    status: 401,
    title: 'The algorithm of the DPoP proof is not allowed',
    remedy: 'Sign with one of the algorithms of the verifier; symmetric ones and none never are.',
  },
  token_dpop_key_refused: {
    status: 401,
    title: 'The key in the DPoP proof is not acceptable',
    remedy: 'The header must hold the public key as jwk, fit for its alg, without private members.',
  },
  token_dpop_signature_invalid: {
    status: 401,
    title: 'The signature of the DPoP proof does not verify',
    remedy: 'Refuse the request: the proof was changed, or made by somebody without the key.',
  },
  token_dpop_request_mismatch: {
    status: 401,
    title: 'The DPoP proof was made for another request',
    remedy:
      'Compare htm and htu with method and URL as the client sent them; behind a proxy the URL is the public one.',
  },
  token_dpop_time_refused: {
    status: 401,
    title: 'The DPoP proof is too old, or from the future',
    remedy: 'Make one for each request, and compare the clocks of both machines.',
  },
  token_dpop_nonce_required: {
    status: 401,
    title: 'The DPoP proof has no nonce of this server that is still good',
    remedy:
      'Answer with error="use_dpop_nonce" and a DPoP-Nonce header; the client makes a new proof with it.',
  },
  token_dpop_replayed: {
    status: 401,
    title: 'The DPoP proof was used before, or cannot be remembered',
    remedy:
      'Make a new proof for each request, retries included; on the server see whether the memory of proofs is full.',
  },
  token_dpop_token_mismatch: {
    status: 401,
    title: 'The DPoP proof was made for another access token',
    remedy: 'Its ath must be the hash of the access token that comes with it.',
  },
  token_dpop_binding_mismatch: {
    status: 401,
    title: 'The access token is not bound to the key of the DPoP proof',
    remedy:
      'Refuse the request: compare cnf.jkt of the access token with the thumbprint of the key.',
  },
} as const

/** A stable name for what went wrong: decide by it, never by a message. */
export type ErrorCode = keyof typeof ERROR_CODES
