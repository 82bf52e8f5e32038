import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { openDataFolder, sampleCertificate } from '@coatcheck/dev'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChromium } from '../support/browser.ts'
import { temporaryFolder } from '../support/dev-process.ts'
import { type Stack, signInOverHttp, startStack } from '../support/stack.ts'

const folder = temporaryFolder()
let stack: Stack
let sibling: Server
let browser: Browser

beforeAll(async () => {
  const { file } = await sampleCertificate(openDataFolder(folder.path))
  const pem = readFileSync(file)
  sibling = createServer({ key: pem, cert: pem }, (request, response) => {
    response.setHeader('set-cookie', 'theirs=1; Secure; Path=/')
    response.end(request.headers.cookie ?? 'none')
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => sibling.once('listening', resolve))
  stack = await startStack({
    https: true,
    config: (base) => ({ ...base, signOut: { clearSiteData: ['cache', 'storage'] } }),
  })
  browser = await launchChromium(['--ignore-certificate-errors'])
})
afterAll(async () => {
  await browser?.close()
  await stack?.close()
  sibling?.close()
  folder.remove()
})

describe('signing out with Clear-Site-Data', () => {
  it('T-LOGOUT-05 empties storage and leaves the cookies of every other app of the host alone', async () => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true })
    const other = `https://localhost:${(sibling.address() as AddressInfo).port}/`
    const page = await context.newPage()
    await page.goto(other)
    const [name = '', value = ''] = (await signInOverHttp(stack)).split('=')
    await context.addCookies([
      ...[{ name, value, url: stack.origin, secure: true, httpOnly: true }].map((cookie) => ({
        ...cookie,
        sameSite: 'Strict' as const,
      })),
    ])
    await page.goto(`${stack.origin}/`)
    const state = () =>
      page.evaluate(() =>
        fetch('/auth/session', { headers: { 'x-coatcheck': '1' } }).then((answer) => answer.text()),
      )
    expect(await state()).toContain('signed_in')
    await page.evaluate(() => localStorage.setItem('draft', 'mine'))
    // The header itself is not shown to scripts.
    await page.evaluate(() =>
      fetch('/auth/sign-out', { method: 'POST', headers: { 'x-coatcheck': '1' } }),
    )
    expect(await state()).toContain('signed_out')
    expect(await page.evaluate(() => localStorage.getItem('draft'))).toBeNull()
    await page.goto(other)
    expect(await page.evaluate(() => document.body.textContent)).toContain('theirs=1')
    await context.close()
  })
})
