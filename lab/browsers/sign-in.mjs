// @ts-check
import { TEST_USERS } from '@coatcheck/dev'

/**
 * Signs in as a person does, and waits for the page after it.
 * @param {import('./browsers.mjs').LabPage} page
 * @param {string} origin
 * @param {{ remember?: boolean }} [options]
 */
export async function signInWith(page, origin, { remember = false } = {}) {
  const [user] = TEST_USERS
  await page.goto(`${origin}/auth/sign-in?return=/`)
  await page.click(remember ? 'a.action[href*="remember=1"]' : 'a.action')
  await page.fill('#username', user?.username ?? '')
  await page.fill('#password', user?.password ?? '')
  await page.click('button[value=go]')
  for (let tries = 0; tries < 50 && (await page.url()) !== `${origin}/`; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
