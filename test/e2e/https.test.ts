import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { callApi, launchChromium, signIn, ticketOf } from '../support/browser.ts'
import {
  type DevProcess,
  freePort,
  startDevProcess,
  temporaryFolder,
} from '../support/dev-process.ts'

const data = temporaryFolder()
let port: number
let dev: DevProcess
let browser: Browser

beforeAll(async () => {
  port = await freePort()
  dev = await startDevProcess(data.path, port, ['--https'])
  browser = await launchChromium([`--ignore-certificate-errors-spki-list=${dev.spkiSha256}`])
})
afterAll(async () => {
  await browser?.close()
  await dev?.stop()
  data.remove()
})

describe('the counter over HTTPS in Chromium', () => {
  it('signs in, calls the API, survives a restart, signs out, and is refused', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    expect(dev.origin).toBe(`https://localhost:${port}`)
    await signIn(page, dev)
    expect((await callApi(page)).status).toBe(200)
    await dev.stop()
    dev = await startDevProcess(data.path, port, ['--https'])
    expect((await callApi(page)).status).toBe(200)
    expect(await ticketOf(context)).toBeDefined()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('link', { name: 'Sign in' }).first().waitFor()
    expect(await callApi(page)).toMatchObject({ status: 401, body: { code: 'signed_out' } })
    expect(await ticketOf(context)).toBeUndefined()
    await context.close()
  })

  it('T-OPS-02 sends no HSTS on loopback: other servers share the host', async () => {
    const context = await browser.newContext()
    const answer = await context.newPage().then((page) => page.goto(dev.origin))
    expect(answer?.headers()['strict-transport-security']).toBeUndefined()
    expect(answer?.headers()['content-security-policy']).toContain("frame-ancestors 'none'")
    expect(answer?.headers()['content-security-policy']).toContain(
      `form-action 'self' ${dev.provider}`,
    )
    expect(answer?.headers()['referrer-policy']).toBe('same-origin')
    expect(answer?.headers()['x-content-type-options']).toBe('nosniff')
    await context.close()
  })
})
