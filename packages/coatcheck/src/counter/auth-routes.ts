import { type Answer, json, methodRefused, problem } from '../core/answer.ts'
import { readTarget } from '../core/path.ts'
import { hopPage, mayLackStrictCookies, readHop } from '../guard/hop.ts'
import { signInNotStarted } from '../login/login.ts'
import { errorCatalogue } from '../login/pages.ts'
import type { Session } from '../sessions/session.ts'
import { createHandOffRoute } from './hand-off-route.ts'
import type { HandleOptions, Step } from './handle.ts'
import { comesFromOurPage, opensTab } from './page-evidence.ts'
import type { SessionRoutes } from './session-routes.ts'

// Claims about the token rather than the person, and those that would help nobody but a thief.
const PROTOCOL_CLAIMS: ReadonlySet<string> = new Set([
  'iss',
  'aud',
  'azp',
  'exp',
  'iat',
  'nbf',
  'jti',
  'nonce',
  'at_hash',
  'c_hash',
  's_hash',
  'sid',
])

const PROMPTS: ReadonlySet<string> = new Set(['login', 'consent', 'select_account'])

/** Our own addresses below /auth/. */
export function createAuthRoutes(
  options: HandleOptions,
  sessionRoutes: SessionRoutes,
): (step: Step) => Promise<Answer> {
  const { authority, login, provider, store } = options
  const handOffRoute = createHandOffRoute(options)

  async function signIn(step: Step, hopped: boolean, query: URLSearchParams): Promise<Answer> {
    if (!opensTab(step.headers)) return signInNotStarted()
    options.tidy()
    const prompt = query.get('prompt') ?? undefined
    return login.signIn({
      cookieHeader: step.headers.cookie,
      returnTo: query.get('return') ?? undefined,
      fromOurPage: !hopped && comesFromOurPage(step.headers, options.origin),
      remember: query.get('remember') === '1',
      ...(prompt !== undefined && PROMPTS.has(prompt) ? { prompt } : {}),
    })
  }

  async function callback(step: Step, hopped: boolean, query: URLSearchParams): Promise<Answer> {
    if (!opensTab(step.headers)) return signInNotStarted()
    if (options.strict && !hopped && mayLackStrictCookies(step.method, step.headers)) {
      return hopPage(options.origin, step.rawTarget)
    }
    return login.callback({
      cookieHeader: step.headers.cookie,
      parameters: query,
      session: await authority.session(step.headers),
      userAgent: step.headers.userAgent,
      address: step.clientAddress,
    })
  }

  async function signOut(step: Step): Promise<Answer> {
    const reading = await authority.judged('change', step.headers)
    if (!reading.ok && reading.judgement !== undefined) {
      const { code, rule, seen } = reading.judgement
      return problem(code, { members: { rule, seen } })
    }
    // One of several tickets is ours: which one cannot be told, so signing out ends them all.
    if (!reading.ok) {
      for (const twin of await options.sessions.twins(step.headers.cookie)) {
        await options.sessions.end(twin, 'signed_out', { revoke: true })
      }
    }
    const fromScript = step.headers.fetchMode !== undefined && step.headers.fetchMode !== 'navigate'
    return login.signOut({
      session: reading.ok ? reading.session : undefined,
      cookieHeader: step.headers.cookie,
      fromScript,
    })
  }

  async function session(step: Step, query: URLSearchParams): Promise<Answer> {
    const reading = await authority.judged('events', step.headers)
    if (reading.ok) {
      const { session: seen } = reading
      // Only for who asks: what a page does not need, it is not given.
      const form = query.has('form-token') ? { formToken: options.forms.make(seen.id) } : {}
      return json({ ...describe(seen), ...form })
    }
    if (reading.judgement === undefined) return json({ state: 'signed_out' })
    const { code, rule, seen } = reading.judgement
    return problem(code, { members: { rule, seen } })
  }

  // For what cannot send a header: `POST /auth/link?for=/api/report.pdf&seconds=60&uses=1`.
  async function link(step: Step, query: URLSearchParams): Promise<Answer> {
    const reading = await authority.judged('change', step.headers)
    if (!reading.ok) {
      if (reading.judgement === undefined) return problem('signed_out')
      const { code, rule, seen } = reading.judgement
      return problem(code, { members: { rule, seen } })
    }
    const target = query.get('for') ?? ''
    const parts = readTarget(target)
    const isApi =
      parts !== undefined && options.routes.some(({ path }) => parts.rawPath.startsWith(path))
    const { seconds, uses } = { seconds: query.get('seconds'), uses: query.get('uses') }
    if (!isApi) return problem('path_refused')
    try {
      const made = options.links.make(reading.session.id, target, {
        ...(seconds === null ? {} : { seconds: Number(seconds) }),
        ...(uses === null ? {} : { uses: Number(uses) }),
      })
      return json({ link: made })
    } catch (error) {
      if (error instanceof RangeError)
        return problem('selection_refused', { detail: error.message })
      throw error
    }
  }

  async function health(): Promise<Answer> {
    const storeOk = await answers(() => store.get('health'))
    const { ok, reason } = provider.health()
    const state = storeOk && ok ? 'ok' : 'degraded'
    return json({
      state,
      store: storeOk ? { state: 'ok' } : { state: 'unavailable', code: 'store_unavailable' },
      provider: ok
        ? { state: 'ok' }
        : { state: 'unavailable', code: reason ?? 'provider_unavailable' },
    })
  }

  return async (step) => {
    const { hopped, target } = readHop(step.rawTarget)
    const query = (): URLSearchParams => new URL(target, options.origin).searchParams
    const reads = step.method === 'GET' || step.method === 'HEAD'
    switch (step.target.path) {
      case '/auth/sign-in':
        return step.method === 'GET' ? signIn(step, hopped, query()) : methodRefused('GET')
      case '/auth/callback':
        return step.method === 'GET' ? callback(step, hopped, query()) : methodRefused('GET')
      case '/auth/sign-out':
        return step.method === 'POST' ? signOut(step) : methodRefused('POST')
      case '/auth/session':
        return reads ? session(step, query()) : methodRefused('GET, HEAD')
      case '/auth/sessions':
        return reads ? sessionRoutes.list(step) : methodRefused('GET, HEAD')
      case '/auth/sessions/end':
        return step.method === 'POST' ? sessionRoutes.end(step) : methodRefused('POST')
      case '/auth/events':
        return methodRefused('GET')
      case '/auth/link':
        return step.method === 'POST' ? link(step, query()) : methodRefused('POST')
      case '/auth/health':
        return reads ? health() : methodRefused('GET, HEAD')
      case '/auth/errors':
        return reads ? errorCatalogue() : methodRefused('GET, HEAD')
      default:
        return (await handOffRoute(step)) ?? problem('route_unknown')
    }
  }
}

/** What a page's script learns of a session: who, and until when. */
function describe(session: Session): Record<string, unknown> {
  const claims = Object.entries(session.tokenSet.claims).filter(
    ([name]) => !PROTOCOL_CLAIMS.has(name),
  )
  return {
    state: 'signed_in',
    claims: Object.fromEntries(claims),
    idleEndsAt: session.idleEndsAt,
    absoluteEndsAt: session.absoluteEndsAt,
  }
}

async function answers(ask: () => unknown): Promise<boolean> {
  try {
    await ask()
    return true
  } catch {
    return false
  }
}
