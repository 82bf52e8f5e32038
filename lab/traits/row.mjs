// @ts-check

/** @typedef {{ place: string, trait: string, said: string, seen: string, ok: boolean }} Row */

/** One line of a place's traits, as it is said and as it is seen. @param {string} place @param {string} trait @param {unknown} said @param {unknown} seen @returns {Row} */
export function rowOf(place, trait, said, seen) {
  return { place, trait, said: word(said), seen: word(seen), ok: word(said) === word(seen) }
}

/** @param {unknown} value */
function word(value) {
  if (value === true) return 'yes'
  return value === false ? 'no' : String(value)
}
