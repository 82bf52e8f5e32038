export type { TokenProviderOptions } from './browser/token-client-options.ts'
export { startTokenWorker } from './browser/worker/start-token-worker.ts'
export { allowInsecureHttp } from './core/unsafe.ts'
