import type { Answer } from '../core/answer.ts'
import { ERROR_CODES, type ErrorCode } from '../core/error-codes.ts'
import { escapeHtml, htmlPage, type InlineScript } from '../core/html-page.ts'

/** Takes the fragment, which no request carries, along into the return address; a test holds the hash. */
export const KEEP_FRAGMENT_SCRIPT: InlineScript = {
  source:
    "if(location.hash)for(const a of document.querySelectorAll('a.action')){const u=new URL(a.href);u.searchParams.set('return',u.searchParams.get('return')+location.hash);a.href=u.href}",
  sha256: 'xOn8z0CObB13Q1UY6EQkOuJrMfS0ESrxMrvmmT7QCeA=',
}

/** How the page signs in. */
export interface SignInPageOptions {
  readonly offersToRemember: boolean
  /** Where its button leads; the way back is added. Default: `/auth/sign-in`. */
  readonly path?: string
}

/**
 * The page for somebody who is signed out and did not ask to sign in: nothing happens before the button is
 * used.
 *
 * @see OWASP ASVS 5.0, 7.6.2
 */
export function signInPage(
  returnTo: string,
  status: number,
  { offersToRemember, path = '/auth/sign-in' }: SignInPageOptions,
): Answer {
  const address = `${path}${path.includes('?') ? '&' : '?'}return=${encodeURIComponent(returnTo)}`
  const stay = offersToRemember
    ? `\n<p><a class="action" href="${escapeHtml(`${address}&remember=1`)}">Sign in and stay signed in</a> on a device of your own.</p>`
    : ''
  return htmlPage({
    status,
    title: 'Sign in to continue',
    body: `<p>You are signed out. After signing in you come back to the page that you asked for.</p>
<p><a class="action" href="${escapeHtml(address)}">Sign in</a></p>${stay}`,
    script: KEEP_FRAGMENT_SCRIPT,
  })
}

/** What an error page adds to the code. */
export interface ErrorPageOptions {
  /** Likely causes, a sentence each. */
  readonly causes?: readonly string[]
  readonly returnTo?: string
  readonly retryAfterSeconds?: number | undefined
  readonly headers?: readonly string[]
}

/** An error told to a person, with its code and a way on. */
export function errorPage(code: ErrorCode, options: ErrorPageOptions = {}): Answer {
  const { status, title, remedy } = ERROR_CODES[code]
  const causes = (options.causes ?? []).map((cause) => `<p>${escapeHtml(cause)}</p>`).join('\n')
  const address = `/auth/sign-in?return=${encodeURIComponent(options.returnTo ?? '/')}`
  const headers = [...(options.headers ?? [])]
  if (status === 503) headers.push('retry-after', String(Math.ceil(options.retryAfterSeconds ?? 5)))
  return htmlPage({
    status,
    title,
    body: `<p>${escapeHtml(remedy)}</p>
${causes}
<p><a class="action" href="${escapeHtml(address)}">Sign in again</a></p>
<p><code>${code}</code></p>`,
    referrerPolicy: 'no-referrer',
    headers,
  })
}

/** All codes with their meaning: where the `type` of a problem leads. */
export function errorCatalogue(): Answer {
  const entries = Object.entries(ERROR_CODES).map(([code, { title, remedy, status }]) => {
    return `<dt id="${code}"><code>${code}</code> (${status}) ${escapeHtml(title)}</dt><dd>${escapeHtml(remedy)}</dd>`
  })
  return htmlPage({ title: 'What the error codes mean', body: `<dl>${entries.join('\n')}</dl>` })
}
