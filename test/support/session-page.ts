import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { BrowserContext } from 'playwright-core'
import type { Stack } from './stack.ts'

const CLIENT = fileURLToPath(
  new URL('../../packages/coatcheck/src/session-client.ts', import.meta.url),
)

/** Puts a page with the session client, `/client.js`, among those that the gateway serves: `NAME.html` and its `NAME.js`. */
export async function placeSessionPage(
  stack: Stack,
  name: string,
  script: string,
  html = `<!doctype html><title>${name}</title><script type="module" src="/${name}.js"></script>`,
): Promise<void> {
  const outfile = join(stack.folder, 'pages/client.js')
  await build({ entryPoints: [CLIENT], bundle: true, format: 'esm', outfile })
  writeFileSync(join(stack.folder, `pages/${name}.html`), html)
  writeFileSync(join(stack.folder, `pages/${name}.js`), script)
  // Files are known from the start on.
  await stack.restart()
}

/** Gives a browser a ticket, `name=value`, as the gateway would have. */
export async function putTicket(
  context: BrowserContext,
  stack: Stack,
  ticket: string,
): Promise<void> {
  const [name = '', value = ''] = ticket.split('=')
  const url = stack.origin.replace('http:', 'https:')
  await context.addCookies([{ name, value, url, httpOnly: true, secure: true, sameSite: 'Strict' }])
}
