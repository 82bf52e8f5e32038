import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { isThere, openSpaPage, type SpaPage, signInAs } from '../support/spa-page.ts'

let spa: SpaPage
const inPage = <T>(source: string) => spa.page.evaluate<T>(`(async () => { ${source} })()`)
const address = (path: string) => JSON.stringify(`${spa.site.api.origin}/v1/${path}`)

// How many bytes the API has sent to a request whose address has this in it: it runs in this process.
function watchSent(part: string): () => number {
  let socket: Socket | undefined
  const onRequest = (message: unknown): void => {
    const start = message as { request: IncomingMessage; socket: Socket }
    if (start.request.url?.includes(part)) socket = start.socket
  }
  subscribe('http.server.request.start', onRequest)
  onTestFinished(() => void unsubscribe('http.server.request.start', onRequest))
  return () => socket?.bytesWritten ?? Number.NaN
}

async function settled(count: () => number): Promise<number> {
  for (let last = Number.NaN; ; ) {
    const now = count()
    if (now === last) return now
    last = now
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}

describe('workerStore', () => {
  beforeAll(async () => {
    spa = await openSpaPage()
    await signInAs(spa.page, spa.url('worker'))
  })
  afterAll(() => spa.close())

  it('hands an answer over part by part, as it comes', async () => {
    // This one never ends: whoever waited for the whole of it would read nothing.
    const parts = await inPage<string[]>(`
      const answer = await lab.tokens.fetch(${address('events')})
      const reader = answer.body.getReader()
      const texts = [await reader.read(), await reader.read()].map(({ value }) => value)
      await reader.cancel()
      return texts.map((bytes) => new TextDecoder().decode(bytes))`)
    expect(parts).toEqual([
      expect.stringMatching(/^event: tick/),
      expect.stringMatching(/^event: tick/),
    ])
  })

  it('hands over all of a long answer', async () => {
    const bytes = await inPage<number>(`
      const answer = await lab.tokens.fetch(${address('stream?bytes=3000000')})
      return (await answer.arrayBuffer()).byteLength`)
    expect(bytes).toBe(3_000_000)
  })

  it('reads no further than the page does', async () => {
    const sent = watchSent('bytes=200000000')
    await inPage(`
      const answer = await lab.tokens.fetch(${address('stream?bytes=200000000')})
      globalThis.reader = answer.body.getReader()
      await globalThis.reader.read()`)
    expect(await settled(sent)).toBeLessThan(50_000_000)
    await inPage('await globalThis.reader.cancel()')
  })

  it('is aborted before the answer, and in the middle of it', async () => {
    const names = await inPage<string[]>(`
      const names = []
      for (const abortsAt of ['once', 'a part']) {
        const aborting = new AbortController()
        const { signal } = aborting
        const answer = lab.tokens.fetch(${address('events')}, { signal })
        if (abortsAt === 'once') aborting.abort()
        // Part by part: of a whole body Chromium tells no more than a TypeError.
        const readAll = async ({ body }) => { for await (const _ of body) aborting.abort(); }
        names.push(await answer.then(readAll).then(() => 'done', (error) => error.name))
      }
      return names`)
    expect(names).toEqual(['AbortError', 'AbortError'])
  })

  it.each([
    ['text', "'x'.repeat(70000)", 70_000],
    ['a blob', "new Blob(['x'.repeat(70000)])", 70_000],
    ['bytes', 'new Uint8Array(70000)', 70_000],
  ])('uploads %s', async (_, body, bytes) => {
    const text = await inPage<string>(`
      const answer = await lab.tokens.fetch(${address('echo')}, { method: 'POST', body: ${body} })
      return answer.text()`)
    expect(text).toContain(String(bytes))
  })

  it('gives back status, headers and an answer without body', async () => {
    const seen = await inPage(`
      const answer = await lab.tokens.fetch(${address('nothing')})
      return { status: answer.status, type: answer.headers.get('content-type') }`)
    expect(seen).toEqual({ status: 404, type: 'application/json' })
  })

  it('T-BROWSER-02 holds nothing any more once the person signed out', async () => {
    await spa.page.evaluate('lab.signOut({ provider: false })')
    expect(await spa.page.evaluate("lab.call('orders')")).toEqual({ error: 'signed_out' })
  })
})

describe('a worker of another configuration', () => {
  it.each([
    ['another issuer', { issuer: 'https://127.0.0.1:9' }],
    ['further APIs', { apis: ['https://evil.test/'] }],
    ['another audience', { audience: 'urn:other' }],
  ])('T-BROWSER-02 is a fault, and its own is what counts: %s', async (_, pageSettings) => {
    const here = await openSpaPage({ pageSettings })
    await here.page.goto(here.url('worker'))
    await isThere(here.page)
    expect(await here.page.evaluate('lab.state()')).toEqual({ error: 'invalid_configuration' })
    expect(await here.page.evaluate("lab.call('https://evil.test/')")).toEqual({
      error: expect.stringMatching(/^(?:invalid_configuration|api_address_refused)$/),
    })
    expect(here.requests.filter(({ url }) => /evil\.test|:9\//.test(url))).toEqual([])
    await here.close()
  })

  it('says so when its file is not there', async () => {
    const here = await openSpaPage({ files: { '/worker.js': 'syntax error here' } })
    await here.page.goto(here.url('worker'))
    await isThere(here.page)
    expect(await here.page.evaluate('lab.state()')).toEqual({ error: 'worker_unavailable' })
    await here.close()
  })
})
