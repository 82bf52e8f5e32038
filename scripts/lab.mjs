// @ts-check
// npm run lab -- NAME: attacks in real browsers, storms and faults.
import { prove } from './proof.mjs'

await prove({ kind: 'lab', results: 'docs/lab.md' })
