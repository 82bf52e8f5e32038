// @ts-check
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fail, run, say } from './step.mjs'

const DEBIAN_POSTGRES = '/usr/lib/postgresql'

/** @type {readonly { name: string, debian: string, isThere: () => boolean }[]} */
const SERVERS = [
  {
    name: 'Redis',
    debian: 'redis-server',
    isThere: () => areIn(pathFolders(), ['redis-server', 'redis-cli']),
  },
  { name: 'PostgreSQL', debian: 'postgresql', isThere: hasPostgres },
]

/**
 * Finds Redis and PostgreSQL, installs what is missing on Debian as root, and elsewhere says in one line what to
 * install. Tests start servers of their own on free ports: none that the installation starts is left running.
 */
export function ensureServers() {
  const missing = SERVERS.filter(({ isThere }) => !isThere())
  if (missing.length === 0) return
  const debian = existsSync('/etc/debian_version') && process.getuid?.() === 0
  if (debian) {
    const packages = missing.map(({ debian }) => debian)
    say(`Installing ${packages.join(' and ')} ...`)
    const remedy = `apt-get failed: install ${packages.join(' and ')} by hand.`
    // At run level 1 the packages' scripts start no service; a database cluster on the default port is not wanted.
    const env = { ...process.env, RUNLEVEL: '1', DEBIAN_FRONTEND: 'noninteractive' }
    const before = runningServers()
    run('apt-get', ['update', '-q'], { remedy, env })
    run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], { remedy, env })
    for (const pid of runningServers().filter((one) => !before.includes(one))) {
      process.kill(pid, 'SIGTERM')
    }
  }
  const left = SERVERS.filter(({ isThere }) => !isThere()).map(({ name }) => name)
  if (left.length > 0)
    fail(`No ${left.join(' and no ')} was found: install the server, with its tools in PATH.`)
}

// One folder must have all of its programs: those of different versions do not fit.
function hasPostgres() {
  const versions = existsSync(DEBIAN_POSTGRES) ? readdirSync(DEBIAN_POSTGRES) : []
  const folders = versions.map((version) => join(DEBIAN_POSTGRES, version, 'bin'))
  return areIn([...pathFolders(), ...folders], ['initdb', 'postgres', 'psql', 'pg_dump'])
}

/**
 * @param {readonly string[]} folders
 * @param {readonly string[]} programs
 */
function areIn(folders, programs) {
  return folders.some((folder) => programs.every((program) => existsSync(join(folder, program))))
}

function pathFolders() {
  return (process.env.PATH ?? '').split(delimiter)
}

// The services of the packages, by how their scripts start them.
function runningServers() {
  const { stdout } = spawnSync('ps', ['-e', '-o', 'pid=,args='], { encoding: 'utf8' })
  return (stdout ?? '')
    .split('\n')
    .filter((line) => /redis-server .*:6379|bin\/postgres -D \/var\/lib\/postgresql\//.test(line))
    .map((line) => Number.parseInt(line, 10))
}
