// @ts-check
// What became of each session's refresh tokens, as the provider and the gateways tell it.

/** @typedef {{ ticket: string, subject: string, shortId: string, code: string }} StormSession */

/** Keeps the books of a storm. */
export function createLedger() {
  /** @type {Map<string, string>} The session to which a refresh token belongs, by its code. */
  const owners = new Map()
  /** @type {Map<string, string>} Codes whose latest answer was dropped. */
  const dropped = new Map()
  /** @type {Map<string, { reason: string, why: string }>} The latest failure of a session, by its short id. */
  const failures = new Map()
  /** @type {Map<string, string>} Why a session ended, by its short id. */
  const ended = new Map()
  const totals = {
    tokenRequests: 0,
    rotated: 0,
    refused: 0,
    unavailable: 0,
    renewed: 0,
    sentTwice: 0,
  }
  const sent = new Set()

  return {
    totals,
    failures,
    ended,
    dropped,
    /** @param {string} refreshToken */
    ownerOf: (refreshToken) => owners.get(refreshToken),
    /** @param {import('@coatcheck/dev').TokenOutcome} outcome */
    token(outcome) {
      const { grantType, refreshToken = '', issued, status, code = '', fault } = outcome
      const issuedRefreshToken = issued?.refresh_token
      const owner = grantType === 'refresh_token' ? owners.get(refreshToken) : code
      if (issuedRefreshToken !== undefined && owner !== undefined) {
        owners.set(issuedRefreshToken, owner)
      }
      if (grantType !== 'refresh_token') return
      totals.tokenRequests += 1
      if (fault === 'unavailable') totals.unavailable += 1
      else if (issuedRefreshToken !== undefined) totals.rotated += 1
      else if (status === 400) totals.refused += 1
      if (fault === 'unavailable') return
      if (sent.has(refreshToken)) totals.sentTwice += 1
      sent.add(refreshToken)
      if (fault === 'answer_lost' && owner !== undefined) dropped.set(owner, refreshToken)
    },
    /** @param {import('./gateways.mjs').LogLine} line */
    log({ msg, session = '', reason = '', why = '' }) {
      if (msg === 'session.renewed') totals.renewed += 1
      if (msg === 'session.renewal_failed') failures.set(session, { reason, why })
      if (msg === 'session.ended') ended.set(session, reason)
    },
  }
}
