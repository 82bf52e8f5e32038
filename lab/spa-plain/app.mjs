// @ts-check
// The quickstart as a person uses it: a copy of the folder, an .env, one line that chooses the store, and a build.
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const CHOSEN = 'const store = memoryStore()'

/** Where the quickstart can keep its tokens, by the function that its line calls. */
export const STORES = /** @type {const} */ ({
  memory: 'memoryStore',
  session_storage: 'sessionStorageStore',
  local_storage: 'localStorageStore',
  script_cookie: 'scriptCookieStore',
  worker: 'workerStore',
})

/** @typedef {keyof typeof STORES} Place */

/**
 * Copies the quickstart, writes its .env, and gives it the library of this repository, as `npm install` would.
 * @param {string} folder
 * @param {Place} place
 * @param {Readonly<Record<string, string>>} env
 */
export function copyQuickstart(folder, place, env) {
  cpSync(join(root, 'quickstarts/spa-plain'), folder, {
    recursive: true,
    // What somebody who tried it has left there.
    filter: (path) => !/^(?:node_modules|dist|\.env)$/.test(basename(path)),
  })
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(join(root, 'packages/coatcheck'), join(folder, 'node_modules/coatcheck'), 'junction')
  const lines = Object.entries(env).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(join(folder, '.env'), lines.join(''))
  const file = join(folder, 'src/tokens.js')
  writeFileSync(file, chooseStore(readFileSync(file, 'utf8'), place))
}

/**
 * Does what the README says: the one line, and the import of what it calls. Fails if they are not there, once each.
 * @param {string} text
 * @param {Place} place
 */
function chooseStore(text, place) {
  if (place === 'memory') return replaceOnce(text, CHOSEN, CHOSEN)
  const lines = text.split('\n')
  const commented = (/** @type {RegExp} */ form) =>
    lines.find((line) => line.startsWith('// ') && form.test(line)) ?? 'a line for this store'
  const store = commented(new RegExp(`^// const store = ${STORES[place]}\\(`))
  const imported = commented(new RegExp(`^// import \\{ ${STORES[place]} \\} from `))
  const chosen = replaceOnce(text, `\n${CHOSEN}\n`, `\n${store.slice(3)}\n`)
  return replaceOnce(chosen, imported, imported.slice(3))
}

/**
 * @param {string} text
 * @param {string} line
 * @param {string} other
 */
function replaceOnce(text, line, other) {
  const parts = text.split(line)
  if (parts.length !== 2) throw new Error(`src/tokens.js must have once: ${line}`)
  return parts.join(other)
}

/**
 * What the quickstart reads from its .env.
 * @param {{ issuer: string, audience: string, api: string }} site
 */
export function envOf({ issuer, audience, api }) {
  return {
    VITE_ISSUER: issuer,
    VITE_CLIENT_ID: 'spa',
    VITE_SCOPE: 'openid profile orders:read',
    VITE_AUDIENCE: audience,
    VITE_API: `${api}/v1/`,
    VITE_CSP_PROVIDER: issuer,
    VITE_CSP_API: api,
  }
}

/** All files of a folder, by path. @param {string} folder @returns {Map<string, Buffer>} */
export function filesOf(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return new Map(
    entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => {
        const file = join(parentPath, name)
        return [`/${relative(folder, file).replaceAll('\\', '/')}`, readFileSync(file)]
      }),
  )
}
