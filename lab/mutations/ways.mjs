// @ts-check
// What can be done to the cookies of one session: each way gives a changed list of them.
import { randomInt } from 'node:crypto'

/** @typedef {readonly (readonly [name: string, value: string])[]} Jar */
/** @typedef {(jar: Jar, other: Jar) => Jar} Way */

const LETTERS = 'ABCXYZabcxyz0189-_'
const STRANGE = '.=+/ \t";,\\%\u0000\u0001\u007f\u0080\u00e9\u00ff\u0141\ud800{}'

/** @type {Readonly<Record<string, Way>>} */
export const WAYS = {
  'a bit flipped': (jar) => whole(jar, flipBit),
  'a byte replaced': (jar) => whole(jar, replaceByte),
  'a byte dropped': (jar) => whole(jar, (bytes) => without(bytes, randomInt(bytes.length))),
  'a byte added': (jar) => whole(jar, (bytes) => insert(bytes, randomInt(bytes.length + 1))),
  'two bytes swapped': (jar) => whole(jar, swapBytes),
  'cut short': (jar) => whole(jar, (bytes) => bytes.subarray(0, randomInt(bytes.length))),
  'the beginning lost': (jar) => whole(jar, (bytes) => bytes.subarray(1 + randomInt(bytes.length))),
  'another seal behind this header': (jar, other) => splice(jar, other, 31),
  'another seal behind this place': (jar, other) => splice(jar, other),
  'a letter replaced': (jar) => one(jar, (value) => letter(value, LETTERS, 1)),
  'a letter added': (jar) => one(jar, (value) => letter(value, LETTERS, 0)),
  'a letter dropped': (jar) => one(jar, (value) => letter(value, [''], 1)),
  'a strange character in place of one': (jar) => one(jar, (value) => letter(value, STRANGE, 1)),
  'a strange character added': (jar) => one(jar, (value) => letter(value, STRANGE, 0)),
  'a chunk dropped': (jar) => drop(jar, randomInt(jar.length)),
  'a chunk emptied': (jar) => one(jar, () => ''),
  'a chunk twice': (jar) => [...jar, jar[randomInt(jar.length)] ?? ['', '']],
  'a chunk twice, changed': (jar) => [...jar, ...one(jar, flipLetter).filter(isNew(jar))],
  'two chunks swapped': swapChunks,
  'a chunk of another value': (jar, other) => exchange(jar, other, randomInt(jar.length)),
  'all chunks of another value': (jar, other) =>
    jar.map(([name], at) => [name, other[at]?.[1] ?? '']),
  'another number of chunks': (jar) =>
    change(jar, 0, (value) => `${randomInt(10)}${value.slice(1)}`),
  'another generation': (jar) => {
    const stamp = `0trob${String(randomInt(10_000_000)).padStart(7, '0')}`
    return jar.map(([name, value]) => [name.replace(/-[0-9a-z]{12}-/, `-${stamp}-`), value])
  },
}

/** What all chunks hold together. @param {Jar} jar */
export function joined(jar) {
  const value = jar.map(([, part]) => part).join('')
  return jar.length > 1 ? value.slice(1) : value
}

/** The bytes behind the whole value, changed and spelled canonically again. @param {Jar} jar @param {(bytes: Buffer) => Buffer} how */
function whole(jar, how) {
  const text = how(Buffer.from(joined(jar), 'base64url')).toString('base64url')
  const counted = jar.length > 1 ? `${jar.length}${text}` : text
  let from = 0
  return jar.map(([name, value], at) => {
    const end = at === jar.length - 1 ? counted.length : from + value.length
    const part = counted.slice(from, end)
    from = end
    return /** @type {const} */ ([name, part])
  })
}

/** @param {Jar} jar @param {(value: string) => string} how */
function one(jar, how) {
  return change(jar, randomInt(jar.length), how)
}

/** @param {Jar} jar @param {number} which @param {(value: string) => string} how @returns {Jar} */
function change(jar, which, how) {
  return jar.map(([name, value], at) => [name, at === which ? how(value) : value])
}

/** @param {Jar} jar @param {number} which */
function drop(jar, which) {
  return jar.filter((_, at) => at !== which)
}

/** @param {Jar} jar @param {Jar} other @param {number} which */
function exchange(jar, other, which) {
  return change(jar, which, () => other[which]?.[1] ?? '')
}

/** @param {Jar} jar @returns {Jar} */
function swapChunks(jar) {
  const [from, to] = [randomInt(jar.length), randomInt(jar.length)]
  const [one, two] = [jar[from]?.[1] ?? '', jar[to]?.[1] ?? '']
  return change(
    change(jar, from, () => two),
    to,
    () => one,
  )
}

/** @param {Jar} jar @param {Jar} other @param {number} [place] */
function splice(jar, other, place) {
  return whole(jar, (bytes) => {
    const foreign = Buffer.from(joined(other), 'base64url')
    const at = place ?? randomInt(bytes.length)
    return Buffer.concat([bytes.subarray(0, at), foreign.subarray(at)])
  })
}

/** @param {Jar} jar @returns {(entry: readonly [string, string]) => boolean} */
function isNew(jar) {
  return ([name, value]) => !jar.some((known) => known[0] === name && known[1] === value)
}

/** @param {Buffer} bytes */
function flipBit(bytes) {
  const at = randomInt(bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << randomInt(8))
  return bytes
}

/** @param {Buffer} bytes */
function replaceByte(bytes) {
  bytes[randomInt(bytes.length)] = randomInt(256)
  return bytes
}

/** @param {Buffer} bytes */
function swapBytes(bytes) {
  const [from, to] = [randomInt(bytes.length), randomInt(bytes.length)]
  const kept = bytes[from] ?? 0
  bytes[from] = bytes[to] ?? 0
  bytes[to] = kept
  return bytes
}

/** @param {Buffer} bytes @param {number} at */
function without(bytes, at) {
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
}

/** @param {Buffer} bytes @param {number} at */
function insert(bytes, at) {
  return Buffer.concat([bytes.subarray(0, at), Buffer.of(randomInt(256)), bytes.subarray(at)])
}

/** @param {string} value @param {string | readonly string[]} alphabet @param {number} replaced */
function letter(value, alphabet, replaced) {
  const at = randomInt(value.length + 1 - replaced)
  const added = alphabet[randomInt(alphabet.length)] ?? ''
  return value.slice(0, at) + added + value.slice(at + replaced)
}

/** @param {string} value */
function flipLetter(value) {
  return `${value[0] === 'A' ? 'B' : 'A'}${value.slice(1)}`
}
