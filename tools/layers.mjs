// @ts-check
// What may import what, as ARCHITECTURE.md's table says; and no cycles.
import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { filesBelow, importsOf, library, named, report, root } from './sources.mjs'

/** @type {Map<string, { folders: Set<string>, node: string, packages: Set<string> }>} */
const table = new Map()
const section =
  readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').split('## What may import what')[1] ?? ''
for (const line of section.split('\n')) {
  const cells = line.split('|').map((cell) => cell.trim())
  if (cells.length !== 6 || /^(folder|---)/.test(cells[1] ?? '')) continue
  const list = (/** @type {string | undefined} */ text) =>
    (text ?? '').split(',').map((item) => item.trim())
  table.set(cells[1] ?? '', {
    folders: new Set(list(cells[2])),
    node: cells[3] ?? '',
    packages: new Set(list(cells[4])),
  })
}

const faults = table.size < 10 ? ['the table in ARCHITECTURE.md was not found'] : []
const files = filesBelow(library, ['.ts'])
/** @type {Map<string, string[]>} */
const graph = new Map()

for (const file of files) {
  const inside = relative(library, file)
  const folder = inside.includes('/') ? (inside.split('/')[0] ?? '') : ''
  const allowed = table.get(folder)
  const edges = []
  for (const { from, typeOnly } of importsOf(file)) {
    if (from.startsWith('.')) {
      const target = resolve(dirname(file), from)
      if (!typeOnly) edges.push(target)
      const other = relative(library, target).split('/')[0] ?? ''
      if (folder === '') continue
      const fine =
        other === folder || allowed?.folders.has(other) || (folder === 'testing' && typeOnly)
      const serialize = folder === 'browser' && target === join(library, 'cookies/serialize.ts')
      if (!fine && !serialize)
        faults.push(`${named(file)} imports ${from}: ${folder} may not use ${other}`)
    } else if (from.startsWith('node:')) checkNode(file, folder, from, typeOnly)
    else if (!from.startsWith('#') && !allowed?.packages.has(from))
      faults.push(`${named(file)} imports the package ${from}`)
  }
  graph.set(file, edges)
}

/**
 * @param {string} file
 * @param {string} folder
 * @param {string} from
 * @param {boolean} typeOnly
 */
function checkNode(file, folder, from, typeOnly) {
  const node = table.get(folder)?.node ?? ''
  const name = from.slice('node:'.length).split('/')[0] ?? ''
  const onlyIn = /\((.+)\)/.exec(node)?.[1]
  const listed = node
    .replace(/\(.+\)/, '')
    .split(',')
    .map((item) => item.trim())
  const fine = listed.includes(name) && (onlyIn === undefined || file.endsWith(onlyIn))
  if (!fine && !typeOnly)
    faults.push(`${named(file)} imports ${from}: ${folder || 'a subpath'} may not`)
}

/** @type {Set<string>} */
const done = new Set()
/**
 * @param {string} file
 * @param {string[]} way
 */
function visit(file, way) {
  const at = way.indexOf(file)
  if (at !== -1) faults.push(`a cycle: ${[...way.slice(at), file].map(named).join(' -> ')}`)
  if (at !== -1 || done.has(file)) return
  for (const next of graph.get(file) ?? []) visit(next, [...way, file])
  done.add(file)
}
for (const file of files) visit(file, [])

for (const name of ['gateway', 'dev']) {
  for (const file of filesBelow(join(root, 'packages', name, 'src'), ['.ts'])) {
    for (const { from } of importsOf(file)) {
      if (/coatcheck\/(src|dist)/.test(from) || from.startsWith('../../')) {
        faults.push(`${named(file)} imports ${from}: use a published subpath`)
      }
    }
  }
}
report('layers', faults)
