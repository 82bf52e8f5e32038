// The worker's own file: its configuration is compiled in.
import { dpopKeys } from 'coatcheck/token-dpop'
import { startTokenWorker } from 'coatcheck/token-worker'

const { isBound, ...options } = WORKER_SETTINGS
startTokenWorker({ ...options, ...(isBound ? { dpop: dpopKeys() } : {}) })
