// @ts-check
// Bytes (min + gzip) of each entry that a page can load, held against a budget.

import { basename, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { report, root } from './sources.mjs'

const BUDGETS = [
  {
    entry: 'session-client',
    code: "export { createSessionClient } from 'coatcheck/session-client'",
    maxBytes: 2048,
  },
  {
    entry: 'tokens (verifier, key set)',
    code: "export { createVerifier, createRemoteKeySet } from 'coatcheck/tokens'",
    maxBytes: 7168,
  },
  {
    entry: 'token-client, at start',
    code: "export { createTokenClient } from 'coatcheck/token-client'",
    maxBytes: 5120,
    counts: 'start',
  },
  {
    entry: 'token-client, with verifier',
    code: "export { createTokenClient } from 'coatcheck/token-client'",
    maxBytes: 12_288,
  },
  {
    entry: "token-worker, the worker's file",
    code: "import { startTokenWorker } from 'coatcheck/token-worker'; startTokenWorker(SETTINGS)",
    maxBytes: 12_288,
  },
]

const faults = []
for (const { entry, code, maxBytes, counts = 'all' } of BUDGETS) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: join(root, 'packages/dev'), sourcefile: 'entry.js' },
    bundle: true,
    minify: true,
    splitting: true,
    outdir: root,
    metafile: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  })
  // What is loaded with the page: the entry, and what it imports at once.
  const start = new Set(['entry.js', 'stdin.js'])
  for (const [path, { entryPoint, imports }] of Object.entries(metafile.outputs)) {
    if (entryPoint !== undefined && !start.has(basename(path))) continue
    for (const { kind, path: to } of imports) {
      if (kind === 'import-statement') start.add(basename(to))
    }
  }
  const bytes = outputFiles
    .filter(({ path }) => counts === 'all' || start.has(basename(path)))
    .reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0)
  console.log(`  ${entry.padEnd(32)} ${String(bytes).padStart(6)} of ${maxBytes} bytes`)
  if (bytes > maxBytes)
    faults.push(`${entry} has ${bytes} bytes: ${bytes - maxBytes} over its budget`)
}
report('sizes', faults)
