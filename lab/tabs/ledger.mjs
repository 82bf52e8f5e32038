// @ts-check
// What the provider's token endpoint saw: which refresh token came how often, and what became of it.

/** @typedef {ReturnType<typeof createLedger>} Ledger */

/** Hooks for the provider, and what they have seen. */
export function createLedger() {
  /** @type {{ refreshToken: string, status: number, at: number, issued?: string }[]} */
  let renewals = []
  /** @type {string[]} */
  const secrets = []
  /** @type {string[]} */
  const refreshTokens = []
  /** @type {import('@coatcheck/dev').TokenFault | undefined} */
  let fault

  return {
    /** @type {import('@coatcheck/dev').TokenHooks} */
    hooks: {
      onTokenRequest: ({ grantType }) => (grantType === 'refresh_token' ? fault : undefined),
      onTokenOutcome: ({ grantType, refreshToken = '', status, issued }) => {
        const { access_token: access, refresh_token: refresh, id_token: id } = issued ?? {}
        for (const each of [access, refresh, id]) if (each !== undefined) secrets.push(each)
        if (refresh !== undefined) refreshTokens.push(refresh)
        if (grantType !== 'refresh_token') return
        const given = refresh === undefined ? {} : { issued: refresh }
        renewals.push({ refreshToken, status, at: Date.now(), ...given })
      },
    },
    /** What goes wrong with each refresh from now on. @param {import('@coatcheck/dev').TokenFault | undefined} next */
    setFault: (next) => {
      fault = next
    },
    /** Every token that was ever given out. */
    secrets,
    refreshTokens,
    renewals: () => renewals,
    renewed: () => renewals.filter(({ status }) => status === 200).length,
    /** How many refresh tokens came more than once. */
    doubled: () => renewals.length - new Set(renewals.map(({ refreshToken }) => refreshToken)).size,
    /** How many came that were good no more. */
    refused: () => renewals.filter(({ status }) => status === 400).length,
    forget: () => {
      renewals = []
    },
  }
}
