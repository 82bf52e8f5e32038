export { createKeyRing, type KeyRing, type Purpose, type RingKey } from './ring/key-ring.ts'
export {
  type GenerateKeyRingOptions,
  generateKeyRing,
  type KeyRingEntry,
  type KeyRingFile,
} from './ring/ring-file.ts'
