import { getHeapSnapshot, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Collects what nothing holds any more. */
export const collectGarbage: () => void = runInNewContext('gc')

/** How often a text stands in what the heap still holds. */
export async function timesInHeap(sought: string): Promise<number> {
  collectGarbage()
  let text = ''
  for await (const part of getHeapSnapshot()) text += part
  return text.split(sought).length - 1
}
