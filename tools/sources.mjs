// @ts-check
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

/** The library's sources. */
export const library = join(root, 'packages/coatcheck/src')

/**
 * All files below a folder with one of these endings, without tests.
 * @param {string} folder
 * @param {readonly string[]} endings
 * @returns {string[]}
 */
export function filesBelow(folder, endings) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory())
      return /^(node_modules|dist|\..*)$/.test(entry.name) ? [] : filesBelow(path, endings)
    return endings.some((ending) => path.endsWith(ending)) && !path.includes('.test.') ? [path] : []
  })
}

const IMPORT = /^\s*(?:import|export)\s(?<clause>[^'";]*?from\s*)?['"](?<from>[^'"]+)['"]/gm
const DYNAMIC = /\bimport\(\s*['"](?<from>[^'"]+)['"]/g

/**
 * What a file imports: specifier, and whether as types alone. Comments are left out.
 * @param {string} file
 * @returns {{ from: string, typeOnly: boolean }[]}
 */
export function importsOf(file) {
  const text = readFileSync(file, 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
  const fixed = [...text.matchAll(IMPORT)].map(({ groups }) => ({
    from: groups?.from ?? '',
    typeOnly: /^type\s/.test((groups?.clause ?? '').trim()),
  }))
  const dynamic = [...text.matchAll(DYNAMIC)].map(({ groups }) => ({
    from: groups?.from ?? '',
    typeOnly: false,
  }))
  return [...fixed, ...dynamic]
}

/**
 * @param {string} file
 * @returns {string}
 */
export function named(file) {
  return relative(root, file)
}

/**
 * Prints what is wrong and ends the process with it, or says that nothing is.
 * @param {string} name
 * @param {readonly string[]} faults
 */
export function report(name, faults) {
  for (const fault of faults) console.error(`${name}: ${fault}`)
  if (faults.length > 0) process.exitCode = 1
  else console.log(`${name}: in order`)
}
