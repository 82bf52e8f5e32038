// @ts-check
// Bytes (min + gzip) of each entry that a page can load, held against a budget.
import { pageBytes } from '../bench/page-bytes/bundle.mjs'
import { ENTRIES } from '../bench/page-bytes/entries.mjs'
import { report } from './sources.mjs'

const faults = []
for (const { what, code, maxBytes, counts } of ENTRIES) {
  const bytes = (await pageBytes(code))[counts]
  console.log(`  ${what.padEnd(48)} ${String(bytes).padStart(6)} of ${maxBytes} bytes`)
  if (bytes > maxBytes)
    faults.push(`${what} has ${bytes} bytes: ${bytes - maxBytes} over its budget`)
}
report('sizes', faults)
