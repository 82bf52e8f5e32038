import { type Answer, methodRefused } from '../core/answer.ts'
import { hopPage, mayLackStrictCookies, readHop } from '../guard/hop.ts'
import { CALLBACK_PATH } from '../login/hand-off.ts'
import { signInNotStarted } from '../login/login.ts'
import { AUTHORIZE_PATH } from '../login/return-address.ts'
import type { HandleOptions, Step } from './handle.ts'
import { comesFromOurPage, opensTab } from './page-evidence.ts'

const PAGES: ReadonlySet<string> = new Set(['/auth/hand-off', AUTHORIZE_PATH, CALLBACK_PATH])

/** The addresses of hand-offs; `undefined` for any other, and where no hand-off is configured. */
export function createHandOffRoute(
  options: HandleOptions,
): (step: Step) => Promise<Answer | undefined> {
  return async (step) => {
    const { handOff } = options
    if (handOff === undefined) return undefined
    const { hopped, target } = readHop(step.rawTarget)
    const parameters = new URL(target, options.origin).searchParams
    const { path } = step.target
    if (path === '/auth/hand-off/redeem' || path === '/auth/hand-off/ended') {
      if (step.method !== 'POST') return methodRefused('POST')
      const letter = onlyHeader(step.rawHeaders, 'authorization')
      const clientId = parameters.get('client_id')
      return path.endsWith('/ended')
        ? handOff.ended(clientId, letter)
        : handOff.redeem(clientId, letter)
    }
    const { headers } = step
    const request = { cookieHeader: headers.cookie, parameters }
    if (!PAGES.has(path)) return undefined
    if (step.method !== 'GET') return methodRefused('GET')
    if (!opensTab(headers)) return signInNotStarted()
    options.tidy()
    if (path === '/auth/hand-off') {
      const fromOurPage = !hopped && comesFromOurPage(headers, options.origin)
      return handOff.start({ ...request, fromOurPage })
    }
    if (path === CALLBACK_PATH) return handOff.callback(request)
    if (options.strict && !hopped && mayLackStrictCookies(step.method, headers)) {
      return hopPage(options.origin, step.rawTarget)
    }
    return handOff.authorize({
      ...request,
      target,
      session: await options.authority.session(headers),
    })
  }
}

// Of two, nobody can tell which one counts.
function onlyHeader(headers: readonly string[], name: string): string | undefined {
  const values = headers.filter(
    (_, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === name,
  )
  return values.length === 1 ? values[0] : undefined
}
