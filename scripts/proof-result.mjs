// @ts-check
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus, platform } from 'node:os'

/**
 * Prints a result; its last line says whether the aims are met. Gives whether they are.
 * @param {{ name: string, seconds: number, json: boolean, result: import('./proof.mjs').Result }} told
 */
export function tellResult({ name, seconds, json, result }) {
  const { figures, rows } = result
  // No figure is no proof.
  const ok = figures.length > 0 && figures.every((figure) => figure.ok)
  if (json) console.log(JSON.stringify({ name, seconds, ok, rows, figures }, null, 2))
  else {
    console.log(`\n${textTable(rows)}\n`)
    console.log(
      textTable(
        figures.map((figure) => ({
          figure: figure.name,
          value: figure.value,
          aim: figure.aim,
          met: figure.ok ? 'yes' : 'no',
        })),
      ),
    )
    console.log('')
  }
  const telling = figures.find((figure) => !figure.ok) ?? figures[0]
  const said =
    telling === undefined
      ? 'nothing (a figure)'
      : `${telling.name === name ? '' : `${telling.name} `}${show(telling.value)} (${telling.aim})`
  console.log(`${ok ? 'ok' : 'short'}: ${name} ${said}`)
  return ok
}

/**
 * Writes a result between its markers, which are appended when they are missing.
 * @param {{ file: string, kind: string, name: string, about?: string, seconds: number, result: import('./proof.mjs').Result }} section
 */
export function writeSection({ file, kind, name, about, seconds, result }) {
  const figures = result.figures.map((figure) => ({
    figure: figure.name,
    value: figure.value,
    aim: figure.aim,
    met: figure.ok ? 'yes' : '**no**',
  }))
  const begin = `<!-- ${kind}:${name} -->`
  const end = `<!-- /${kind}:${name} -->`
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim()}, ${platform()} ${arch()}, Node ${process.version}`
  const day = new Date().toISOString().slice(0, 10)
  const body = [
    begin,
    markdownTable(result.rows),
    markdownTable(figures),
    `${day}, ${seconds} s, ${machine}. \`npm run ${kind} -- ${name}\``,
    end,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
  const text = existsSync(file)
    ? readFileSync(file, 'utf8')
    : `# ${kind === 'bench' ? 'Measured' : 'Attacked'}\n`
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  const heading = `\n## ${name}\n\n${about === undefined ? '' : `${about}\n\n`}`
  const next =
    from === -1 || to < from
      ? `${text.trimEnd()}\n${heading}${body}\n`
      : text.slice(0, from) + body + text.slice(to + end.length)
  writeFileSync(file, next)
}

/** @param {readonly Record<string, unknown>[]} rows */
function textTable(rows) {
  const { columns, cells } = layOut(rows)
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...cells.map((row) => row[index]?.length ?? 0)),
  )
  const line = (/** @type {readonly string[]} */ row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd()
  return [line(columns), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join(
    '\n',
  )
}

/** @param {readonly Record<string, unknown>[]} rows */
function markdownTable(rows) {
  if (rows.length === 0) return ''
  const { columns, cells } = layOut(rows)
  const line = (/** @type {readonly string[]} */ row) =>
    `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(columns), line(columns.map(() => '---')), ...cells.map(line)].join('\n')
}

/** @param {readonly Record<string, unknown>[]} rows */
function layOut(rows) {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  return { columns, cells: rows.map((row) => columns.map((column) => show(row[column]))) }
}

/** @param {unknown} value */
function show(value) {
  if (typeof value !== 'number') return value === undefined ? '' : String(value)
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return String(Math.round(value))
  return String(Number(value.toPrecision(3)))
}
