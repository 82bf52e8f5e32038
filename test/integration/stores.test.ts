import type { GatewayConfig } from '@coatcheck/gateway'
import { afterEach, describe, expect, it } from 'vitest'
import { startPostgres } from '../support/postgres-server.ts'
import { startRedisCluster } from '../support/redis-cluster.ts'
import { startRedisSentinel } from '../support/redis-sentinel.ts'
import { startRedis } from '../support/redis-server.ts'
import { apiCall, type Stack, signInOverHttp, startStack } from '../support/stack.ts'

type StoreConfig = NonNullable<NonNullable<GatewayConfig['sessions']>['store']>

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function start(store: StoreConfig): Promise<Stack> {
  const stack = await startStack({
    config: (base) => ({ ...base, sessions: { store, storeTimeoutSeconds: 1.5 } }),
  })
  open.push(() => stack.close())
  return stack
}

async function status(stack: Stack, ticket: string): Promise<number> {
  return (await apiCall(stack, ticket, '/api/x')).status
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < 100; round += 1) {
    if (await condition()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('it did not happen')
}

/** Signs in, survives a restart of the gateway, and ends. */
async function works(stack: Stack): Promise<void> {
  const ticket = await signInOverHttp(stack)
  expect(await status(stack, ticket)).toBe(200)
  await stack.restart()
  expect(await status(stack, ticket)).toBe(200)
  const headers = { origin: stack.origin, 'sec-fetch-mode': 'cors' }
  const end = await apiCall(stack, ticket, '/auth/sessions/end?all', { method: 'POST', headers })
  expect(await end.json()).toEqual({ ended: 1 })
  expect(await status(stack, ticket)).toBe(401)
}

/** 503 while the server is away, never 401; and the same session again afterwards, without a restart. */
async function bearsAnOutage(
  stack: Stack,
  stop: () => Promise<void>,
  start: () => Promise<void>,
): Promise<void> {
  const ticket = await signInOverHttp(stack)
  expect(await status(stack, ticket)).toBe(200)
  await stop()
  for (let round = 0; round < 3; round += 1) {
    const answer = await apiCall(stack, ticket, '/api/x')
    expect([answer.status, (await answer.json()).code]).toEqual([503, 'store_unavailable'])
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(answer.headers.getSetCookie()).toEqual([])
  }
  await start()
  await until(async () => (await status(stack, ticket)) === 200)
}

describe('a gateway on Redis', () => {
  it('keeps sessions over its own restart', async () => {
    const redis = await startRedis()
    open.push(() => redis.close())
    const stack = await start({ kind: 'redis', url: `redis://127.0.0.1:${redis.port}` })
    await works(stack)
  })

  it('T-RENEW-04 signs nobody out while the server answers nothing', async () => {
    const redis = await startRedis()
    open.push(() => redis.close())
    const stack = await start({ kind: 'redis', url: redis.url })
    await bearsAnOutage(
      stack,
      async () => redis.pause(),
      async () => redis.resume(),
    )
  })

  it('keeps sessions in a Cluster', async () => {
    const cluster = await startRedisCluster()
    open.push(() => cluster.close())
    const [port] = cluster.ports
    await works(await start({ kind: 'redis', url: `redis://127.0.0.1:${port}`, cluster: true }))
  })

  it('keeps sessions behind Sentinels', async () => {
    const sentinel = await startRedisSentinel()
    open.push(() => sentinel.close())
    const [port] = sentinel.sentinelPorts
    const url = `redis://127.0.0.1:${port}`
    await works(await start({ kind: 'redis', url, sentinel: { masterName: sentinel.name } }))
  })
})

describe('a gateway on PostgreSQL', () => {
  it('keeps sessions over its own restart', async () => {
    const postgres = await startPostgres()
    open.push(() => postgres.close())
    await works(await start({ kind: 'postgres', url: postgres.url }))
  })

  it('T-RENEW-04 signs nobody out while the server restarts', async () => {
    const postgres = await startPostgres()
    open.push(() => postgres.close())
    const stack = await start({ kind: 'postgres', url: postgres.url })
    await bearsAnOutage(
      stack,
      () => postgres.stop(),
      () => postgres.start(),
    )
    const lines = stack.log().split('\n')
    const about = lines.filter((line) => line.includes('"store.'))
    // Once for each change, whatever happened in between.
    expect(about.map((line) => JSON.parse(line).msg)).toEqual([
      'store.unavailable',
      'store.available',
    ])
  })

  it('starts before its server does, and works as soon as that is there', async () => {
    const postgres = await startPostgres()
    open.push(() => postgres.close())
    await postgres.stop()
    const stack = await start({ kind: 'postgres', url: postgres.url })
    expect((await apiCall(stack, '', '/auth/health')).status).toBe(200)
    await postgres.start()
    await until(async () => {
      const health = await apiCall(stack, '', '/auth/health')
      return (await health.json()).store.state === 'ok'
    })
    await works(stack)
  })
})
