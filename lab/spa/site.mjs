// @ts-check
// A single-page app over https, its provider and its API, all on this machine: pages that keep their own tokens.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDataFolder, sampleCertificate, startDevProvider, startSampleApi } from '@coatcheck/dev'
import { build } from 'esbuild'
import { freePort, temporaryFolder } from '../../test/support/dev-process.ts'

/** Where a page of the site can keep tokens; each is a path of its own. */
export const PLACES = /** @type {const} */ ([
  'memory',
  'session_storage',
  'local_storage',
  'script_cookie',
  'script_cookie_lasting',
  'script_cookie_shared',
  'worker',
])

const HOST = 'app.example.localhost'
const CLIENT_ID = 'spa'
const SCOPE = 'openid profile orders:read orders:write'

/**
 * @typedef {{
 *   accessTokenSeconds?: number,
 *   dpop?: boolean,
 *   accessTokenFormat?: 'jwt' | 'opaque',
 *   hooks?: import('@coatcheck/dev').TokenHooks,
 *   client?: object,
 *   html?: string,
 *   pageSettings?: object,
 *   files?: Readonly<Record<string, string>>,
 *   connect?: readonly string[],
 *   workerSource?: string,
 * }} SiteOptions
 */

/**
 * `pageSettings` are what the page says otherwise than the worker; `files` are further scripts of the site, by path;
 * `connect` further origins that its pages may ask; `workerSource` the one path that workers may come from. Whatever is put
 * into `scripts` of what it gives back runs in each page before the page's own code. It answers under every name of this
 * machine.
 * @param {SiteOptions} [options]
 */
export async function startSpaSite(options = {}) {
  const { accessTokenSeconds = 300, dpop = false, accessTokenFormat = 'jwt' } = options
  const folder = temporaryFolder()
  const certificate = await sampleCertificate(openDataFolder(join(folder.path, 'tls')))
  const port = await freePort()
  const origin = `https://${HOST}:${port}`
  const provider = await startDevProvider({
    clientOrigin: origin,
    publicClients: [
      { clientId: CLIENT_ID, origin, redirectPaths: PLACES.map((place) => `/${place}/`), dpop },
    ],
    certificate,
    accessTokenSeconds,
    accessTokenFormat,
    ...options.hooks,
  })
  const { issuer, apiAudience: audience } = provider
  const api = await startSampleApi({ issuer, audience, certificate, corsOrigins: [origin] })
  const settings = {
    ...{ issuer, clientId: CLIENT_ID, apis: [`${api.origin}/v1/`], scope: SCOPE },
    ...(accessTokenFormat === 'jwt' ? { audience } : {}),
    ...(dpop ? { isBound: true } : {}),
    ...options.client,
  }
  const pageSettings = { ...settings, ...options.pageSettings }
  const files = await bundle(settings)
  for (const [path, text] of Object.entries(options.files ?? {})) files.set(path, Buffer.from(text))
  const pem = readFileSync(certificate.file)
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    `worker-src ${options.workerSource === undefined ? "'self'" : `${origin}${options.workerSource}`}`,
    ['connect-src', "'self'", issuer, api.origin, ...(options.connect ?? [])].join(' '),
    `form-action ${issuer} ${origin}`,
    "require-trusted-types-for 'script'",
    "base-uri 'none'",
  ].join('; ')
  /** @type {string[]} */
  const requests = []
  /** @type {string[]} */
  const scripts = []
  const server = createServer({ key: pem, cert: pem }, (request, response) => {
    requests.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`)
    response.setHeader('content-security-policy', policy)
    response.setHeader('cache-control', 'no-store')
    const path = new URL(request.url ?? '/', origin).pathname
    const file = files.get(path)
    if (file !== undefined) {
      response.setHeader('content-type', 'text/javascript')
      return void response.end(file)
    }
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(
      path.includes('.') ? '' : pageOf(pageSettings, path, headOf(options.html, scripts)),
    )
  })
  await new Promise((resolve) =>
    server.listen({ port, host: '127.0.0.1' }, () => resolve(undefined)),
  )
  return {
    origin,
    port,
    provider,
    api,
    settings,
    certificate,
    requests,
    scripts,
    policy,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await api.close()
      await provider.close()
      folder.remove()
    },
  }
}

/** @typedef {Awaited<ReturnType<typeof startSpaSite>>} SpaSite */

/**
 * @param {object} settings
 * @param {string} path
 * @param {string} [html]
 */
function pageOf(settings, path, html = '') {
  const json = JSON.stringify(settings).replaceAll('<', '\\u003c')
  return `<!doctype html><meta charset="utf-8"><title>page</title><script type="application/json" id="settings">${json}</script>${html}<script type="module" src="/page.js"></script><a id="tab" href="${path}" target="_blank">a new tab</a> <a id="copy" href="${path}" target="_blank" rel="opener">a tab with a copy</a>`
}

/**
 * @param {string | undefined} html
 * @param {readonly string[]} scripts
 */
function headOf(html = '', scripts) {
  return html + scripts.map((source) => `<script src="${source}"></script>`).join('')
}

/** The page in parts, as it loads them; the worker in one file. @param {object} settings */
async function bundle(settings) {
  /** @satisfies {import('esbuild').BuildOptions} */
  const options = {
    bundle: true,
    minify: true,
    write: /** @type {const} */ (false),
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    outdir: '/',
    define: { WORKER_SETTINGS: JSON.stringify(settings) },
    nodePaths: [fileURLToPath(new URL('../../node_modules', import.meta.url))],
  }
  const built = await Promise.all([
    build({ ...options, entryPoints: { page: inHere('page.mjs') }, splitting: true }),
    build({ ...options, entryPoints: { worker: inHere('worker.mjs') } }),
  ])
  const files = built.flatMap(({ outputFiles }) => outputFiles)
  return new Map(files.map(({ path, contents }) => [path, Buffer.from(contents)]))
}

/** @param {string} file */
function inHere(file) {
  return fileURLToPath(new URL(file, import.meta.url))
}
