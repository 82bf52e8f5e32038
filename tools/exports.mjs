// @ts-check
// Every subpath has its source file, its docs row; server subpaths are closed to browsers.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { library, report, root } from './sources.mjs'

const manifest = JSON.parse(readFileSync(join(root, 'packages/coatcheck/package.json'), 'utf8'))
const docs = existsSync(join(root, 'docs/subpaths.md'))
  ? readFileSync(join(root, 'docs/subpaths.md'), 'utf8')
  : ''
// For pages and their workers: `token-client` and all that belongs to it.
const isForPages = (/** @type {string} */ subpath) =>
  /^\.\/(?:tokens$|session-client$|token-)/.test(subpath)
const faults = []
const sources = new Set(
  readdirSync(library).filter((name) => name.endsWith('.ts') && name !== 'server-only.ts'),
)

for (const [subpath, target] of Object.entries(manifest.exports)) {
  if (subpath === './package.json') continue
  const name = subpath === '.' ? 'index' : subpath.slice(2)
  const public_ = subpath === '.' ? 'coatcheck' : `coatcheck/${name}`
  if (!sources.delete(`${name}.ts`)) faults.push(`${subpath} has no src/${name}.ts`)
  if (!docs.includes(`| \`${public_}\` |`))
    faults.push(`docs/subpaths.md has no row for ${public_}`)
  const conditions = Object.keys(target)
  if (target.default !== `./dist/${name}.js`)
    faults.push(`${subpath} does not lead to dist/${name}.js`)
  if (target.types !== `./dist/${name}.d.ts` || conditions[0] !== 'types')
    faults.push(`${subpath} needs its types first`)
  if (!isForPages(subpath)) {
    if (target.browser !== './dist/server-only.js')
      faults.push(`${subpath} is for servers and must be closed to browsers`)
    if (conditions.indexOf('workerd') > conditions.indexOf('browser'))
      faults.push(`${subpath}: workerd must stand before browser`)
  }
}
for (const file of sources)
  faults.push(`src/${file} is no subpath: only re-exports of subpaths lie there`)
for (const file of readdirSync(library).filter(
  (name) => name.endsWith('.ts') && name !== 'server-only.ts',
)) {
  const text = readFileSync(join(library, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '')
  const rest = text.replace(/export\s+(?:type\s+)?\{[^}]*\}\s+from\s+'[^']+'/g, '').trim()
  if (rest !== '') faults.push(`src/${file} holds more than re-exports: ${rest.slice(0, 60)}`)
}
report('exports', faults)
