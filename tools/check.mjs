// @ts-check
// All guards, one after another; the first line of each failure says what to do.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './sources.mjs'

const GUARDS = ['layers', 'exports', 'sizes', 'errors-doc', 'snippets', 'compiles']
let failed = 0
for (const guard of GUARDS) {
  const { status } = spawnSync(process.execPath, [join(root, 'tools', `${guard}.mjs`)], {
    stdio: 'inherit',
  })
  if (status !== 0) failed += 1
}
console.log(`guards: ${GUARDS.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
