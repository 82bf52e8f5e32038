import { createCountdown } from './countdown.js'
import { gatherEvidence } from './evidence.js'
import { call, explain, readSession, say, showState } from './session.js'

const find = (selector) => document.querySelector(selector)
const status = find('#status')
const callStatus = find('#call-status')
const countdown = createCountdown(document.querySelectorAll('[data-clock]'), onSessionOver)

await refresh()
await look()

find('#call').addEventListener('click', callApi)
find('#look').addEventListener('click', look)
// Another tab may have signed in or out meanwhile.
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') refresh()
})
// A page that comes back from the back-forward cache shows a state of long ago.
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted) refresh()
})

async function refresh() {
  try {
    const session = await readSession()
    showState(session.state)
    if (session.state !== 'signed_in') return countdown.stop()
    for (const element of document.querySelectorAll('[data-claim]')) {
      element.textContent = session.claims[element.dataset.claim] ?? session.claims.sub
    }
    countdown.start(session)
    say(status, '')
  } catch (error) {
    showState('signed_out')
    say(status, explain(error), 'bad')
  }
}

async function onSessionOver() {
  await refresh()
  if (document.documentElement.dataset.session === 'signed_out') {
    clearOrders()
    say(status, 'Your session has ended. Sign in to go on.')
  }
}

async function callApi() {
  say(callStatus, 'Calling…')
  const startedAt = performance.now()
  try {
    const { orders } = await (await call('/api/orders')).json()
    const tookMs = Math.round(performance.now() - startedAt)
    showOrders(orders)
    say(callStatus, `200 OK: ${orders.length} orders in ${tookMs} ms.`, 'good')
  } catch (error) {
    clearOrders()
    say(callStatus, explain(error), 'bad')
  }
  await refresh()
}

function showOrders(orders) {
  const dates = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })
  const rows = orders.map(({ id, item, quantity, placedAt }) => {
    const row = document.createElement('tr')
    for (const text of [id, item, quantity, dates.format(new Date(placedAt))]) {
      const cell = row.insertCell()
      cell.textContent = text
      if (typeof text === 'number') cell.className = 'figure'
    }
    return row
  })
  find('#orders tbody').replaceChildren(...rows)
  find('#orders').hidden = false
}

function clearOrders() {
  find('#orders').hidden = true
  find('#orders tbody').replaceChildren()
}

async function look() {
  const findings = await gatherEvidence()
  find('#evidence').replaceChildren(...findings.map(showFinding))
  const secrets = findings.filter(({ secret }) => secret).length
  if (secrets === 0)
    say(find('#verdict'), `No token and no ticket in ${findings.length} places.`, 'good')
  else
    say(
      find('#verdict'),
      `Something like a token in ${secrets} of ${findings.length} places.`,
      'bad',
    )
}

function showFinding({ place, entries, secret }) {
  const item = document.createElement('li')
  const name = element('span', 'place', place)
  const amount = element('span', 'amount', count(entries))
  const mark = element(
    'span',
    secret ? 'mark bad' : 'mark',
    secret ? 'looks like a token' : 'no token',
  )
  if (entries.length === 0) {
    item.append(element('div', 'finding', name, amount, mark))
    return item
  }
  const details = document.createElement('details')
  details.append(
    element('summary', 'finding', name, amount, mark),
    element('pre', '', entries.join('\n')),
  )
  item.append(details)
  return item
}

function count(entries) {
  if (entries.length === 0) return 'empty'
  return entries.length === 1 ? '1 entry' : `${entries.length} entries`
}

function element(tag, className, ...children) {
  const made = document.createElement(tag)
  made.className = className
  made.append(...children)
  return made
}
