// @ts-check
// Bytes (min + gzip) of each entry that a page can load, held against a budget.

import { join } from 'node:path'
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
]

const faults = []
for (const { entry, code, maxBytes } of BUDGETS) {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: join(root, 'packages/dev') },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  })
  const bytes = gzipSync(outputFiles[0]?.contents ?? new Uint8Array(), { level: 9 }).length
  console.log(`  ${entry.padEnd(28)} ${String(bytes).padStart(6)} of ${maxBytes} bytes`)
  if (bytes > maxBytes)
    faults.push(`${entry} has ${bytes} bytes: ${bytes - maxBytes} over its budget`)
}
report('sizes', faults)
