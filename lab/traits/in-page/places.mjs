// What browsers do to a page's places: they refuse them, or they are full. `?all`, `?entry`, `?getter` and `?cookie` refuse.

const crashes = []
addEventListener('error', ({ message }) => crashes.push(message))
addEventListener('unhandledrejection', ({ reason }) => crashes.push(String(reason)))

function refuse() {
  throw new DOMException('The operation is insecure.', 'SecurityError')
}

const { setItem } = Storage.prototype
const faults = {
  all: () => {
    Storage.prototype.setItem = refuse
  },
  // The place of the tokens alone.
  entry: () => {
    Storage.prototype.setItem = function (key, value) {
      if (/^coatcheck:.*(?<!:sign-in|:resume)$/.test(key)) refuse()
      return setItem.call(this, key, value)
    }
  },
  getter: () => {
    for (const name of ['localStorage', 'sessionStorage'])
      Object.defineProperty(window, name, { get: refuse })
  },
  cookie: () => {
    Object.defineProperty(Document.prototype, 'cookie', { get: () => '', set: () => {} })
  },
}

// Takes whatever it is given, in ever smaller pieces. Gives back how many characters went in.
function fill(storage, spare) {
  let characters = 0
  let count = 0
  for (let size = 1_048_576; size >= 1; ) {
    const key = `filling-${count}`
    try {
      storage.setItem(key, 'x'.repeat(size))
      characters += key.length + size
      count += 1
    } catch {
      size = Math.floor(size / 2)
    }
  }
  // Room is made by the smallest pieces.
  for (let freed = 0; freed < spare && count > 0; ) {
    count -= 1
    const key = `filling-${count}`
    freed += key.length + storage.getItem(key).length
    storage.removeItem(key)
    if (freed > spare * 2) storage.setItem(key, 'x'.repeat(freed - spare))
  }
  return characters
}

window.places = { crashes, fill, empty: (storage) => storage.clear() }
const [, fault] = document.currentScript.src.split('?')
faults[fault]?.()
