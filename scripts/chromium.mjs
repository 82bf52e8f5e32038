// @ts-check
import { existsSync } from 'node:fs'
import { fail, run, say } from './step.mjs'

const CHROMIUM_PLACES = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

/** Finds a Chromium, installs it on Debian as root, and elsewhere says in one line what to install. */
export function ensureChromium() {
  const found = () => CHROMIUM_PLACES.some((place) => place !== undefined && existsSync(place))
  if (found()) return
  const debian = existsSync('/etc/debian_version') && process.getuid?.() === 0
  if (debian) {
    say('Installing Chromium ...')
    const remedy = 'apt-get failed: install chromium by hand, or set CHROMIUM to the path of one.'
    run('apt-get', ['update', '-q'], { remedy })
    run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'chromium'], { remedy })
  }
  if (!found())
    fail('No Chromium was found: install Chromium or Chrome, or set CHROMIUM to its path.')
}
