import { type Answer, PRIVATE_HEADERS } from './answer.ts'

/** One of our own small pages. */
export interface HtmlPageOptions {
  readonly title: string
  /** Markup of ours: whatever came from a request went through {@link escapeHtml}. */
  readonly body: string
  readonly status?: number
  /** Markup for `<head>`. */
  readonly head?: string
  /** A constant script with its hash for the content security policy. */
  readonly script?: InlineScript
  readonly referrerPolicy?: 'same-origin' | 'no-referrer'
  readonly headers?: readonly string[]
}

/** A script that never varies, so that its hash can stand in the policy. */
export interface InlineScript {
  readonly source: string
  /** base64 of the SHA-256 of `source`. */
  readonly sha256: string
}

/** The look of our own pages; a test holds the hash against it. */
export const PAGE_STYLE: InlineScript = {
  source:
    ':root{color-scheme:light dark;font:1.0625rem/1.55 system-ui,sans-serif}body{margin:0;min-height:100vh;display:grid;place-items:center;background:light-dark(#f4f2ee,#15171a);color:light-dark(#1d1f23,#e9e7e2)}main{max-width:32rem;margin:1.5rem;padding:2rem 2.25rem;border-radius:.75rem;background:light-dark(#fff,#1e2126);box-shadow:0 1px 2px #0002,0 8px 32px #0000001a}h1{font-size:1.375rem;line-height:1.25;margin:0 0 .75rem}p{margin:.75rem 0}a.action{display:inline-block;margin-top:.5rem;padding:.6rem 1.25rem;border-radius:.5rem;background:#1f5fbf;color:#fff;text-decoration:none;font-weight:600}a.action:hover{background:#184c9a}a:focus-visible{outline:3px solid #6aa5ff;outline-offset:2px}code{font-size:.875em;color:light-dark(#5b5f66,#a4a8af)}dt{font-weight:600;margin-top:1rem}dd{margin:.125rem 0 0}',
  sha256: 'D9g038si3tpJQGgx5LHkM48AsU5aNiBl38aU9RQRgTc=',
}

/**
 * A page of ours: no cache, no frame around it, no script or style but the ones named by hash.
 *
 * @see CSP Level 3; OWASP ASVS 5.0, V3.4
 * @example
 * htmlPage({ title: 'Signed out', body: '<p>Good bye.</p>' }).status // 200
 */
export function htmlPage(options: HtmlPageOptions): Answer {
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${PAGE_STYLE.sha256}'`,
    ...(options.script === undefined ? [] : [`script-src 'sha256-${options.script.sha256}'`]),
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
  const headers = [
    'content-type',
    'text/html; charset=utf-8',
    ...PRIVATE_HEADERS,
    'content-security-policy',
    policy,
    'x-frame-options',
    'DENY',
    'referrer-policy',
    options.referrerPolicy ?? 'same-origin',
    'cross-origin-opener-policy',
    'same-origin',
    ...(options.headers ?? []),
  ]
  const script = options.script === undefined ? '' : `<script>${options.script.source}</script>`
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(options.title)}</title>
<style>${PAGE_STYLE.source}</style>
${options.head ?? ''}</head>
<body>
<main>
<h1>${escapeHtml(options.title)}</h1>
${options.body}
</main>
${script}
</body>
</html>
`
  return { status: options.status ?? 200, headers, body }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/**
 * Text for markup and quoted attributes.
 *
 * @example
 * escapeHtml('<b>') // '&lt;b&gt;'
 */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
