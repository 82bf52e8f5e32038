import { call, explain, say } from './session.js'

const place = document.querySelector('#sessions')
const status = document.querySelector('#sessions-status')
const others = document.querySelector('#end-others')

others.addEventListener('click', () => end('others'))

/** Shows the person's sessions in all browsers, each with a way to end it. */
export async function showSessions() {
  const { sessions } = await (await call('/auth/sessions')).json()
  place.querySelector('tbody').replaceChildren(...sessions.map(makeRow))
  others.disabled = sessions.length < 2
  place.hidden = false
}

async function end(which) {
  say(status, 'Ending…')
  try {
    const { ended } = await (await call(`/auth/sessions/end?${which}`, { method: 'POST' })).json()
    await showSessions()
    say(status, ended === 1 ? '1 session ended.' : `${ended} sessions ended.`, 'good')
  } catch (error) {
    say(status, explain(error), 'bad')
  }
}

function makeRow({ session, userAgent, address, lastSeenAt, current }) {
  const row = document.createElement('tr')
  const times = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
  for (const text of [browserName(userAgent), address ?? 'unknown', times.format(lastSeenAt)]) {
    row.insertCell().textContent = text
  }
  row.insertCell().append(current ? 'This browser' : endButton(session, browserName(userAgent)))
  return row
}

function endButton(session, name) {
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'quiet'
  button.textContent = 'End'
  button.setAttribute('aria-label', `End ${name}`)
  button.addEventListener('click', () => end(`session=${session}`))
  return button
}

// Enough to tell one's own browsers apart; the order matters, because each claims to be the ones before it.
function browserName(userAgent = '') {
  const names = [
    ['Edg/', 'Edge'],
    ['Firefox/', 'Firefox'],
    ['Chrome/', 'Chrome'],
    ['Safari/', 'Safari'],
  ]
  const [, browser = 'Unknown browser'] = names.find(([mark]) => userAgent.includes(mark)) ?? []
  const [, system] =
    /\((?:X11; )?(Linux|Windows|Macintosh|iPhone|iPad|Android)/.exec(userAgent) ?? []
  return system === undefined ? browser : `${browser} on ${system}`
}
