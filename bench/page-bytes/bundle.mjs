// @ts-check
// What a page loads, as a bundler gives it out: minified, each file compressed by itself.
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * @typedef {{ start: number, all: number }} PageBytes `start` is what is loaded with the page, `all` what it may load later as well
 * @param {string} code
 * @param {{ resolveDir?: string }} [options] where its imports are found
 * @returns {Promise<PageBytes>} bytes after gzip -9
 */
export async function pageBytes(code, { resolveDir = join(root, 'packages/dev') } = {}) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir, sourcefile: 'entry.js' },
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
  // The entry, and what it imports at once.
  const start = new Set(['entry.js', 'stdin.js'])
  for (const [path, { entryPoint, imports }] of Object.entries(metafile.outputs)) {
    if (entryPoint !== undefined && !start.has(basename(path))) continue
    for (const { kind, path: to } of imports) {
      if (kind === 'import-statement') start.add(basename(to))
    }
  }
  const bytes = { start: 0, all: 0 }
  for (const { path, contents } of outputFiles) {
    const { length } = gzipSync(contents, { level: 9 })
    bytes.all += length
    if (start.has(basename(path))) bytes.start += length
  }
  return bytes
}
