// @ts-check
// npm test: sets up what is missing, then runs every check there is. Last line: `N passed, N failed`.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ensureNatives } from './natives.mjs'
import { isProof } from './proof.mjs'
import { ensureServers } from './servers.mjs'
import { ensureSetup } from './setup.mjs'
import { root } from './step.mjs'
import { runTests } from './vitest-run.mjs'

const LAB_SECONDS = 2
const { node24, ownNode } = ensureSetup({ browser: true })
ensureServers()
ensureNatives(ownNode)

/** @type {{ name: string, passed: number, failed: number, failures?: readonly string[] }[]} */
const results = []

/**
 * @param {string} name
 * @param {readonly string[]} parameters
 */
function check(name, parameters) {
  console.log(`\n== ${name}`)
  const { status } = spawnSync(node24, parameters, { cwd: root, stdio: 'inherit' })
  results.push({ name, passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1 })
}

check('guards', ['tools/check.mjs'])
check('format and lint', [
  'node_modules/@biomejs/biome/bin/biome',
  'check',
  '--diagnostic-level=warn',
  '.',
])
results.push(runTests('all tests, Node 24', node24, []))

// The library promises the oldest Node that is supported: its tests run on the machine's own as well, where
// SQLite must be better-sqlite3's.
const own = spawnSync(ownNode, ['-p', 'process.version'], { encoding: 'utf8' }).stdout.trim()
process.env.COATCHECK_SQLITE = 'better-sqlite3'
results.push(runTests(`the library, Node ${own}`, ownNode, ['packages/coatcheck']))
delete process.env.COATCHECK_SQLITE

for (const file of existsSync(join(root, 'lab')) ? readdirSync(join(root, 'lab')) : []) {
  if (!isProof(join(root, 'lab', file))) continue
  const name = file.replace('.mjs', '')
  check(`lab ${name}`, ['scripts/lab.mjs', name, '--seconds', String(LAB_SECONDS)])
}

const total = { passed: 0, failed: 0 }
console.log('')
for (const { name, passed, failed, failures = [] } of results) {
  console.log(`${failed === 0 ? 'ok  ' : 'FAIL'}  ${name}: ${passed} passed, ${failed} failed`)
  // Here once more: what failed must be seen without the thousands of lines before it.
  for (const failure of failures) console.log(`      ${failure}`)
  total.passed += passed
  total.failed += failed
}
console.log(`${total.passed} passed, ${total.failed} failed`)
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1
