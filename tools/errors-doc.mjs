// @ts-check
// docs/errors.md from the catalogue of codes: `--write` makes it, without it is compared.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ERROR_CODES } from 'coatcheck'
import { report, root } from './sources.mjs'

const rows = Object.entries(ERROR_CODES).map(([code, { status, title, remedy }]) => {
  return `### ${code}\n\n${title}. HTTP status ${status}.\n\n${remedy}\n`
})
const text = `# Error codes

Generated from the catalogue in the code (\`node tools/errors-doc.mjs --write\`). Codes are API: decide by \`code\`, never by a message. Over HTTP an error is \`application/problem+json\` (RFC 9457); its \`type\` leads to this list, which a counter serves at \`/auth/errors\`.

${rows.join('\n')}`
const file = join(root, 'docs/errors.md')
if (process.argv.includes('--write')) writeFileSync(file, text)
const current = existsSync(file) ? readFileSync(file, 'utf8') : ''
report(
  'errors-doc',
  current === text
    ? []
    : ['docs/errors.md is not what the code says: run node tools/errors-doc.mjs --write'],
)
