import type { IncomingMessage, ServerResponse } from 'node:http'
import { ConfigError, type GatewayConfig } from './config.ts'
import { createStaticFiles, type StaticFiles } from './static-files.ts'

/** Answers the static pages of a folder, whose files are listed once at start. */
export type PageHandler = (request: IncomingMessage, response: ServerResponse) => void

/** Makes the handler for a static folder, with headers that keep its pages from being framed or sniffed. */
export function createPages(config: GatewayConfig): PageHandler {
  const { directory } = config.pages ?? {}
  const headers = pageHeaders(config)
  const notFound = (response: ServerResponse): void => {
    response.writeHead(404, {
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
    })
    response.end('Nothing is here.\n')
  }
  if (directory === undefined) return (_request, response) => notFound(response)
  const serve = openFolder(directory, headers)
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' })
      response.end()
      return
    }
    serve(request, response).then(
      (found) => found || notFound(response),
      () => response.destroy(),
    )
  }
}

// No string becomes script or markup: it must come out of a policy of the app's own.
const TRUSTED_TYPES = "require-trusted-types-for 'script'"

function openFolder(directory: string, headers: ReturnType<typeof pageHeaders>): StaticFiles {
  try {
    return createStaticFiles(directory, headers)
  } catch {
    throw new ConfigError([`pages.directory: ${directory} cannot be read: is it a folder?`])
  }
}

function pageHeaders({
  origin,
  provider: { issuer },
  pages: { contentSecurityPolicy, trustedTypes = 'report' } = {},
}: GatewayConfig): readonly (readonly [string, string])[] {
  const { protocol, hostname } = new URL(origin)
  const policy = [
    "default-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    // Signing out is a form that ends at the provider; browsers hold the redirect to this list too.
    `form-action 'self' ${new URL(issuer).origin}`,
    "frame-ancestors 'none'",
    ...(trustedTypes === 'enforce' ? [TRUSTED_TYPES] : []),
  ].join('; ')
  const headers: (readonly [string, string])[] = [
    ['content-security-policy', contentSecurityPolicy ?? policy],
    ['x-content-type-options', 'nosniff'],
    ['x-frame-options', 'DENY'],
    // Under no-referrer browsers post `Origin: null`, and the guard refuses that.
    ['referrer-policy', 'same-origin'],
    ['cross-origin-opener-policy', 'same-origin'],
    ['cross-origin-resource-policy', 'same-origin'],
    ['cache-control', 'no-cache'],
  ]
  // What an app would have to change is told in its console, and nothing breaks.
  if (trustedTypes === 'report')
    headers.push(['content-security-policy-report-only', TRUSTED_TYPES])
  const loopback =
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname)
  if (protocol === 'https:' && !loopback)
    headers.push(['strict-transport-security', 'max-age=31536000'])
  return headers
}
