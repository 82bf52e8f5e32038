import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SqliteDatabase } from '../../packages/coatcheck/src/sessions/stores/sqlite-client.ts'
import { betterSqliteFolder } from '../../scripts/natives.mjs'

/** A database as tests use it. */
export interface TestDatabase extends SqliteDatabase {
  close(): unknown
}

/** One of the two drivers. */
export interface SqliteEngine {
  readonly name: string
  open(file: string): TestDatabase
  /** A module that exports `open(file)`, for child processes. */
  readonly source: string
}

/**
 * The drivers that this Node has: `node:sqlite`, and better-sqlite3 where `scripts/natives.mjs` has compiled it for
 * this Node. Throws when there is none, and when one is missing that the environment variable COATCHECK_SQLITE names.
 */
export function sqliteEngines(): readonly SqliteEngine[] {
  const engines = [nodeSqlite(), betterSqlite()].filter((engine) => engine !== undefined)
  const wanted = process.env.COATCHECK_SQLITE
  if (wanted !== undefined && !engines.some(({ name }) => name === wanted)) {
    throw new Error(`${wanted} is not there: run \`node scripts/natives.mjs\` with this Node.`)
  }
  if (engines.length === 0) throw new Error('No driver: run `node scripts/natives.mjs`.')
  return engines
}

function nodeSqlite(): SqliteEngine | undefined {
  const sqlite = process.getBuiltinModule('node:sqlite')
  if (sqlite === undefined) return undefined
  return {
    name: 'node:sqlite',
    open: (file) => new sqlite.DatabaseSync(file),
    source: `import { DatabaseSync } from 'node:sqlite'
      export const open = (file) => new DatabaseSync(file)`,
  }
}

function betterSqlite(): SqliteEngine | undefined {
  const folder = betterSqliteFolder(process.versions.modules)
  if (!existsSync(folder)) return undefined
  const path = join(folder, 'lib/index.js')
  const Database: new (file: string) => TestDatabase = createRequire(import.meta.url)(path)
  return {
    name: 'better-sqlite3',
    open: (file) => new Database(file),
    source: `import { createRequire } from 'node:module'
      const Database = createRequire(${JSON.stringify(import.meta.url)})(${JSON.stringify(path)})
      export const open = (file) => new Database(file)`,
  }
}

/** Where child processes import `coatcheck/NAME` from: what was built, for Node 20 cannot read TypeScript. */
export function builtSubpath(name: string): string {
  return fileURLToPath(new URL(`../../packages/coatcheck/dist/${name}.js`, import.meta.url))
}
