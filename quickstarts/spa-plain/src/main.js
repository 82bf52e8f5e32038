import { apiAddress } from './settings.js'
import { tokens } from './tokens.js'
import {
  wordsOfAccess,
  wordsOfAnswer,
  wordsOfError,
  wordsOfPerson,
  wordsOfTraits,
} from './words.js'

const find = (selector) => document.querySelector(selector)
const who = find('#who')
const access = find('#access')
const notice = find('#notice')
const orders = find('#orders')
const signIn = find('#sign-in')
const signOut = find('#sign-out')
const call = find('#call')

const dates = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' })
let shown = { state: 'unknown' }

function say(words) {
  notice.textContent = words
  notice.hidden = words === ''
}

function fail(error) {
  // Not one of the library's: the network, or a fault of this page.
  if (error.code === undefined) console.error(error)
  say(wordsOfError(error))
}

function render(state) {
  const isSignedIn = state.claims !== undefined
  const isAnother = state.claims?.sub !== shown.claims?.sub
  shown = state
  who.textContent = wordsOfPerson(state)
  access.classList.remove('late')
  tick()
  signIn.hidden = isSignedIn && state.state !== 'expired'
  signOut.hidden = !isSignedIn
  orders.hidden = !isSignedIn
  // What one person has seen is not for the next.
  if (isAnother) fill(orders, [])
  if (isAnother && isSignedIn) showOrders()
}

function tick() {
  access.textContent = wordsOfAccess(shown)
}

async function showOrders() {
  const { sub } = shown.claims
  call.disabled = true
  try {
    const answer = await tokens.fetch(apiAddress('orders'))
    if (!answer.ok) return say(wordsOfAnswer(answer.status))
    const { orders: list } = await answer.json()
    const rows = list.map(({ id, item, quantity, placedAt }) => {
      return [id, item, quantity, dates.format(new Date(placedAt))]
    })
    // Somebody else may have signed in meanwhile.
    if (shown.claims?.sub === sub) fill(orders, rows)
  } catch (error) {
    fail(error)
    if (error.code === 'signed_in_as_another') render(await tokens.state())
  } finally {
    call.disabled = false
  }
}

// As text, never as HTML: what an API answers is no code of ours.
function fill(place, rows) {
  const lines = rows.map((cells) => {
    const line = document.createElement('tr')
    for (const cell of cells) line.insertCell().textContent = cell
    return line
  })
  place.querySelector('tbody').replaceChildren(...lines)
}

function onClick(button, act) {
  button.addEventListener('click', () => {
    say('')
    act().catch(fail)
  })
}

onClick(signIn, () => tokens.signIn())
onClick(signOut, () => tokens.signOut())
onClick(call, showOrders)
fill(find('#traits'), wordsOfTraits(tokens.traits))

// After a reload, places that forget sign in once more: to the provider and back, without a question.
try {
  render(await tokens.resume())
} catch (error) {
  fail(error)
  render(await tokens.state().catch(() => shown))
}
tokens.subscribe(render)
setInterval(tick, 1000)
