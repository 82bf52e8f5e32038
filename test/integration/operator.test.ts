import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
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
const ADA = 'u-ada-1815'

let stack: Stack
beforeEach(async () => {
  stack = await startStack({ accessTokenSeconds: 2 })
  writeFileSync(join(stack.folder, 'coatcheck.json'), JSON.stringify(stack.config))
})
afterEach(() => stack.close())

function sessions(
  ...given: readonly string[]
): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [COMMAND, 'sessions', ...given],
      { cwd: stack.folder },
      (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }),
    )
  })
}

describe('coatcheck sessions', () => {
  it('lists and ends the sessions of a person in the store of a running gateway', async () => {
    const [one, two, other] = [
      await signInOverHttp(stack),
      await signInOverHttp(stack),
      await signInOverHttp(stack, 'grace'),
    ]
    await new Promise((resolve) => setTimeout(resolve, 1400))
    await apiCall(stack, one, '/api/x')
    const listed = await sessions('list', 'coatcheck.json', ADA, '--json')
    const shown = JSON.parse(listed.out)
    expect(shown).toHaveLength(2)
    expect(shown.flatMap(({ renewals }: { renewals: unknown[] }) => renewals)).toMatchObject([
      { outcome: 'renewed', by: expect.stringContaining(`-${process.pid}`) },
    ])
    const text = await sessions('list', 'coatcheck.json', ADA)
    expect(text.out).toContain('renewed by')
    for (const ticket of [one, two]) {
      expect(text.out + listed.out).not.toContain((ticket.split('=')[1] ?? '').slice(0, 22))
    }
    const [first] = shown
    const ended = await sessions('end', 'coatcheck.json', ADA, '--session', first.session)
    expect(ended.out).toContain('1 session ended.')
    expect((await sessions('end', 'coatcheck.json', ADA)).out).toContain('1 session ended.')
    for (const ticket of [one, two]) {
      expect((await apiCall(stack, ticket, '/api/x')).status).toBe(401)
    }
    expect((await apiCall(stack, other, '/api/x')).status).toBe(200)
    expect((await sessions('list', 'coatcheck.json', ADA)).out).toBe('No session.\n')
  })

  it('lets nothing that a browser said of itself steer a terminal', async () => {
    const pending = await beginSignIn(stack)
    const answer = await finishSignIn(pending, undefined, { 'user-agent': 'Evil\u009b2J/1' })
    expect(cookiesOf(answer).length).toBeGreaterThan(0)
    const { out } = await sessions('list', 'coatcheck.json', ADA)
    expect(out).toContain('Evil')
    expect(out).not.toMatch(/[^\x20-\x7e\n]/)
  })

  it('says what to do where sessions live in memory, and for an unknown file', async () => {
    const config = { ...stack.config, sessions: { store: { kind: 'memory' } } }
    writeFileSync(join(stack.folder, 'memory.json'), JSON.stringify(config))
    const memory = await sessions('list', 'memory.json', ADA)
    expect(memory.code).toBe(1)
    expect(memory.err).toContain('use sqlite, redis or postgres')
    expect((await sessions('list', 'nowhere.json', ADA)).code).toBe(1)
  })
})
