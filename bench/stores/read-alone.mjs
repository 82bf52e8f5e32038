// @ts-check
// node read-alone.mjs ENGINE SECONDS: the reads of one engine, in a process that knows no other, as an application's
// process does. Prints its ratio, and that of reads one after another.
import { engines } from './engines.mjs'
import { measureReads } from './reads.mjs'

const [, , name = '', seconds] = process.argv
const open = engines[name]
if (open === undefined) throw new Error(`no such engine: ${name}`)
const engine = await open()
try {
  const { ratio, singly } = await measureReads(engine, Number(seconds))
  console.log(JSON.stringify({ ratio, singly }))
} finally {
  await engine.close()
}
