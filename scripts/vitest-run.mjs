// @ts-check
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { root } from './step.mjs'

/**
 * Runs vitest on this Node and counts. A file that does not load, an error outside of a test, a skipped
 * test and an empty run are all failures: what did not run has not passed.
 * @param {string} name
 * @param {string} node
 * @param {readonly string[]} parameters
 * @returns {{ name: string, passed: number, failed: number }}
 */
export function runTests(name, node, parameters) {
  console.log(`\n== ${name}`)
  const folder = mkdtempSync(join(tmpdir(), 'coatcheck-report-'))
  const file = join(folder, 'report.json')
  const { status } = spawnSync(
    node,
    [
      join(root, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
      ...parameters,
    ],
    { cwd: root, stdio: 'inherit' },
  )
  const counted = countReport(file)
  rmSync(folder, { recursive: true })
  const ran = counted.passed + counted.failed > 0
  const unexplained = counted.failed === 0 && (status !== 0 || !ran)
  return { name, passed: counted.passed, failed: counted.failed + (unexplained ? 1 : 0) }
}

/** @param {string} file */
function countReport(file) {
  const counted = { passed: 0, failed: 0 }
  /** @type {{ testResults: { name: string, status: string, assertionResults: { status: string, fullName: string }[] }[] }} */
  let report
  try {
    report = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return counted
  }
  for (const { name, status, assertionResults } of report.testResults) {
    for (const test of assertionResults) {
      if (test.status === 'passed') counted.passed += 1
      else {
        counted.failed += 1
        console.log(`${test.status}: ${test.fullName}`)
      }
    }
    const allPassed = assertionResults.every((test) => test.status === 'passed')
    if (status === 'passed' || !allPassed) continue
    counted.failed += 1
    console.log(`failed: ${relative(root, name)}`)
  }
  return counted
}
