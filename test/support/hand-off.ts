import { join } from 'node:path'
import { createFormBrowser, type FormBrowser, startDevProvider } from '@coatcheck/dev'
import { writeNewRing } from '@coatcheck/gateway'
import { freePort, temporaryFolder } from './dev-process.ts'
import { send } from './send.ts'
import { OWN_NAVIGATION, type Stack, startStack } from './stack.ts'

/** Two sites of one provider on two hosts: who is signed in at `source` can be handed over to `target`. */
export interface HandOffSites {
  readonly source: Stack
  readonly target: Stack
  /** The ring that both share. */
  readonly ringFile: string
  close(): Promise<void>
}

/** Starts both, each with a gateway of its own, over HTTP: localhost and 127.0.0.1 are two hosts. */
export async function startHandOffSites(): Promise<HandOffSites> {
  const folder = temporaryFolder()
  const ringFile = join(folder.path, 'shared.json')
  writeNewRing(ringFile)
  const [sourcePort, targetPort] = [await freePort(), await freePort()]
  const sourceOrigin = `http://localhost:${sourcePort}`
  const targetOrigin = `http://127.0.0.1:${targetPort}`
  const provider = await startDevProvider({
    clientOrigin: sourceOrigin,
    furtherClients: [{ clientId: 'target', origin: targetOrigin }],
  })
  const source = await startStack({
    ...{ provider, port: sourcePort },
    config: (base) => ({ ...base, handOff: { to: [{ origin: targetOrigin, ringFile }] } }),
  })
  const target = await startStack({
    provider: { ...provider, clientId: 'target' },
    ...{ port: targetPort, hostname: '127.0.0.1' },
    config: (base) => ({ ...base, handOff: { from: [{ origin: sourceOrigin, ringFile }] } }),
  })
  return {
    source,
    target,
    ringFile,
    close: async () => {
      await source.close()
      await target.close()
      await provider.close()
      folder.remove()
    },
  }
}

/** A step of a hand-off as a browser has it: where it is sent next, and its cookies. */
export interface HandOffStep {
  readonly location: string
  readonly cookies: string
  readonly status: number
}

/** Asks the target to be signed in: gives where the source is asked. */
export async function askTarget({ target }: HandOffSites, query = ''): Promise<HandOffStep> {
  return step(await visit(`${target.origin}/auth/hand-off${query}`))
}

/** Asks the source for a code: gives the target's callback. */
export async function askSource(location: string, ticket: string): Promise<HandOffStep> {
  return step(await visit(location, ticket))
}

/** Brings the code to the target, and everything after it to its end: gives the last answer. */
export async function bringCode(
  { target }: HandOffSites,
  location: string,
  cookies: string,
  browser: FormBrowser = createFormBrowser(),
  ticket = '',
): Promise<Response> {
  const answer = await visit(location, cookies)
  const { location: provider, cookies: transaction, status } = step(answer)
  if (status !== 303) return answer
  const callback = `${target.origin}/auth/callback`
  const page = await browser.open(provider, callback)
  return visit(page.url, ticket === '' ? transaction : `${transaction}; ${ticket}`)
}

/** A page load by a link on the site itself, or by the second request of a hop. */
export function visit(url: string, cookie = ''): Promise<Response> {
  const headers = { ...OWN_NAVIGATION, host: new URL(url).host }
  return send(url, { headers: cookie === '' ? headers : { ...headers, cookie } })
}

function step(answer: Response): HandOffStep {
  const cookies = answer.headers.getSetCookie().map((line) => line.slice(0, line.indexOf(';')))
  const set = cookies.filter((pair) => !pair.endsWith('='))
  return {
    location: answer.headers.get('location') ?? '',
    cookies: set.join('; '),
    status: answer.status,
  }
}
