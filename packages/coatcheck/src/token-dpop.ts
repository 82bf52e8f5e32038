export { type DpopKeys, dpopKeys } from './browser/dpop-keys.ts'
