import { explain, readSession, say, showState } from './session.js'
import { showSessions } from './sessions.js'

const LABELS = {
  name: 'Name',
  preferred_username: 'User name',
  email: 'E-mail',
  email_verified: 'E-mail verified',
  sub: 'Subject',
}

const status = document.querySelector('#status')
try {
  const session = await readSession()
  showState(session.state)
  if (session.state === 'signed_in') {
    showClaims(session)
    await showSessions()
  } else say(status, explain({ code: 'signed_out' }), 'bad')
} catch (error) {
  showState('signed_out')
  say(status, explain(error), 'bad')
}

function showClaims({ claims, idleEndsAt, absoluteEndsAt }) {
  const list = document.querySelector('#claims')
  const known = Object.keys(LABELS).filter((name) => claims[name] !== undefined)
  const rows = known.map((name) => [LABELS[name], describe(claims[name])])
  rows.push(['Ends unless used', new Date(idleEndsAt).toLocaleString()])
  rows.push(['Ends for good', new Date(absoluteEndsAt).toLocaleString()])
  list.replaceChildren(...rows.map(makeRow))
  list.hidden = false
}

function makeRow([label, value]) {
  const row = document.createElement('div')
  const term = document.createElement('dt')
  const detail = document.createElement('dd')
  term.textContent = label
  detail.textContent = value
  row.append(term, detail)
  return row
}

function describe(value) {
  if (value === true) return 'yes'
  return value === false ? 'no' : String(value)
}
