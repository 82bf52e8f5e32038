export { createKeyRing, type KeyRing, type Purpose, type RingKey } from './ring/key-ring.ts'
export { describeKeyRing, type KeyRole, type KeyStanding } from './ring/key-roles.ts'
export {
  createReloadableKeyRing,
  type ReloadableKeyRing,
  type ReloadableKeyRingOptions,
  type RingEvent,
} from './ring/reloadable-key-ring.ts'
export {
  type GenerateKeyRingOptions,
  generateKeyRing,
  type KeyRingEntry,
  type KeyRingFile,
} from './ring/ring-file.ts'
export {
  addKey,
  forgetKey,
  type PromoteKeyOptions,
  promoteKey,
  type RetireKeyOptions,
  retirableAt,
  retireKey,
} from './ring/rotation.ts'
