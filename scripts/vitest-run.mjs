// @ts-check
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { root } from './step.mjs'

/**
 * Runs vitest on this Node and counts. A file that does not load, an error outside of a test, a skipped
 * test and an empty run are all failures: what did not run has not passed.
 * @param {string} name
 * @param {string} node
 * @param {readonly string[]} parameters
 * @returns {{ name: string, passed: number, failed: number, failures: readonly string[] }}
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
  const hasFailed = counted.failures.length > 0
  const unexplained = !hasFailed && (status !== 0 || counted.passed === 0)
  const { passed, failures } = counted
  if (unexplained) failures.push(`ended with ${status} and named no test`)
  return { name, passed, failed: failures.length, failures }
}

/** @param {string} file */
function countReport(file) {
  const counted = { passed: 0, failures: /** @type {string[]} */ ([]) }
  /** @type {{ testResults: { name: string, status: string, assertionResults: { status: string, fullName: string, failureMessages?: string[] }[] }[] }} */
  let report
  try {
    report = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return counted
  }
  for (const { name, status, assertionResults } of report.testResults) {
    for (const test of assertionResults) {
      if (test.status === 'passed') counted.passed += 1
      else
        counted.failures.push(
          `${test.status}: ${relative(root, name)}: ${test.fullName}${whyOf(test)}`,
        )
    }
    const allPassed = assertionResults.every((test) => test.status === 'passed')
    if (status === 'passed' || !allPassed) continue
    counted.failures.push(`failed: ${relative(root, name)}`)
  }
  return counted
}

const LINES_OF_A_FAILURE = 6

/** @param {{ failureMessages?: string[] }} test */
function whyOf({ failureMessages = [] }) {
  const lines = failureMessages.flatMap((message) => stripVTControlCharacters(message).split('\n'))
  const told = lines.filter((line) => !line.includes('node_modules')).slice(0, LINES_OF_A_FAILURE)
  return told.map((line) => `\n        ${line.replace(`${root}/`, '')}`).join('')
}
