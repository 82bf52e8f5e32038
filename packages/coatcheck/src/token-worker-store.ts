export { type WorkerStore, workerStore } from './browser/worker/worker-store.ts'
