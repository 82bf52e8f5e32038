// @ts-check
// What a person does with the page of the lab's single-page app.
import { TEST_USERS } from '@coatcheck/dev'

/** @typedef {import('../browsers/browsers.mjs').LabPage} LabPage */

/**
 * Signs in from wherever the page is, forms and all, and waits until the page knows.
 * @param {LabPage} page
 * @param {string} url
 * @param {string} [username]
 */
export async function signIn(page, url, username = 'ada') {
  const user = TEST_USERS.find((each) => each.username === username)
  await page.goto(url)
  await until(() => page.evaluate("typeof lab === 'object'"))
  await page.start("lab.signIn({ prompt: 'login' })")
  await until(() => page.evaluate("document.querySelector('#username') !== null"))
  await page.fill('#username', username)
  await page.fill('#password', user?.password ?? '')
  await page.click('button[value=go]')
  await isReady(page)
  return page.evaluate('lab.state()')
}

/** Waits until the lab's page is there and its first state is known. @param {LabPage} page */
export async function isReady(page) {
  await until(() =>
    page.evaluate(
      "typeof lab === 'object' && lab.state().then((state) => state.state ?? state.error)",
    ),
  )
}

/**
 * @param {() => Promise<unknown>} check
 * @param {number} [ms]
 */
export async function until(check, ms = 15_000) {
  for (const end = Date.now() + ms; ; ) {
    // A page that is left in the middle of a question has no answer.
    const found = await check().catch(() => undefined)
    if (found) return found
    if (Date.now() > end) throw new Error(`It did not come to pass: ${check}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
