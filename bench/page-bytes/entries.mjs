// @ts-check
// What a page or its worker can load of ours, and how much it may weigh.

/**
 * @typedef {{ what: string, code: string, maxBytes: number, counts: 'start' | 'all' }} Entry
 * @type {readonly Entry[]}
 */
export const ENTRIES = [
  {
    what: 'session-client',
    code: "export { createSessionClient } from 'coatcheck/session-client'",
    maxBytes: 2048,
    counts: 'all',
  },
  {
    what: 'session-client, with a warning before the end',
    code: "export { createSessionClient, warnBeforeEnd } from 'coatcheck/session-client'",
    maxBytes: 2432,
    counts: 'all',
  },
  {
    what: 'tokens (verifier, key set)',
    code: "export { createVerifier, createRemoteKeySet } from 'coatcheck/tokens'",
    maxBytes: 7168,
    counts: 'all',
  },
  {
    what: 'token-client, at start (without verifier)',
    code: "export { createTokenClient } from 'coatcheck/token-client'",
    maxBytes: 5120,
    counts: 'start',
  },
  {
    what: 'token-client, with verifier',
    code: "export { createTokenClient } from 'coatcheck/token-client'",
    maxBytes: 12_288,
    counts: 'all',
  },
  {
    what: "token-worker, the worker's file",
    code: "import { startTokenWorker } from 'coatcheck/token-worker'; startTokenWorker(SETTINGS)",
    maxBytes: 12_288,
    counts: 'all',
  },
]

/** What each choice adds to the token client. */
export const CHOICES = [
  { what: 'sessionStorageStore', from: 'coatcheck/token-session-storage' },
  { what: 'localStorageStore', from: 'coatcheck/token-local-storage' },
  { what: 'scriptCookieStore', from: 'coatcheck/token-script-cookie' },
  { what: 'workerStore', from: 'coatcheck/token-worker-store' },
  { what: 'dpopKeys', from: 'coatcheck/token-dpop' },
]
