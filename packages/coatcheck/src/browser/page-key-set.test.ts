import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keyPair, publicJwk } from '../../../../lab/hostile-tokens/signer.mjs'
import { createPageKeySet } from './page-key-set.ts'

const HEADER = { alg: 'ES256', kid: 'one' } as const
const pair = keyPair('P-256')
let answer: { status: number; body: string }
let asked = 0
const good = JSON.stringify({ keys: [publicJwk(pair, { kid: 'one', alg: 'ES256' })] })
const server = createServer((_, response) => {
  asked += 1
  response.writeHead(answer.status).end(answer.body)
})
let address = ''

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const where = server.address()
  address = `http://127.0.0.1:${typeof where === 'object' && where !== null ? where.port : 0}/`
})
afterAll(() => server.close())

function keySetAt(now: { ms: number }) {
  answer = { status: 200, body: good }
  asked = 0
  return createPageKeySet(address, fetch, () => now.ms)
}

describe('createPageKeySet', () => {
  it('fetches once, whoever asks', async () => {
    const keySet = keySetAt({ ms: 0 })
    await Promise.all([keySet.find(HEADER), keySet.find(HEADER), keySet.find(HEADER)])
    expect(asked).toBe(1)
    expect(await keySet.find(HEADER)).toHaveLength(1)
  })

  it('fetches again for an unknown key, after half a minute', async () => {
    const now = { ms: 0 }
    const keySet = keySetAt(now)
    const other = { alg: 'ES256', kid: 'other' } as const
    await keySet.find(other)
    await keySet.find(other)
    expect(asked).toBe(1)
    now.ms += 30_000
    await keySet.find(other)
    expect(asked).toBe(2)
  })

  it('refreshes whatever the clock says, also one that was set back', async () => {
    const now = { ms: 100_000 }
    const keySet = keySetAt(now)
    await keySet.find(HEADER)
    now.ms -= 90_000
    await keySet.refresh()
    await keySet.refresh()
    expect(asked).toBe(3)
  })

  it.each([
    ['an error', { status: 503, body: '' }, 'key_set_unavailable'],
    ['no JSON', { status: 200, body: 'hello' }, 'key_set_invalid'],
    ['no keys', { status: 200, body: '{"keys":[]}' }, 'key_set_invalid'],
  ])('says that it knows nothing, and asks again: %s', async (_, next, code) => {
    const keySet = keySetAt({ ms: 0 })
    answer = next
    await expect(keySet.find(HEADER)).rejects.toMatchObject({ code })
    answer = { status: 200, body: good }
    await expect(keySet.find(HEADER)).resolves.toHaveLength(1)
  })
})
