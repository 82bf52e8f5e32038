import { connect } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type SampleApi, startSampleApi } from './api.ts'
import { createFormBrowser } from './form-browser.ts'
import { type DevProvider, startDevProvider } from './provider.ts'
import { signInForTokens, type TokenAnswer } from './sign-in.ts'
import { TEST_USERS } from './users.ts'

const clientOrigin = 'http://localhost:8080'

describe('startSampleApi', () => {
  let provider: DevProvider
  let api: SampleApi
  let tokens: TokenAnswer

  beforeAll(async () => {
    provider = await startDevProvider({ clientOrigin })
    api = await startSampleApi({ issuer: provider.issuer, audience: provider.apiAudience })
    const [ada = { username: '', password: '' }] = TEST_USERS
    tokens = await signInForTokens({ provider, clientOrigin }, createFormBrowser(), ada)
  })
  afterAll(async () => {
    await api.close()
    await provider.close()
  })

  const call = (path: string, init: RequestInit = {}, token = tokens.access_token) =>
    fetch(api.origin + path, { ...init, headers: { authorization: `Bearer ${token}` } })

  it('answers a real access token', async () => {
    const answer = await call('/orders')
    expect(answer.status).toBe(200)
    expect((await answer.json()).orders).toHaveLength(3)
  })

  it('says who calls, and never the token', async () => {
    const text = await (await call('/me')).text()
    expect(JSON.parse(text)).toEqual({
      subject: 'u-ada-1815',
      scopes: ['orders:read', 'orders:write'],
    })
    expect(text).not.toContain(tokens.access_token.slice(0, 20))
  })

  it('takes an order and shows it', async () => {
    const order = { item: 'Umbrella stand', quantity: 1 }
    const placed = await call('/orders', { method: 'POST', body: JSON.stringify(order) })
    expect(placed.status).toBe(201)
    const { orders } = await (await call('/orders')).json()
    expect(orders.at(-1)).toMatchObject(order)
  })

  it.each([
    '',
    '{}',
    '{"item":"x","quantity":0}',
    '{"item":"","quantity":1}',
    '[',
    'x'.repeat(5000),
  ])('refuses an order that is none: %j', async (body) => {
    expect((await call('/orders', { method: 'POST', body })).status).toBe(400)
  })

  it.each([
    ['no header', undefined],
    ['another scheme', 'Basic YWRhOmVuZ2luZQ=='],
    ['garbage', 'Bearer garbage'],
    ['an empty token', 'Bearer '],
  ])('refuses %s', async (_, authorization) => {
    const headers = authorization === undefined ? {} : { authorization }
    const answer = await fetch(`${api.origin}/orders`, { headers })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
  })

  it('refuses the ID token, which is made for somebody else', async () => {
    expect((await call('/orders', {}, tokens.id_token)).status).toBe(401)
  })

  it('refuses a token with a changed signature or changed claims', async () => {
    const [header = '', payload = '', signature = ''] = tokens.access_token.split('.')
    const flipped = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`
    expect((await call('/orders', {}, `${header}.${payload}.${flipped}`)).status).toBe(401)
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const changed = Buffer.from(JSON.stringify({ ...claims, sub: 'u-grace-1906' }))
    const forged = `${header}.${changed.toString('base64url')}.${signature}`
    expect((await call('/orders', {}, forged)).status).toBe(401)
  })

  it('refuses a token that somebody else signed, with the key inside', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const forged = await new SignJWT({ scope: 'orders:read orders:write' })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', jwk: await exportJWK(publicKey) })
      .setIssuer(provider.issuer)
      .setAudience(provider.apiAudience)
      .setSubject('u-ada-1815')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey)
    expect((await call('/orders', {}, forged)).status).toBe(401)
  })

  it('streams exactly as many bytes as were asked for', async () => {
    const answer = await call('/stream?bytes=1000001')
    expect((await answer.arrayBuffer()).byteLength).toBe(1_000_001)
    expect((await call('/stream?bytes=-1')).status).toBe(400)
  })

  it('counts and hashes what is sent', async () => {
    const answer = await call('/echo', { method: 'PUT', body: 'abc' })
    expect(await answer.json()).toEqual({
      bytes: 3,
      method: 'PUT',
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    })
  })

  it('sends events until the reader leaves', async () => {
    const answer = await call('/events')
    const reader = answer.body?.getReader()
    const { value } = (await reader?.read()) ?? {}
    expect(new TextDecoder().decode(value)).toMatch(/^event: tick\ndata: \{"at":\d+\}\n\n/)
    await reader?.cancel()
  })

  it('gives the report as CSV', async () => {
    const answer = await call('/download/report.csv')
    expect(answer.headers.get('content-type')).toContain('text/csv')
    expect(await answer.text()).toMatch(/^id,item,quantity,placed_at\r\n1001,"Brass coat hook",2,/)
  })

  it('echoes over a WebSocket, with a token only', async () => {
    const address = `${api.origin.replace('http', 'ws')}/socket`
    const headers = { authorization: `Bearer ${tokens.access_token}` }
    const socket = new WebSocket(address, { headers })
    const echoed = await new Promise((resolve, reject) => {
      socket.on('open', () => socket.send('hello'))
      socket.on('message', (data) => resolve(String(data)))
      socket.on('error', reject)
    })
    expect(echoed).toBe('hello')
    socket.close()
    expect(await refusal(new WebSocket(address))).toBe('Unexpected server response: 401')
    const foreign = new WebSocket(address, { headers: { ...headers, host: 'rebound.test' } })
    expect(await refusal(foreign)).toBe('Unexpected server response: 421')
  })

  it('answers 421 for another Host, and for two', async () => {
    const { port } = new URL(api.origin)
    const right = `host: 127.0.0.1:${port}\r\n`
    expect(await firstLine(Number(port), 'host: rebound.test\r\n')).toContain(' 421 ')
    expect(await firstLine(Number(port), `host: localhost:${port}\r\n`)).toContain(' 421 ')
    expect(await firstLine(Number(port), `${right}host: evil.test\r\n`)).toMatch(/ 4(00|21) /)
    expect(await firstLine(Number(port), right)).toContain(' 401 ')
  })
})

function refusal(socket: WebSocket): Promise<string> {
  return new Promise((resolve) => {
    socket.on('error', ({ message }) => resolve(message))
    socket.on('open', () => resolve('opened'))
  })
}

function firstLine(port: number, headers: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    socket.setEncoding('utf8')
    socket.on('error', reject)
    socket.once('data', (text: string) => {
      resolve(text.split('\r\n')[0] ?? '')
      socket.destroy()
    })
    socket.write(`GET /orders HTTP/1.1\r\n${headers}\r\n`)
  })
}
