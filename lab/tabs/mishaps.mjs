// @ts-check
// What goes wrong while tabs renew: each plays with a browser and a provider of its own.
import { isReady, signIn, until } from '../spa/steps.mjs'
import { openTabs } from './crowd.mjs'
import { becomes, CALL, call, differing, pause, revoke, stateOf } from './scene.mjs'

const HOUR_MS = 3_600_000

/** @type {readonly import('./scene.mjs').Mishap[]} */
export const MISHAPS = [
  {
    what: 'T-BROWSER-05 a tab that is duplicated keeps nothing that burns the refresh token of the other',
    place: 'session_storage',
    isQuick: true,
    play: async ({ page, url, ledger }) => {
      await signIn(page, url)
      const copy = await page.popup('#copy')
      await isReady(copy)
      const atFirst = await stateOf(copy)
      ledger.forget()
      await page.evaluate('lab.work(200)')
      await copy.evaluate('lab.work(200)')
      await until(async () => ledger.renewed() >= 2, 30_000)
      // Whichever of the two renews first goes on.
      const states = async () => [await stateOf(page), await stateOf(copy)].sort().join(', ')
      await until(async () => (await states()) === 'expired, signed_in', 30_000).catch(() => {})
      const renewed = ledger.renewed()
      await until(async () => ledger.renewed() > renewed)
      const wrong = differing([
        ['the copy at first', atFirst, 'signed_in'],
        ['both in the end', await states(), 'expired, signed_in'],
        ['sent twice', ledger.doubled(), 0],
        ['refused', ledger.refused(), 0],
      ])
      return { wrong, seen: `${ledger.renewals().length} token requests` }
    },
  },
  {
    what: 'T-BROWSER-05 a copy that outlives its tab, and a tab that comes back after its copy',
    place: 'session_storage',
    play: async ({ page, url, ledger }) => {
      await signIn(page, url)
      const copy = await page.popup('#copy')
      await isReady(copy)
      // The first goes away from our pages with its entry; the copy is alone, and renews.
      await page.goto('about:blank')
      await pause(2500)
      ledger.forget()
      await until(async () => (await call(copy)) && ledger.renewed() >= 1, 30_000)
      await copy.close()
      // It comes back, with a refresh token that was used meanwhile.
      await page.goto(url)
      await isReady(page)
      await pause(4000)
      const answer = await call(page)
      const wrong = differing([
        ['sent twice', ledger.doubled(), 0],
        ['refused', ledger.refused(), 0],
        ['its call', answer, 'access_token_expired'],
      ])
      return { wrong, seen: `${ledger.renewals().length} token requests` }
    },
  },
  {
    what: 'a tab is closed in the middle of a renewal: its refresh token is not sent again',
    place: 'local_storage',
    play: async ({ page, url, ledger }) => {
      await signIn(page, url)
      const [other] = await openTabs(page, 1)
      if (other === undefined) throw new Error('no tab')
      ledger.setFault({ delayMs: 4000 })
      ledger.forget()
      await pause(3500)
      await other.start(`${CALL}`)
      await pause(1500)
      await other.close()
      await pause(3500)
      ledger.setFault(undefined)
      const answer = await call(page)
      const wrong = differing([
        ['sent twice', ledger.doubled(), 0],
        ['the call', answer, 'access_token_expired'],
        ['the state', await stateOf(page), 'expired'],
      ])
      await page.start("lab.signIn({ prompt: 'none' })")
      await until(async () => (await stateOf(page)) === 'signed_in')
      if ((await call(page)) !== '200') wrong.push('signing in again did not help')
      return { wrong, seen: 'expired, and signed in again without a question' }
    },
  },
  {
    what: 'the network goes after the provider has rotated: not sent again, not signed out',
    place: 'local_storage',
    play: async ({ page, url, ledger }) => {
      await signIn(page, url)
      ledger.forget()
      ledger.setFault('answer_lost')
      await pause(3500)
      const first = await call(page)
      ledger.setFault(undefined)
      await pause(3500)
      const later = await call(page)
      const wrong = differing([
        ['sent twice', ledger.doubled(), 0],
        ['the call while the old token is good', first, '200'],
        ['the call later', later, 'access_token_expired'],
        ['the state', await stateOf(page), 'expired'],
      ])
      return { wrong, seen: `${ledger.renewals().length} token request` }
    },
  },
  {
    what: '503 from the provider signs nobody out, and the renewal follows',
    place: 'local_storage',
    play: async ({ page, url, ledger }) => {
      await signIn(page, url)
      ledger.setFault('unavailable')
      await pause(3500)
      const early = await call(page)
      await pause(3500)
      const late = await call(page)
      const state = await stateOf(page)
      ledger.setFault(undefined)
      await until(async () => (await call(page)) === '200', 20_000)
      const wrong = differing([
        ['the call while the token is good', early, '200'],
        ['the call after its end', late, 'renewal_unavailable'],
        ['the state', state, 'renewing'],
        ['the state in the end', await stateOf(page), 'signed_in'],
      ])
      return { wrong, seen: `${ledger.renewed()} renewal in the end` }
    },
  },
  {
    what: 'the provider cannot be reached: nothing is spent, nobody is signed out',
    place: 'local_storage',
    play: async ({ page, url, site, ledger }) => {
      await signIn(page, url)
      ledger.forget()
      await site.provider.close()
      site.provider.close = async () => {}
      await pause(6500)
      const late = await call(page)
      const wrong = differing([
        ['token requests', ledger.renewals().length, 0],
        ['the call', late, 'renewal_unavailable'],
        ['the state', await stateOf(page), 'renewing'],
      ])
      return { wrong, seen: `the call: ${late}` }
    },
  },
  {
    what: 'the connection breaks while the refresh token is on its way: not sent again, not signed out',
    place: 'local_storage',
    play: async ({ page, url, ledger }) => {
      await signIn(page, url)
      ledger.forget()
      ledger.setFault('network_error')
      await pause(6500)
      const late = await call(page)
      ledger.setFault(undefined)
      const wrong = differing([
        ['token requests', ledger.renewals().length, 1],
        ['the call', late, 'access_token_expired'],
        ['the state', await stateOf(page), 'expired'],
      ])
      return { wrong, seen: `the call: ${late}` }
    },
  },
  {
    what: 'the provider takes the refresh token no more: signed out in all tabs',
    place: 'local_storage',
    play: async ({ page, url, site }) => {
      await signIn(page, url)
      const [other] = await openTabs(page, 1)
      if (other === undefined) throw new Error('no tab')
      const entry = await page.evaluate(
        "new URLSearchParams(Object.entries(localStorage).find(([key]) => key.endsWith(':spa'))[1]).get('refresh_token')",
      )
      await revoke(site, entry)
      await pause(6500)
      const answer = await call(page)
      await becomes(other, 'signed_out')
      const wrong = differing([
        ['the call', answer, 'signed_out'],
        ['the state', await stateOf(page), 'signed_out'],
      ])
      return { wrong, seen: 'both tabs' }
    },
  },
  {
    what: 'a tab stands still while it renews: the others wait, and nobody sends twice',
    place: 'local_storage',
    play: async ({ page, url, ledger }) => {
      await signIn(page, url)
      const [other] = await openTabs(page, 1)
      if (other === undefined) throw new Error('no tab')
      ledger.forget()
      ledger.setFault({ delayMs: 1000 })
      await pause(3500)
      await other.start(
        `${CALL}; setTimeout(() => { const end = Date.now() + 5000; while (Date.now() < end); }, 600)`,
      )
      await pause(800)
      const answer = await call(page)
      ledger.setFault(undefined)
      const wrong = differing([
        ['sent twice', ledger.doubled(), 0],
        ['refused', ledger.refused(), 0],
        ['the call', answer, '200'],
      ])
      return { wrong, seen: `${ledger.renewals().length} token requests` }
    },
  },
  {
    what: 'a laptop that slept for an hour renews once with the first call',
    place: 'local_storage',
    play: async ({ page, url, ledger }) => {
      await signIn(page, url)
      ledger.forget()
      await page.evaluate(`lab.setClock(${HOUR_MS})`)
      const answer = await page.evaluate(`Promise.all([${Array(8).fill(CALL).join(',')}])`)
      const wrong = differing([
        ['all answered', answer.every((/** @type {any} */ each) => each.status === 200), true],
        ['token requests', ledger.renewals().length, 1],
      ])
      return { wrong, seen: '8 calls, 1 token request' }
    },
  },
  {
    what: 'a clock that is ten minutes off, ahead and behind: signed in, called, renewed',
    place: 'local_storage',
    play: async ({ page, url, ledger }) => {
      const wrong = []
      for (const minutes of [10, -10]) {
        await signIn(page, `${url}?clock=${minutes * 60_000}`)
        ledger.forget()
        const first = await call(page)
        await pause(3500)
        const later = await call(page)
        wrong.push(
          ...differing([
            [`${minutes} min: the call`, first, '200'],
            [`${minutes} min: after the renewal`, later, '200'],
            [`${minutes} min: renewals`, ledger.renewed(), 1],
          ]),
        )
      }
      return { wrong, seen: 'both' }
    },
  },
]
