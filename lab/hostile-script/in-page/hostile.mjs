// A hostile script in the page, with the page's own rights: `?patch` patches the built-ins at once, before the page's code;
// `?intercept` takes the code of a sign-in.
import { patchBuiltIns } from './built-ins.mjs'
import { plant, sendThrough } from './control.mjs'
import { tellLies } from './lies.mjs'
import { listEverything } from './listing.mjs'
import { byFrame, byNavigation, byWindow, finish, intercept, loot } from './new-tokens.mjs'
import { createRecorder } from './recorder.mjs'
import { ask, fuzz } from './worker-fuzz.mjs'

const recorder = createRecorder()
const told = []
const refused = []
document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
  refused.push(`${violatedDirective} ${blockedURI}`)
})

window.hostile = {
  ...{ list: listEverything, plant, sendThrough, tellLies, loot, byFrame, byWindow, byNavigation },
  // What takes longer than a driver waits for.
  perform: async (work) => {
    window.hostile.result = { value: await work() }
  },
  patch: () => recorder.quietly(() => patchBuiltIns(recorder)),
  ...{ begin: recorder.begin, stop: recorder.stop, find: recorder.find },
  // What other tabs are told, and what storage tells of itself.
  listen: (name) => {
    const channel = new BroadcastChannel(name)
    channel.addEventListener('message', ({ data }) => told.push(['channel', JSON.stringify(data)]))
    addEventListener('storage', ({ key, newValue }) => told.push(['storage', `${key} ${newValue}`]))
  },
  told,
  refused,
  // The page's own worker, as a patched built-in has shown it; or one more from the same file.
  workers: () => recorder.workers.size,
  fuzzTheirs: (facts) => fuzz([...recorder.workers][0], facts),
  fuzzOwn: (facts) => fuzz(ownWorker(), facts),
  askWorker: (message) => ask([...recorder.workers][0], message),
}

function ownWorker() {
  const policy = globalThis.trustedTypes?.createPolicy('own', { createScriptURL: (text) => text })
  return new Worker(policy?.createScriptURL('/worker.js') ?? '/worker.js', { type: 'module' })
}

const [, mode = ''] = document.currentScript?.src.split('?') ?? []
if (mode === 'patch') window.hostile.patch()
if (mode === 'intercept') intercept()
else finish()
