// @ts-check
// Tests compile, with their proofs of what must not; and what pages load compiles without Node's types.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { report, root } from './sources.mjs'

const faults = []
for (const project of ['tsconfig.test.json', 'packages/coatcheck/tsconfig.page-check.json']) {
  const tsc = join(root, 'node_modules/.bin/tsc')
  const { status, stdout } = spawnSync(tsc, ['-p', join(root, project)], { encoding: 'utf8' })
  if (status !== 0) faults.push(...stdout.trim().split('\n').slice(0, 20))
}
report('compiles', faults)
