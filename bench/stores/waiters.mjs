// @ts-check
// Twenty requests at once on an access token that is due: how long the slowest waits, beside the token call itself.
import { createKeyRing, generateKeyRing } from 'coatcheck/ring'
import { createSessions } from '../../packages/coatcheck/dist/sessions/sessions.js'
import { restoreVerifiedTokenSet } from '../../packages/coatcheck/dist/tokens/restore-verified.js'
import { median } from '../compare.mjs'

const CALL_MS = 150
const REQUESTS = 20
const BINDING = { site: 'https://app.example', issuer: 'https://idp.example', clientId: 'app' }

/**
 * @param {() => import('coatcheck/memory-store').SessionStore} open One store for each process.
 * @param {number} processes
 * @param {number} rounds
 */
export async function measureWaiters(open, processes, rounds) {
  const ring = createKeyRing(generateKeyRing())
  let calls = 0
  let tookMs = 0
  const renew = async () => {
    calls += 1
    const began = performance.now()
    await new Promise((resolve) => setTimeout(resolve, CALL_MS))
    const tokenSet = makeSet(3_600_000)
    tookMs = performance.now() - began
    return { kind: /** @type {const} */ ('renewed'), tokenSet }
  }
  const instances = Array.from({ length: processes }, () =>
    createSessions({ ...BINDING, ring, store: open(), renew }),
  )
  const over = []
  try {
    for (let round = 0; round <= rounds; round += 1) {
      // Over already: nobody goes on with the old one.
      const { ticket } = await /** @type {any} */ (instances[0]).create({ tokenSet: makeSet(-1) })
      const before = calls
      const waits = await Promise.all(
        Array.from({ length: REQUESTS }, async (_, index) => {
          const sessions = /** @type {any} */ (instances[index % processes])
          const began = performance.now()
          const loaded = await sessions.load(ticket)
          const access = await sessions.accessToken(loaded.session)
          if (!access.ok) throw new Error(access.reason)
          return performance.now() - began
        }),
      )
      if (calls - before !== 1) throw new Error(`${calls - before} token calls`)
      // The first round opens connections.
      if (round > 0) over.push(Math.max(...waits) - tookMs)
    }
  } finally {
    for (const sessions of instances) await sessions.close()
  }
  const overMs = median(over)
  return { overMs, ratio: (CALL_MS + overMs) / CALL_MS }
}

/** @param {number} lifeMs */
function makeSet(lifeMs) {
  const now = Date.now()
  return restoreVerifiedTokenSet({
    issuer: BINDING.issuer,
    clientId: BINDING.clientId,
    subject: 'somebody',
    accessToken: `access-${Math.random()}`,
    tokenType: 'Bearer',
    accessTokenKind: 'opaque',
    accessTokenReceivedAt: now - 300_000,
    accessTokenExpiresAt: now + lifeMs,
    refreshToken: `refresh-${Math.random()}`,
    claims: { sub: 'somebody' },
  })
}
