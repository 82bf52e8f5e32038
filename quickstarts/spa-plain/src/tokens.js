// Where this page keeps its tokens: the one place that decides it. README.md says what each place costs.
import { createTokenClient, memoryStore } from 'coatcheck/token-client'
// import { sessionStorageStore } from 'coatcheck/token-session-storage'
// import { localStorageStore } from 'coatcheck/token-local-storage'
// import { scriptCookieStore } from 'coatcheck/token-script-cookie'
// import { workerStore } from 'coatcheck/token-worker-store'
import { scope, settings } from './settings.js'

const store = memoryStore()
// const store = sessionStorageStore()
// const store = localStorageStore()
// const store = scriptCookieStore()
// const store = workerStore(() => new Worker(new URL('./tokens.worker.js', import.meta.url), { type: 'module' }))

export const tokens = createTokenClient({ ...settings, scope, store })
