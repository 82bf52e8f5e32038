// @ts-check

/**
 * Rows of several browsers as one table: what is alike in several stands in it once, in the order of the first browser.
 * @template {{ browser: string }} Row
 * @param {readonly Row[]} rows
 * @param {(row: Row) => string} nameOf What is compared.
 * @returns {Row[]}
 */
export function mergeBrowsers(rows, nameOf) {
  /** @type {Map<string, Map<string, Row>>} */
  const named = new Map()
  for (const row of rows) {
    const alike = named.get(nameOf(row)) ?? new Map()
    named.set(nameOf(row), alike)
    const { browser, ...rest } = row
    const key = JSON.stringify(rest)
    const former = alike.get(key)
    alike.set(key, { ...row, browser: former ? `${former.browser}, ${browser}` : browser })
  }
  return [...named.values()].flatMap((alike) => [...alike.values()])
}
