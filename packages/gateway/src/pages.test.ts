import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GatewayConfig } from './config.ts'
import { createPages } from './pages.ts'

let folder: string
let server: Server
let base: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-pages-'))
  mkdirSync(join(folder, 'account'))
  mkdirSync(join(folder, '.git'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html>front')
  writeFileSync(join(folder, 'account/index.html'), 'account')
  writeFileSync(join(folder, 'app.js'), '0123456789')
  writeFileSync(join(folder, 'gone.txt'), 'soon gone')
  writeFileSync(join(folder, 'empty.txt'), '')
  writeFileSync(join(folder, '.git/config'), 'hidden')
  writeFileSync(join(folder, 'large.bin'), Buffer.alloc(8 * 1024 * 1024))
  server = createServer(createPages(configWith({ directory: folder }))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
  rmSync(folder, { recursive: true })
})

function configWith(pages: GatewayConfig['pages']): GatewayConfig {
  return {
    origin: 'http://localhost',
    provider: { issuer: 'https://idp.test', clientId: 'app', clientSecretEnv: 'X' },
    ring: { file: 'ring.json' },
    pages,
  }
}

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(base + path, { headers })

describe('static pages', () => {
  it.each([
    [undefined, 'no', 'yes'],
    ['report', 'no', 'yes'],
    ['enforce', 'yes', 'no'],
    ['off', 'no', 'no'],
  ] as const)('T-OPS-02 with Trusted Types %s demand them: %s; only tell: %s', async (...row) => {
    const [trustedTypes, demanded, told] = row
    const pages = { directory: folder, ...(trustedTypes === undefined ? {} : { trustedTypes }) }
    const other = createServer(createPages(configWith(pages))).listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { headers } = await fetch(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`)
    other.close()
    const has = (name: string) =>
      headers.get(name)?.includes("require-trusted-types-for 'script'") === true ? 'yes' : 'no'
    expect(has('content-security-policy')).toBe(demanded)
    expect(has('content-security-policy-report-only')).toBe(told)
  })

  it('finds a file, its index and its short name, and nothing hidden', async () => {
    for (const [path, text] of [
      ['/', '<!doctype html>front'],
      ['/index', '<!doctype html>front'],
      ['/account', 'account'],
      ['/account/', 'account'],
      ['/app.js', '0123456789'],
      ['/empty.txt', ''],
    ] as const) {
      const answer = await get(path)
      expect(answer.status, path).toBe(200)
      expect(await answer.text(), path).toBe(text)
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    }
    for (const path of ['/.git/config', '/nothing', '/__proto__', '/account/../.git/config']) {
      expect((await get(path)).status, path).toBe(404)
    }
  })

  it('bears ranges that make no sense', async () => {
    for (const range of ['bytes=5-2', 'bytes=-', 'bytes=a-b', 'bytes=1-2,4-5', 'x', 'bytes=--1']) {
      const answer = await get('/app.js', { range })
      expect(answer.status, range).toBe(200)
      expect(await answer.text()).toBe('0123456789')
    }
    expect((await get('/app.js', { range: 'bytes=10-' })).status).toBe(416)
    expect((await get('/app.js', { range: 'bytes=-0' })).status).toBe(416)
    expect((await get('/empty.txt', { range: 'bytes=0-0' })).status).toBe(416)
    const some = await get('/app.js', { range: 'bytes=2-4' })
    expect([some.status, await some.text()]).toEqual([206, '234'])
    expect(some.headers.get('content-range')).toBe('bytes 2-4/10')
    const last = await get('/app.js', { range: 'bytes=-3' })
    expect([last.status, await last.text()]).toEqual([206, '789'])
  })

  it('bears a file that has gone since the start', async () => {
    rmSync(join(folder, 'gone.txt'))
    expect((await get('/gone.txt')).status).toBe(404)
    expect((await get('/')).status).toBe(200)
  })

  it('says not modified, and refuses to be written to', async () => {
    const etag = (await get('/app.js')).headers.get('etag') ?? ''
    const options = { method: 'GET', headers: { 'if-none-match': etag } }
    const answer = await new Promise<number | undefined>((resolve) => {
      request(`${base}/app.js`, options, (got) => resolve(got.resume().statusCode)).end()
    })
    expect(answer).toBe(304)
    expect((await fetch(`${base}/`, { method: 'POST', body: 'x' })).status).toBe(405)
    const head = await fetch(`${base}/app.js`, { method: 'HEAD' })
    expect(head.headers.get('content-length')).toBe('10')
  })

  it.runIf(process.platform === 'linux')('closes the file of a client that leaves', async () => {
    for (let count = 0; count < 20; count += 1) {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
      socket.write('GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n')
      await once(socket, 'data')
      socket.destroy()
    }
    await expect.poll(openFiles).toBe(0)
  })
})

function openFiles(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).endsWith('large.bin')
    } catch {
      return false
    }
  }).length
}
