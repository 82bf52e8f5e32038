// @ts-check
// WebKit, the engine of Safari: WebKitGTK's MiniBrowser, over WebDriver, on a display of its own.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { Builder, By } from 'selenium-webdriver'
import { freePort } from '../../test/support/dev-process.ts'

const BINARIES = [
  '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
  '/usr/lib/aarch64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
]
const STARTS_WITHIN_MS = 20_000

/**
 * A browser under WebDriver keeps no profile: what it knows is gone when it ends.
 * @type {import('./browsers.mjs').Open}
 */
export async function openWebkit() {
  const binary = [process.env.WEBKIT, ...BINARIES].find((place) => place && existsSync(place))
  if (binary === undefined) throw new Error('No WebKit was found: install webkit2gtk-driver.')
  const port = await freePort()
  const server = spawn('xvfb-run', ['-a', 'WebKitWebDriver', `--port=${port}`], {
    stdio: 'ignore',
    detached: true,
    env: { ...process.env, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1' },
  })
  const stop = () => {
    // The driver and its display: all that was started with it.
    if (server.pid !== undefined) process.kill(-server.pid)
  }
  try {
    const driver = await connect(port, binary)
    const page = webkitPage(driver, await driver.getWindowHandle())
    return { page, close: () => driver.quit().finally(stop) }
  } catch (error) {
    stop()
    throw error
  }
}

/**
 * @param {number} port
 * @param {string} binary
 */
async function connect(port, binary) {
  const capabilities = {
    browserName: 'MiniBrowser',
    acceptInsecureCerts: true,
    'webkitgtk:browserOptions': { binary, args: ['--automation'] },
  }
  for (const until = Date.now() + STARTS_WITHIN_MS; ; ) {
    try {
      const builder = new Builder().usingServer(`http://127.0.0.1:${port}`)
      const driver = await builder.withCapabilities(capabilities).build()
      // A page that is left in the middle of a script never answers.
      await driver.manage().setTimeouts({ script: 5000 })
      return driver
    } catch (error) {
      if (Date.now() > until) throw error
      await pause(200)
    }
  }
}

/**
 * @param {import('selenium-webdriver').WebDriver} driver
 * @param {string} handle
 * @returns {import('./browsers.mjs').LabPage}
 */
function webkitPage(driver, handle) {
  const here = () => driver.switchTo().window(handle)
  const evaluate = async (/** @type {string} */ source) => {
    await here()
    return driver.executeAsyncScript(
      `const done = arguments[arguments.length - 1]; Promise.resolve(${source}).then(done, () => done(null))`,
    )
  }
  const start = async (/** @type {string} */ source) => {
    await here()
    await driver.executeScript(`setTimeout(() => { ${source} }, 0)`)
  }
  return {
    evaluate,
    start,
    goto: async (url) => {
      await here()
      await driver.get(url)
    },
    click: async (selector) => {
      await here()
      const former = await driver.getCurrentUrl()
      await driver.findElement(By.css(selector)).click()
      for (let tries = 0; tries < 50 && (await driver.getCurrentUrl()) === former; tries += 1) {
        await pause(100)
      }
    },
    fill: async (selector, text) => {
      await here()
      await driver.findElement(By.css(selector)).sendKeys(text)
    },
    popup: async (selector) => {
      await here()
      const former = await driver.getAllWindowHandles()
      await driver.findElement(By.css(selector)).click()
      for (let tries = 0; tries < 100; tries += 1) {
        const added = (await driver.getAllWindowHandles()).find((one) => !former.includes(one))
        if (added !== undefined) return webkitPage(driver, added)
        await pause(50)
      }
      throw new Error('no tab')
    },
    reload: async () => {
      await here()
      await driver.navigate().refresh()
    },
    back: async () => {
      await here()
      await driver.navigate().back()
    },
    url: async () => {
      await here()
      return driver.getCurrentUrl()
    },
    status: () => evaluate("performance.getEntriesByType('navigation')[0]?.responseStatus ?? 0"),
    close: async () => {
      await here()
      await driver.close()
    },
  }
}

/** @param {number} ms */
function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
