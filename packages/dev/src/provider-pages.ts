import { createHash } from 'node:crypto'

/** What the form for name and password shows. */
export interface LoginPageOptions {
  readonly action: string
  readonly formToken: string
  readonly clientName: string
  /** What was typed before, if it was wrong. */
  readonly username?: string
  readonly failed?: boolean
}

/** What the question for consent shows. */
export interface ConsentPageOptions {
  readonly action: string
  readonly formToken: string
  readonly clientName: string
  readonly scopes: readonly string[]
}

const STYLE = `
:root { color-scheme: light dark; font: 1.0625rem/1.55 system-ui, sans-serif;
  --ground: light-dark(#eef1f0, #121615); --sheet: light-dark(#fff, #1b2120);
  --ink: light-dark(#16201e, #e6ecea); --soft: light-dark(#4c5a56, #a3b1ad);
  --line: light-dark(#8b9893, #5d6a66); --act: light-dark(#0b6b57, #5cc9ae);
  --on-act: light-dark(#fff, #06231c); --alarm: light-dark(#a01c2c, #ff9aa4) }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--ground); color: var(--ink) }
main { width: min(24rem, calc(100vw - 2rem)); margin: 1rem; padding: 2rem; border-radius: 1rem; background: var(--sheet);
  box-shadow: 0 1px 2px #0002, 0 12px 40px #0000001f }
.mark { margin: 0 0 1.25rem; font-size: .8125rem; letter-spacing: .02em; color: var(--soft) }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; line-height: 1.2; letter-spacing: -.01em; text-wrap: balance }
p { margin: .25rem 0 1rem; color: var(--soft); overflow-wrap: anywhere }
label { display: block; margin: 1rem 0 .3rem; font-weight: 600; font-size: .9375rem }
input { width: 100%; padding: .65rem .75rem; font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: .5rem }
button { font: inherit; font-weight: 600; padding: .7rem 1.25rem; border: 1px solid transparent; border-radius: .5rem; cursor: pointer }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.5rem }
.act { flex: 1; background: var(--act); color: var(--on-act) }
.act:hover { filter: brightness(1.08) }
.quiet { background: none; color: inherit; border-color: var(--line) }
:is(input, button):focus-visible { outline: 3px solid var(--act); outline-offset: 2px }
.alarm { margin: 1rem 0 0; color: var(--alarm); font-weight: 600 }
ul { margin: 0; padding-left: 1.25rem }
code { font-size: .875em }
`
const CONFIRM_SCRIPT = "document.querySelector('button[value=yes]').click()"

/**
 * The headers of every page and answer of the provider. It sends `no-referrer`, as many real ones do: a
 * browser that comes back from here looks to the app as if it came from nowhere.
 *
 * @see CSP Level 3; FINDINGS on Sec-Fetch-Site
 */
export function providerHeaders(
  clientOrigins: readonly string[],
): Readonly<Record<string, string>> {
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${sha256(STYLE)}'`,
    `script-src 'sha256-${sha256(CONFIRM_SCRIPT)}'`,
    "base-uri 'none'",
    // Browsers hold the redirects after a form to this list as well, and sign-in ends at the client.
    `form-action 'self' ${clientOrigins.join(' ')}`,
    "frame-ancestors 'none'",
  ].join('; ')
  return {
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  }
}

/** Asks for name and password. */
export function loginPage(options: LoginPageOptions): string {
  const { action, clientName, formToken, failed = false, username = '' } = options
  const described = failed ? ' aria-invalid="true" aria-describedby="failure"' : ''
  const alarm = failed
    ? '<p class="alarm" id="failure" role="alert">User name or password is wrong.</p>'
    : ''
  return page(
    failed ? 'Try again: sign in' : 'Sign in',
    `<h1>Sign in</h1>
<p>to go on to ${escapeHtml(clientName)}</p>
${alarm}
<form method="post" action="${escapeHtml(action)}">
<input type="hidden" name="form_token" value="${escapeHtml(formToken)}">
<label for="username">User name</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="64" value="${escapeHtml(username)}"${failed ? '' : ' autofocus'}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="256"${described}${failed ? ' autofocus' : ''}>
<div class="actions">
<button class="act" name="choice" value="go">Sign in</button>
<button class="quiet" name="choice" value="cancel" formnovalidate>Cancel</button>
</div>
</form>`,
  )
}

/** Asks whether the client may have what it asks for. */
export function consentPage(options: ConsentPageOptions): string {
  const { action, clientName, formToken, scopes } = options
  const items = scopes.map((scope) => `<li><code>${escapeHtml(scope)}</code></li>`).join('\n')
  return page(
    'Allow access',
    `<h1>Allow access?</h1>
<p>${escapeHtml(clientName)} asks for</p>
<ul>${items}</ul>
<form method="post" action="${escapeHtml(action)}">
<input type="hidden" name="form_token" value="${escapeHtml(formToken)}">
<div class="actions">
<button class="act" name="choice" value="go">Allow</button>
<button class="quiet" name="choice" value="cancel">Cancel</button>
</div>
</form>`,
  )
}

/** Asks whether to sign out, or does so at once when it is plain that the user asked for it. */
export function logoutPage(form: string, confirmed: boolean): string {
  return page(
    'Sign out',
    `<h1>Sign out?</h1>
<p>This ends your session at the provider.</p>
${form}
<div class="actions">
<button class="act" form="op.logoutForm" name="logout" value="yes">Sign out</button>
<button class="quiet" form="op.logoutForm">Stay signed in</button>
</div>`,
    confirmed ? CONFIRM_SCRIPT : undefined,
  )
}

/** Says something, and nothing else. */
export function messagePage(title: string, text: string, code?: string): string {
  const codeLine = code === undefined ? '' : `<p><code>${escapeHtml(code)}</code></p>`
  return page(title, `<h1>${escapeHtml(title)}</h1>\n<p>${escapeHtml(text)}</p>\n${codeLine}`)
}

function page(title: string, body: string, script?: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<p class="mark">Sample identity provider</p>
${body}
</main>
${script === undefined ? '' : `<script>${script}</script>`}
</body>
</html>
`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64')
}
