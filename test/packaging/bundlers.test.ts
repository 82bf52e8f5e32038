import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { copyQuickstart, envOf, filesOf } from '../../lab/spa-plain/app.mjs'
import { type PlainSite, startPlainSite } from '../../lab/spa-plain/site.mjs'
import { ensurePeer } from '../../scripts/peers.mjs'
import { launchChromium } from '../support/browser.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const WEBPACK_VERSION = '5.112.2'
const FIRST_INSTALL_MS = 180_000

interface Webpack {
  (options: object, done: (error: Error | null, stats?: WebpackStats) => void): void
  readonly DefinePlugin: new (definitions: Readonly<Record<string, string>>) => object
}
interface WebpackStats {
  hasErrors(): boolean
  hasWarnings(): boolean
  toString(): string
}
type Env = Readonly<Record<string, string>>

// As `npm run build` does: in a process that knows nothing of a test.
function buildWithVite(folder: string): void {
  const { NODE_ENV: _, VITEST: __, ...env } = process.env
  execFileSync(process.execPath, [join(root, 'node_modules/vite/bin/vite.js'), 'build'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

async function buildWithWebpack(folder: string, env: Env): Promise<void> {
  const installed = ensurePeer('webpack', WEBPACK_VERSION)
  if (installed === undefined) throw new Error('webpack is not there: look above.')
  const webpack: Webpack = createRequire(import.meta.url)(installed)
  const definitions = Object.entries(env).map(([name, value]) => {
    return [`import.meta.env.${name}`, JSON.stringify(value)]
  })
  const options = {
    mode: 'production',
    context: folder,
    entry: './src/main.js',
    output: { path: join(folder, 'dist'), publicPath: '/' },
    plugins: [new webpack.DefinePlugin(Object.fromEntries(definitions))],
  }
  await new Promise<void>((resolve, reject) => {
    webpack(options, (error, stats) => {
      const isClean = error === null && !stats?.hasErrors() && !stats?.hasWarnings()
      if (isClean) resolve()
      else reject(error ?? new Error(String(stats)))
    })
  })
  // What a plugin would do: webpack leaves HTML and CSS alone.
  const html = Object.entries(env).reduce(
    (text, [name, value]) => text.replaceAll(`%${name}%`, value),
    readFileSync(join(folder, 'index.html'), 'utf8'),
  )
  writeFileSync(join(folder, 'dist/index.html'), html.replace('/src/main.js', '/main.js'))
  cpSync(join(folder, 'src/style.css'), join(folder, 'dist/src/style.css'))
  cpSync(join(folder, 'public'), join(folder, 'dist'), { recursive: true })
}

const BUNDLERS = [
  { name: 'Vite', build: buildWithVite },
  { name: 'webpack', build: buildWithWebpack },
]

// The worker's file has it, too: a worker goes by its own headers, not by the page's.
function headers({ issuer, api }: { readonly issuer: string; readonly api: string }) {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src ${issuer} ${api}`,
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ]
  return { 'content-security-policy': policy.join('; ') }
}

describe('quickstarts/spa-plain with its tokens in a worker', () => {
  let site: PlainSite
  let browser: Browser

  beforeAll(async () => {
    ensurePeer('webpack', WEBPACK_VERSION)
    site = await startPlainSite({ headers })
    browser = await launchChromium(['--ignore-certificate-errors'])
  }, FIRST_INSTALL_MS)
  afterAll(async () => {
    await browser?.close()
    await site?.close()
  })

  it.each(BUNDLERS)(
    'signs in and shows orders, built by $name, under a strict policy',
    async ({ name, build }) => {
      const folder = join(site.folder, name)
      const env = envOf(site)
      copyQuickstart(folder, 'worker', env)
      await build(folder, env)
      const files = filesOf(join(folder, 'dist'))
      site.serve(files)
      const scripts = [...files].filter(([path]) => path.endsWith('.js'))
      for (const [path, text] of scripts) {
        expect(String(text), path).not.toMatch(/blob:|\beval\s*\(|\bnew Function\b/)
      }

      const context = await browser.newContext({ ignoreHTTPSErrors: true })
      const page = await context.newPage()
      const faults: string[] = []
      page.on('pageerror', ({ message }) => faults.push(message))
      // Those of the worker are told here, too.
      page.on('console', (message) => {
        if (/error|warning/.test(message.type())) faults.push(message.text())
      })
      await page.goto(site.origin)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByLabel('User name').fill('ada')
      await page.getByLabel('Password').fill('engine-1843')
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('cell', { name: 'Brass coat hook' }).waitFor()

      expect(await page.getByRole('heading', { name: 'Ada Lovelace is signed in' }).count()).toBe(1)
      expect(page.url()).toBe(`${site.origin}/`)
      // A file of the build, which the server was asked for.
      const [worker, ...others] = page.workers().map((each) => new URL(each.url()))
      expect(others).toEqual([])
      expect(worker?.origin).toBe(site.origin)
      expect(scripts.map(([path]) => path)).toContain(worker?.pathname)
      expect(site.requests).toContainEqual({ path: worker?.pathname, status: 200 })
      expect(faults).toEqual([])
      await context.close()
    },
  )
})
