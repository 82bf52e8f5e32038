// @ts-check
// Sign-out in the middle of a renewal: the session never comes back, and the provider keeps no live refresh token.
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openDataFolder } from '@coatcheck/dev'
import { createLog, startGateway } from '@coatcheck/gateway'
import { freePort, temporaryFolder } from '../test/support/dev-process.ts'
import { send } from '../test/support/send.ts'
import { signInOverHttp, startStack } from '../test/support/stack.ts'

export const name = 'sign-out'
export const about =
  'two gateways on one SQLite file: one renews, the other signs out 0 to 40 ms later'
export const aim = '0 revived, 0 live refresh tokens'

const ROUNDS = 1000
const ROUNDS_A_SECOND = 8
const WORKERS = 24
// Access tokens live 2 s; in the second half of that they are renewed, after 1.25 s by every session.
const DUE_AFTER_MS = 1300
const SPREAD_MS = 40

/** @param {{ seconds: number, log: (line: string) => void }} options */
export async function run({ seconds, log }) {
  const data = temporaryFolder()
  const providerFolder = openDataFolder(data.path)
  /** @type {string[]} */
  const lines = []
  const stack = await startStack({ accessTokenSeconds: 2, providerFolder })
  const port = await freePort()
  const output = createLog('debug', { write: (line) => void lines.push(line) })
  const other = await startGateway({ ...stack.config, listen: { port } }, output)
  const rounds = seconds >= 30 ? ROUNDS : ROUNDS_A_SECOND * seconds
  const state = { begun: 0, revived: 0, failed: 0 }
  try {
    const addresses = [stack.origin, `http://localhost:${port}`]
    const work = async () => {
      while (state.begun < rounds) {
        state.begun += 1
        if (state.begun % 100 === 0) log(`${state.begun} of ${rounds} rounds`)
        await round(stack, addresses, state)
      }
    }
    await Promise.all(Array.from({ length: WORKERS }, work))
    const live = liveRefreshTokens(join(data.path, 'provider.sqlite'))
    // Without this the look-up would find nothing whatever there is.
    await signInOverHttp(stack)
    const control = liveRefreshTokens(join(data.path, 'provider.sqlite')) - live
    const told = `${stack.log()}${lines.join('')}`
    const discarded = told.split('"session.renewal_discarded"').length - 1
    const row = {
      rounds,
      'signed out while the provider was asked': discarded,
      'renewed before the sign-out': told.split('"session.renewed"').length - 1,
      revived: state.revived,
      'refresh tokens left': live,
      'control: found after a sign-in': control,
    }
    const isProven = discarded > rounds / 20 && control === 1 && state.failed === 0
    return {
      rows: [row],
      figures: [
        {
          name,
          value: `${state.revived} revived, ${live} live refresh tokens, ${rounds} rounds`,
          aim,
          ok: isProven && state.revived === 0 && live === 0,
        },
      ],
    }
  } finally {
    await other.close()
    await stack.close()
    providerFolder.release()
    data.remove()
  }
}

/**
 * @param {import('../test/support/stack.ts').Stack} stack
 * @param {string[]} addresses
 * @param {{ revived: number, failed: number }} state
 */
async function round(stack, addresses, state) {
  const { host } = new URL(stack.origin)
  const ticket = await signInOverHttp(stack)
  const [renewing = '', ending = ''] = Math.random() < 0.5 ? addresses : addresses.toReversed()
  const call = (/** @type {string} */ address) =>
    send(`${address}/api/x`, {
      headers: { host, cookie: ticket, 'x-coatcheck': '1', 'sec-fetch-site': 'same-origin' },
    })
  await pause(DUE_AFTER_MS)
  const asked = call(renewing)
  await pause(Math.random() * SPREAD_MS)
  const headers = { host, cookie: ticket, origin: stack.origin, 'sec-fetch-mode': 'cors' }
  const signOut = await send(`${ending}/auth/sign-out`, { method: 'POST', headers })
  await asked
  if (signOut.status !== 200) state.failed += 1
  for (const address of addresses) if ((await call(address)).status !== 401) state.revived += 1
}

/** @param {string} file */
function liveRefreshTokens(file) {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    const statement = database.prepare(
      "SELECT count(*) AS count FROM records WHERE model = 'RefreshToken' AND consumed_at IS NULL",
    )
    return Number(statement.get()?.count)
  } finally {
    database.close()
  }
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
