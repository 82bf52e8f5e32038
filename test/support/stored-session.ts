import type { StoredSession } from '../../packages/coatcheck/src/sessions/session-store.ts'

/** A session as a store sees it, good for a minute; its bytes mean nothing. */
export function storedSession(id: string, changes: Partial<StoredSession> = {}): StoredSession {
  const now = Date.now()
  return {
    format: 1,
    id: id.padEnd(22, '_'),
    version: 1,
    createdAt: now,
    lastSeenAt: now,
    expiresAt: now + 60_000,
    subjectKey: 'subject',
    wraps: [new Uint8Array(74).fill(1)],
    body: new Uint8Array(2800).fill(2),
    card: new Uint8Array(200).fill(3),
    ...changes,
  }
}
