// @ts-check
// npm run bench -- NAME: measures speed, bytes and memory beside other libraries, interleaved in one run.
import { prove } from './proof.mjs'

await prove({ kind: 'bench', results: 'bench/RESULTS.md' })
