// The worker's own file: its configuration is compiled in.
import { startTokenWorker } from 'coatcheck/token-worker'

startTokenWorker(WORKER_SETTINGS)
