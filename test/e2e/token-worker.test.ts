import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isThere, openSpaPage, type SpaPage, signInAs } from '../support/spa-page.ts'

let spa: SpaPage
const inPage = <T>(source: string) => spa.page.evaluate<T>(`(async () => { ${source} })()`)
const address = (path: string) => JSON.stringify(`${spa.site.api.origin}/v1/${path}`)

describe('workerStore', () => {
  beforeAll(async () => {
    spa = await openSpaPage()
    await signInAs(spa.page, spa.url('worker'))
  })
  afterAll(() => spa.close())

  it('hands an answer over part by part, as it is read', async () => {
    const seen = await inPage<{ bytes: number; parts: number }>(`
      const answer = await lab.tokens.fetch(${address('stream?bytes=3000000')})
      const reader = answer.body.getReader()
      let [bytes, parts] = [0, 0]
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return { bytes, parts }
        bytes += value.length
        parts += 1
      }`)
    expect(seen.bytes).toBe(3_000_000)
    expect(seen.parts).toBeGreaterThan(3)
  })

  it('reads no further than the page does', async () => {
    const sent = await inPage<number>(`
      const answer = await lab.tokens.fetch(${address('stream?bytes=200000000')})
      const reader = answer.body.getReader()
      await reader.read()
      await new Promise((resolve) => setTimeout(resolve, 500))
      const { value } = await reader.read()
      await reader.cancel()
      return value.length`)
    expect(sent).toBeLessThan(10_000_000)
  })

  it('is aborted before the answer, and in the middle of it', async () => {
    const names = await inPage<string[]>(`
      const names = []
      // Part by part: of a whole body Chromium tells no more than a TypeError.
      const readAll = async ({ body }) => { for await (const _ of body); }
      for (const ms of [0, 150]) {
        const aborting = new AbortController()
        setTimeout(() => aborting.abort(), ms)
        const nameOf = (error) => error.name
        const answer = lab.tokens.fetch(${address('stream?bytes=100000000')}, { signal: aborting.signal })
        names.push(await answer.then(readAll).then(() => 'done', nameOf))
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
