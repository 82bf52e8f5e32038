import { encodeBase64url } from '../../packages/coatcheck/src/core/bytes.ts'
import { describeKeyRing } from '../../packages/coatcheck/src/ring/key-roles.ts'
import {
  createReloadableKeyRing,
  type ReloadableKeyRing,
} from '../../packages/coatcheck/src/ring/reloadable-key-ring.ts'
import { generateKeyRing, type KeyRingFile } from '../../packages/coatcheck/src/ring/ring-file.ts'
import { addKey, forgetKey, promoteKey } from '../../packages/coatcheck/src/ring/rotation.ts'
import type {
  SessionStore,
  StoredSession,
} from '../../packages/coatcheck/src/sessions/session-store.ts'
import {
  createSessions,
  type Session,
  type Sessions,
  type SessionsOptions,
} from '../../packages/coatcheck/src/sessions/sessions.ts'
import { sqliteStore } from '../../packages/coatcheck/src/sessions/stores/sqlite.ts'
import { ticketId } from '../../packages/coatcheck/src/sessions/ticket.ts'
import { BINDING, manualClock, tokenSet } from './session-fixture.ts'
import { sqliteEngines } from './sqlite-engines.ts'

/** After so long the tokens of a session are renewed, and its record is written. */
export const RENEW_MS = 280_000

/** Processes of one site over one SQLite store and one ring file, which is rotated. */
export interface RotatingSite {
  readonly clock: () => number
  pass(ms: number): void
  readonly store: SessionStore
  /** A process. Its ring reads the file again when it is told to, or meets an unknown key. */
  start(changes?: Partial<SessionsOptions>): {
    readonly ring: ReloadableKeyRing
    readonly sessions: Sessions
  }
  add(): void
  promote(): void
  forgetOldest(): void
  stored(ticket: string): Promise<StoredSession>
  readonly disk: { file: KeyRingFile }
}

/** Starts none yet. */
export function rotatingSite(): RotatingSite {
  const { clock, pass } = manualClock()
  const [engine] = sqliteEngines()
  if (engine === undefined) throw new Error('no driver')
  const store = sqliteStore(engine.open(':memory:'), { clock })
  const disk: { file: KeyRingFile } = { file: generateKeyRing({ clock }) }
  const start = (changes: Partial<SessionsOptions> = {}) => {
    const ring = createReloadableKeyRing({ read: () => disk.file, clock })
    const sessions = createSessions({
      ...BINDING,
      ring,
      store,
      clock,
      renew: async ({ tokenSet: old }) => ({
        kind: 'renewed',
        tokenSet: tokenSet({
          subject: old.subject,
          claims: old.claims,
          accessToken: `renewed at ${clock()}`,
          accessTokenReceivedAt: clock(),
          accessTokenExpiresAt: clock() + 300_000,
        }),
      }),
      ...changes,
    })
    return { ring, sessions }
  }
  const add = (): void => {
    disk.file = addKey(disk.file, { clock })
  }
  const promote = (): void => {
    disk.file = promoteKey(disk.file, { clock, reloadSeconds: 0 })
  }
  const forgetOldest = (): void => {
    disk.file = forgetKey(disk.file, describeKeyRing(disk.file)[0]?.id ?? '')
  }
  const stored = async (ticket: string): Promise<StoredSession> => {
    const found = await store.get(ticketId(ticket) ?? '')
    if (found === undefined) throw new Error('not there')
    return found
  }
  return { clock, pass, store, start, add, promote, forgetOldest, stored, disk }
}

/** The keys under which the data key of a session is wrapped. */
export function wrappedUnder({ wraps }: StoredSession): readonly string[] {
  return wraps.map((wrap) => encodeBase64url(wrap.subarray(0, 6)))
}

/** The key under which a card is sealed. */
export function cardUnder({ card }: StoredSession): string {
  return encodeBase64url(Buffer.from(Buffer.from(card).toString(), 'base64url').subarray(1, 7))
}

/** The session of a ticket. */
export async function loaded(sessions: Sessions, ticket: string): Promise<Session> {
  const result = await sessions.load(ticket)
  if (!result.ok) throw new Error(result.reason)
  return result.session
}

/** Whether a ticket is good for an access token; renews it when it is due. */
export async function use(sessions: Sessions, ticket: string): Promise<boolean> {
  const result = await sessions.load(ticket)
  return result.ok && (await sessions.accessToken(result.session)).ok
}
