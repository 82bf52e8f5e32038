// @ts-check
import { existsSync } from 'node:fs'
import { fail, run, say } from './step.mjs'

const BROWSERS = {
  chromium: {
    title: 'Chromium',
    variable: 'CHROMIUM',
    debianPackages: ['chromium'],
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
    debianPackages: ['firefox-esr'],
    places: [
      '/usr/bin/firefox-esr',
      '/usr/bin/firefox',
      '/Applications/Firefox.app/Contents/MacOS/firefox',
    ],
  },
  webkit: {
    title: 'WebKitGTK',
    variable: 'WEBKIT',
    debianPackages: ['webkit2gtk-driver', 'xvfb', 'xauth'],
    places: [
      '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
      '/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
    ],
  },
}

/**
 * Finds a browser, installs it on Debian as root, and elsewhere says in one line what to install.
 * @param {keyof typeof BROWSERS} name
 */
export function ensureBrowser(name) {
  const { title, variable, debianPackages, places } = BROWSERS[name]
  const found = () =>
    [process.env[variable], ...places].some((place) => place !== undefined && existsSync(place))
  if (found()) return
  const debian = existsSync('/etc/debian_version') && process.getuid?.() === 0
  if (debian) {
    say(`Installing ${title} ...`)
    const remedy = `apt-get failed: install ${title} by hand, or set ${variable} to the path of one.`
    run('apt-get', ['update', '-q'], { remedy })
    run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...debianPackages], {
      remedy,
    })
  }
  if (!found()) fail(`No ${title} was found: install it, or set ${variable} to its path.`)
}
