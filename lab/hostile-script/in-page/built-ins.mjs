// Patches every built-in that a script can reach: all constructors and functions of the realm, what their prototypes hold, and
// the prototypes that have no name.
import { wrap } from './recorder.mjs'

// Without these the page does not run at all, or the patch calls itself.
const LEFT = new Set(['Proxy', 'Reflect', 'window', 'globalThis', 'self', 'hostile', 'lab'])

/** Patches all of them. Gives back how many. */
export function patchBuiltIns(recorder) {
  let count = 0
  const patch = (holder, key, by) => {
    const property = Reflect.getOwnPropertyDescriptor(holder, key)
    if (property === undefined || !property.configurable) return
    const changed = changedOf(recorder, by, property)
    if (changed === undefined) return
    try {
      Object.defineProperty(holder, key, { ...property, ...changed })
      count += 1
    } catch {
      // This browser does not allow it.
    }
  }
  const targets = listTargets()
  for (const [holder, by] of targets)
    for (const key of Reflect.ownKeys(holder))
      if (key !== 'constructor') patch(holder, key, `${by}${String(key)}`)
  for (const key of Object.getOwnPropertyNames(window)) if (!LEFT.has(key)) patch(window, key, key)
  spyOnPromises(recorder)
  return count + 1
}

function changedOf(recorder, by, { value, get, set }) {
  if (typeof value === 'function') return { value: wrap(recorder, by, value) }
  if (get === undefined && set === undefined) return undefined
  return {
    ...(get === undefined ? {} : { get: wrap(recorder, by, get) }),
    ...(set === undefined ? {} : { set: wrap(recorder, by, set) }),
  }
}

function listTargets() {
  const targets = new Map()
  const add = (holder, by) => {
    if (holder && !targets.has(holder)) targets.set(holder, by)
  }
  for (const name of Object.getOwnPropertyNames(window)) {
    if (LEFT.has(name)) continue
    const value = Reflect.getOwnPropertyDescriptor(window, name).value
    if (typeof value === 'function') {
      add(value.prototype, `${name}.prototype.`)
      add(value, `${name}.`)
    } else if (Object.prototype.toString.call(value).startsWith('[object ') && isNamespace(value)) {
      add(value, `${name}.`)
    }
  }
  for (const [value, by] of UNNAMED()) add(Object.getPrototypeOf(value), `${by}.`)
  add(EventTarget.prototype, 'EventTarget.prototype.')
  return targets
}

function isNamespace(value) {
  return value === JSON || value === Math || value === Atomics || value === Intl
}

const UNNAMED = () => [
  [Uint8Array.prototype, 'TypedArray.prototype'],
  [Uint8Array, 'TypedArray'],
  [[][Symbol.iterator](), 'ArrayIterator'],
  [new Map().entries(), 'MapIterator'],
  [new Set().values(), 'SetIterator'],
  [''[Symbol.iterator](), 'StringIterator'],
  [''.matchAll(/x/g), 'RegExpStringIterator'],
  [new URLSearchParams().entries(), 'URLSearchParamsIterator'],
  [new Headers().entries(), 'HeadersIterator'],
  [(async () => {}).prototype ?? (async () => {}), 'AsyncFunction'],
]

// Whatever object a promise is fulfilled with is asked for its `then`; most inherit this one.
function spyOnPromises(recorder) {
  Object.defineProperty(Object.prototype, 'then', {
    configurable: true,
    get() {
      if (!recorder.isQuiet()) recorder.note('Object.prototype.then', this)
      return undefined
    },
    set(value) {
      Object.defineProperty(this, 'then', { value, writable: true, configurable: true })
    },
  })
}
