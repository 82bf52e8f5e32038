// @ts-check
// npm start: sets up what is missing, then runs provider, sample API and gateway on Node 24.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { ensureSetup } from './setup.mjs'
import { root } from './step.mjs'

const { node24 } = ensureSetup()
const start = join(root, 'packages/dev/dist/start.js')
const child = spawn(node24, [start, ...process.argv.slice(2)], { stdio: 'inherit' })
child.once('error', ({ message }) => {
  console.error(`Node could not be started: ${message}`)
  process.exitCode = 1
})
child.once('exit', (code) => {
  process.exitCode = code ?? 1
})
// The child ends the process by ending; a signal that reached both is taken once there.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => child.kill(signal))
}

// npm hands SIGTERM to the shell that it started us with, and the shell dies alone: without npm above us
// nobody could stop what runs here.
if (process.env.npm_lifecycle_event === 'start') {
  const { ppid } = process
  const watch = setInterval(() => {
    if (process.ppid === ppid) return
    clearInterval(watch)
    child.kill('SIGTERM')
  }, 200)
  watch.unref()
}
