// @ts-check
// What the library says of each place, against what a script got.

/** @typedef {'always' | 'in_use' | 'never'} Readable */
/** By listing; or from built-ins that were patched. @typedef {'listed' | 'patched'} Way */

/** @type {Record<Readable, Record<Way, string>>} */
const SAID = {
  always: { listed: 'not stopped', patched: 'not stopped' },
  in_use: { listed: 'stopped: it is in no list', patched: 'limited: seen when it is used' },
  never: { listed: 'stopped', patched: 'stopped' },
}

/** The words for a theft. @param {Readable} readable @param {Way} way */
export function said(readable, way) {
  return SAID[readable][way]
}

/**
 * Whether it is no more than what is said.
 * @param {Readable} readable
 * @param {Way} way
 * @param {readonly string[]} kinds
 */
export function isWithin(readable, way, kinds) {
  return kinds.length === 0 || readable === 'always' || (readable === 'in_use' && way === 'patched')
}
