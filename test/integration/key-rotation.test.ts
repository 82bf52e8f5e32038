import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describeKeyRing, type KeyStanding } from 'coatcheck/ring'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  apiCall,
  beginSignIn,
  cookiesOf,
  finishSignIn,
  type Stack,
  signInOverHttp,
  startStack,
} from '../support/stack.ts'

const COMMAND = fileURLToPath(new URL('../../packages/gateway/dist/coatcheck.js', import.meta.url))

let stack: Stack
beforeEach(async () => {
  stack = await startStack()
})
afterEach(() => stack.close())

function keys(...given: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { cwd: stack.folder }
    execFile(process.execPath, [COMMAND, 'keys', ...given], options, (error) =>
      error === null ? resolve() : reject(error),
    )
  })
}

function standings(): readonly KeyStanding[] {
  return describeKeyRing(JSON.parse(readFileSync(join(stack.folder, 'ring.json'), 'utf8')))
}

async function reloadedTimes(count: number): Promise<void> {
  const times = () => stack.log().split('"ring.reloaded"').length - 1
  await expect.poll(times, { timeout: 10_000 }).toBe(count)
}

async function statusOf(ticket: string): Promise<number> {
  return (await apiCall(stack, ticket, '/api/x')).status
}

describe('a gateway whose key ring is rotated', () => {
  it('T-OPS-04 keeps sessions and sign-ins under way, until their key is taken away by force', async () => {
    const former = await signInOverHttp(stack)
    const pending = await beginSignIn(stack, 'grace')
    await keys('rotate', 'ring.json')
    await reloadedTimes(1)
    await keys('rotate', 'ring.json', '--now')
    await reloadedTimes(2)
    const answer = await finishSignIn(pending)
    const young = cookiesOf(answer).find((pair) => pair.startsWith(stack.cookieName)) ?? ''
    expect(await statusOf(former)).toBe(200)
    expect(await statusOf(young)).toBe(200)
    await keys('retire', 'ring.json', standings()[0]?.id ?? '', '--force')
    await reloadedTimes(3)
    expect(await statusOf(former)).toBe(401)
    expect(await statusOf(young)).toBe(200)
    expect(await statusOf(await signInOverHttp(stack))).toBe(200)
  })
})
