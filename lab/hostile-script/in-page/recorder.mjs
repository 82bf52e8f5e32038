// Notes what goes through the realm's built-ins once they are patched: who was called, with what, and what came of it.

const LEAST_LENGTH = 20
const MOST_LENGTH = 400_000
const MAX_DEPTH = 4
const { apply, construct, ownKeys } = Reflect
const { then } = Promise.prototype

/** One recorder: `note` is what each patched built-in calls. */
export function createRecorder() {
  const noted = new Map()
  const workers = new Set()
  let isBusy = false
  let phase = ''

  function keep(by, text) {
    if (text.length < LEAST_LENGTH || text.length > MOST_LENGTH) return
    const key = `${phase}\n${by}`
    if (!noted.has(key)) noted.set(key, new Set())
    noted.get(key).add(text)
  }

  function walk(by, value, depth, seen) {
    if (typeof value === 'string') return keep(by, value)
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return
    if (depth > MAX_DEPTH || seen.has(value) || value === window) return
    seen.add(value)
    if (value instanceof Worker) workers.add(value)
    if (value instanceof Node) return
    const whole = textOf(value)
    if (whole !== undefined) return keep(by, whole)
    if (value instanceof Request || value instanceof Response) later(by, value)
    if (value instanceof Blob) value.text().then((text) => guarded(() => keep(by, text)))
    if (value instanceof Promise) listenTo(by, value)
    if (value instanceof Request || value instanceof Response)
      walk(by, [value.url, ...value.headers], depth, seen)
    if (value instanceof MessageEvent) walk(by, value.data, depth + 1, seen)
    if (value instanceof Headers || value instanceof Map || value instanceof Set)
      for (const each of value) walk(by, each, depth + 1, seen)
    for (const key of ownKeys(value)) {
      try {
        walk(by, value[key], depth + 1, seen)
      } catch {
        // Some members refuse to be read.
      }
    }
  }

  function listenTo(by, promise) {
    const hear = (value) => guarded(() => walk(by, value, 0, new Set()))
    apply(then, promise, [hear, () => {}])
  }

  // A body is read from a copy, so that nobody misses it.
  function later(by, message) {
    if (message.bodyUsed || message.body === null) return
    const text = message.clone().text()
    text.then((found) => guarded(() => keep(by, found))).catch(() => {})
  }

  function guarded(work) {
    if (isBusy) return
    isBusy = true
    try {
      work()
    } catch {
      // What cannot be looked at is not noted.
    } finally {
      isBusy = false
    }
  }

  return {
    workers,
    note: (by, ...values) => guarded(() => walk(by, values, 0, new Set())),
    isQuiet: () => isBusy,
    /** Does something that is not noted. */
    quietly: (work) => {
      isBusy = true
      try {
        return work()
      } finally {
        isBusy = false
      }
    },
    /** Names what is noted from now on. */
    begin: (name) => {
      phase = name
    },
    /** Stops for good: what is said from now on to look for tokens is not noted. */
    stop: () => {
      isBusy = true
    },
    /** By which built-ins each of some texts was seen, in a phase. */
    find: (forms, name) =>
      [...noted]
        .filter(([key]) => key.startsWith(`${name}\n`))
        .filter(([, texts]) => [...texts].some((text) => forms.some((form) => text.includes(form))))
        .map(([key]) => key.slice(name.length + 1)),
    size: () => [...noted.values()].reduce((sum, texts) => sum + texts.size, 0),
  }

  function textOf(value) {
    if (value instanceof URLSearchParams || value instanceof URL) return String(value)
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return bytesText(value)
    if (value instanceof Error) return `${value.message} ${value.stack}`
    return undefined
  }

  // As text, and as base64url: a signature is handed over in bytes.
  function bytesText(value) {
    const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(value)
      ? value
      : { buffer: value, byteOffset: 0, byteLength: value.byteLength }
    if (byteLength > MOST_LENGTH) return ''
    let text = ''
    for (const byte of new Uint8Array(buffer, byteOffset, byteLength))
      text += String.fromCharCode(byte)
    const base64url = btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
    return `${text}\n${base64url}`
  }
}

/** Puts a function in place of another one that notes all that it hears and says. */
export function wrap(recorder, by, original) {
  return new Proxy(original, {
    apply: (_, self, values) => {
      if (recorder.isQuiet()) return apply(original, self, values)
      recorder.note(by, self, values)
      const given = original === then ? values.map((each) => listener(recorder, by, each)) : values
      const result = apply(original, self, given)
      recorder.note(by, result)
      return result
    },
    construct: (_, values, target) => {
      if (recorder.isQuiet()) return construct(original, values, target)
      recorder.note(by, values)
      const result = construct(original, values, target)
      recorder.note(by, result)
      return result
    },
  })
}

function listener(recorder, by, callback) {
  if (typeof callback !== 'function') return callback
  return (value) => {
    recorder.note(by, value)
    return callback(value)
  }
}
