// @ts-check
// Every ```ts block of the docs and every @example of a public file compiles against the built library.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow, named, report, root } from './sources.mjs'

const folder = join(root, 'node_modules/.coatcheck-snippets')
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

const pages = [
  ...filesBelow(join(root, 'docs'), ['.md']),
  join(root, 'README.md'),
  join(root, 'packages/coatcheck/README.md'),
]
const origins = []
for (const page of pages) {
  const blocks = [...readFileSync(page, 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)]
  for (const [index, block] of blocks.entries()) {
    const name = `snippet-${origins.length}.ts`
    origins.push(`${named(page)}, block ${index + 1}`)
    writeFileSync(join(folder, name), `${block[1]}\nexport {}\n`)
  }
}
const config = {
  compilerOptions: {
    target: 'ES2023',
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
    lib: ['ES2023', 'DOM'],
    allowImportingTsExtensions: true,
  },
  include: ['*.ts'],
}
writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
const { stdout, status } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], {
  encoding: 'utf8',
})
const faults =
  status === 0
    ? []
    : stdout
        .trim()
        .split('\n')
        .map((line) => {
          return line.replace(/^.*snippet-(\d+)\.ts/, (_, index) => origins[Number(index)] ?? '')
        })
console.log(`  ${origins.length} blocks`)
report('snippets', origins.length === 0 ? ['no block was found'] : faults)
