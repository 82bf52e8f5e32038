import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { openDataFolder, sampleCertificate } from '@coatcheck/dev'
import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/browser.ts'
import { temporaryFolder } from '../support/dev-process.ts'
import { send } from '../support/send.ts'
import { beginSignIn, finishSignIn, type Stack, startStack } from '../support/stack.ts'

const folder = temporaryFolder()
const ALLOWED = ['one.localhost', 'two.localhost']
let stack: Stack
let embedders: Server
let port: number
let browser: Browser
let context: BrowserContext

const at = (host: string): string => `https://${host}:${port}`

beforeAll(async () => {
  const { file } = await sampleCertificate(openDataFolder(folder.path))
  const pem = readFileSync(file)
  embedders = createServer({ key: pem, cert: pem }, (_, response) => {
    response.setHeader('content-type', 'text/html')
    response.end(`<!doctype html><title>embedder</title><iframe src="${stack.origin}/"></iframe>`)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => embedders.once('listening', resolve))
  port = (embedders.address() as AddressInfo).port
  stack = await startStack({
    https: true,
    config: (base) => ({
      ...base,
      cookie: { embedded: true },
      pages: {
        ...base.pages,
        contentSecurityPolicy: `default-src 'self'; frame-ancestors ${ALLOWED.map(at).join(' ')}`,
      },
    }),
  })
  browser = await launchChromium(['--ignore-certificate-errors'])
})
beforeEach(async () => {
  context = await browser.newContext({ ignoreHTTPSErrors: true })
})
afterEach(() => context.close())
afterAll(async () => {
  await browser?.close()
  await stack?.close()
  embedders?.close()
  folder.remove()
})

/** Puts a session into the jar that a host has for frames of ours. */
async function embed(username: string, host: string): Promise<string> {
  const answer = await finishSignIn(await beginSignIn(stack, username))
  const [line = ''] = answer.headers.getSetCookie()
  const [pair = ''] = line.split(';')
  const equals = pair.indexOf('=')
  await context.addCookies([
    {
      ...{ name: pair.slice(0, equals), value: pair.slice(equals + 1) },
      ...{ domain: 'localhost', path: '/', secure: true, httpOnly: true, sameSite: 'None' },
      partitionKey: `https://${host}`,
    },
  ])
  return line
}

/** Who is signed in inside a frame of ours on a host's page. */
async function whoIn(host: string): Promise<string> {
  const page = await context.newPage()
  await page.goto(at(host))
  const frame = page.frames().find((each) => each !== page.mainFrame())
  const who = await frame?.evaluate(async () => {
    const answer = await fetch('/auth/session', { headers: { 'x-coatcheck': '1' } })
    const { claims } = await answer.json()
    return claims === undefined ? 'nobody' : String(claims.name)
  })
  await page.close()
  return who ?? 'no frame'
}

describe('an app in foreign frames', () => {
  it('T-CROSS-02 has a session of its own under each embedder, and none anywhere else', async () => {
    const line = await embed('ada', 'one.localhost')
    expect(line).toMatch(/; Secure; HttpOnly; SameSite=None; Partitioned$/)
    await embed('grace', 'two.localhost')
    expect(await whoIn('one.localhost')).toBe('Ada Lovelace')
    expect(await whoIn('two.localhost')).toBe('Grace Hopper')
    const page = await context.newPage()
    await page.goto(stack.origin)
    expect(
      await page.evaluate(() =>
        fetch('/auth/session', { headers: { 'x-coatcheck': '1' } }).then((answer) => answer.text()),
      ),
    ).toContain('"signed_out"')
  })

  it('T-CROSS-02 T-OPS-02 is framed by those that are listed, and its own forms by nobody', async () => {
    const refused = await whoIn('three.localhost').catch((error: Error) => error.message)
    expect(refused).not.toMatch(/Ada|Grace|nobody/)
    for (const path of ['/auth/sign-in?return=/', '/account/', '/auth/callback?state=x']) {
      const answer = await send(`${stack.origin}${path}`, {
        headers: {
          host: new URL(stack.origin).host,
          'sec-fetch-site': 'cross-site',
          'sec-fetch-mode': 'navigate',
          'sec-fetch-dest': 'document',
        },
      })
      expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    }
  })
})
