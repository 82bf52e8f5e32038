import { type Answer, json, problem, seeOther } from '../core/answer.ts'
import type { Session } from '../sessions/session.ts'
import type { SessionList } from '../sessions/session-list.ts'
import type { AuthorityReading } from './authority.ts'
import type { HandleOptions, Step } from './handle.ts'
import type { Outcome } from './outcome.ts'

/** Our addresses at which people see and end their sessions on all their devices. */
export interface SessionRoutes {
  /** `GET /auth/sessions` */
  list(step: Step): Promise<Answer>
  /** `POST /auth/sessions/end?session=SHORT_ID`, `?others` or `?all` */
  end(step: Step): Promise<Answer>
  /** `GET /auth/events` */
  events(step: Step): Promise<Outcome>
}

/** None of them counts as activity. */
export function createSessionRoutes(options: HandleOptions): SessionRoutes {
  const { authority, sessions } = options

  async function list(step: Step): Promise<Answer> {
    if (sessions.list === undefined) return problem('sessions_not_listed')
    const reading = await authority.judged('events', step.headers)
    if (!reading.ok) return refusal(reading)
    const { session } = reading
    const found = await sessions.list.list(session.tokenSet.subject)
    // How its tokens fared is for operators.
    const shown = found.map(({ renewals: _, ...rest }) => ({
      ...rest,
      current: rest.session === session.shortId,
    }))
    return json({ sessions: shown })
  }

  async function end(step: Step): Promise<Answer> {
    if (sessions.list === undefined) return problem('sessions_not_listed')
    const reading = await authority.judged('change', step.headers)
    if (!reading.ok) return refusal(reading)
    const { session } = reading
    const query = new URL(step.rawTarget, options.origin).searchParams
    const which = readSelection(query)
    if (which === undefined) return problem('selection_refused')
    const isOwn = which === 'all' || which === session.shortId
    let ended = 0
    if (which !== session.shortId) ended += await endOthers(sessions.list, session, which)
    // One's own last, so that a failure in between can be mended by asking again.
    if (isOwn && (await sessions.end(session, 'ended_by_user', { revoke: true }))) ended += 1
    const fromScript = step.headers.fetchMode !== undefined && step.headers.fetchMode !== 'navigate'
    if (fromScript) return json({ ended })
    return seeOther(`${options.origin}${options.afterSignOut}`)
  }

  function endOthers(list: SessionList, session: Session, which: string): Promise<number> {
    const { subject } = session.tokenSet
    const isOne = which !== 'all' && which !== 'others'
    const selection = isOne ? { only: which } : { except: session.shortId }
    return list.endAll(subject, 'ended_by_user', selection)
  }

  async function events(step: Step): Promise<Outcome> {
    const reading = await authority.judged('events', step.headers)
    if (!reading.ok) return { kind: 'respond', answer: refusal(reading) }
    return options.streams.open(reading.session)
  }

  return { list, end, events }
}

// A sign-out everywhere must be asked for in so many words.
function readSelection(query: URLSearchParams): string | undefined {
  const session = query.get('session')
  const given = [session, query.get('others'), query.get('all')].filter((value) => value !== null)
  if (given.length !== 1) return undefined
  if (session !== null) return /^[\w-]{8}$/.test(session) ? session : undefined
  return query.has('all') ? 'all' : 'others'
}

function refusal(reading: AuthorityReading & { readonly ok: false }): Answer {
  if (reading.judgement === undefined) return problem('signed_out')
  const { code, rule, seen } = reading.judgement
  return problem(code, { members: { rule, seen } })
}
