import type { Logger } from 'pino'

/** Whether a store's server answers, as its driver sees it. */
export interface StoreState {
  up(): void
  down(error: unknown): void
}

/** Writes a line when the store goes away and one when it comes back; never what a driver says, which can hold an address with a password. */
export function createStoreState(logger: Logger): StoreState {
  let isUp = true
  return {
    up: () => {
      if (!isUp) logger.info({}, 'store.available')
      isUp = true
    },
    down: (error) => {
      if (isUp)
        logger.warn({ code: 'store_unavailable', cause: codeOf(error) }, 'store.unavailable')
      isUp = false
    },
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^[A-Z0-9_]{1,40}$/.test(code) ? code : 'unknown'
}
