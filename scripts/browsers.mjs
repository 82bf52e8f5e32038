// @ts-check
import { existsSync } from 'node:fs'
import { fail, run, say } from './step.mjs'

const BROWSERS = {
  chromium: {
    title: 'Chromium',
    variable: 'CHROMIUM',
    debianPackage: 'chromium',
    places: [
      '/usr/bin/chromium',
      '/usr/bin/chromium-browser',
      '/usr/bin/google-chrome',
      '/usr/bin/google-chrome-stable',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
      '/Applications/Chromium.app/Contents/MacOS/Chromium',
    ],
  },
  firefox: {
    title: 'Firefox',
    variable: 'FIREFOX',
    debianPackage: 'firefox-esr',
    places: [
      '/usr/bin/firefox-esr',
      '/usr/bin/firefox',
      '/Applications/Firefox.app/Contents/MacOS/firefox',
    ],
  },
}

/**
 * Finds a browser, installs it on Debian as root, and elsewhere says in one line what to install.
 * @param {keyof typeof BROWSERS} name
 */
export function ensureBrowser(name) {
  const { title, variable, debianPackage, places } = BROWSERS[name]
  const found = () =>
    [process.env[variable], ...places].some((place) => place !== undefined && existsSync(place))
  if (found()) return
  const debian = existsSync('/etc/debian_version') && process.getuid?.() === 0
  if (debian) {
    say(`Installing ${title} ...`)
    const remedy = `apt-get failed: install ${title} by hand, or set ${variable} to the path of one.`
    run('apt-get', ['update', '-q'], { remedy })
    run('apt-get', ['install', '-y', '-q', '--no-install-recommends', debianPackage], { remedy })
  }
  if (!found()) fail(`No ${title} was found: install it, or set ${variable} to its path.`)
}
