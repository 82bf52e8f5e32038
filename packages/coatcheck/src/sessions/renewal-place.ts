import type { MaybePromise } from '../core/maybe-promise.ts'
import type { RenewalNote } from './card.ts'
import type { SessionContents } from './contents.ts'
import type { Session, SessionState } from './session.ts'
import type { EndReason } from './session-store.ts'

/** Where the sessions lie whose tokens are renewed: a store that processes share, or one process. */
export interface RenewalPlace<S extends SessionState = SessionState> {
  /** The newest version; `undefined` once it is over, or no longer what was sealed. */
  reread(session: Session): Promise<S | undefined>
  /** The next version; `undefined` when somebody else wrote it first or the session is over. */
  write(current: S, contents: SessionContents, note?: RenewalNote): Promise<S | undefined>
  /** The same, tried again for half a minute when the place does not answer. */
  writeSurely(current: S, contents: SessionContents, note?: RenewalNote): Promise<S | undefined>
  /** Any work on the place, tried again likewise. */
  surely<T>(work: () => Promise<T>): Promise<T>
  sessionOf(state: S): Session
  /** Ends what the provider renews no more, and tells so. */
  end(current: S, reason: EndReason, last: RenewalNote): Promise<void>
  /** Why a session ended, as long as it is known. */
  endingOf(id: string): MaybePromise<EndReason | undefined>
  /** A fencing number for whoever may renew now; `undefined` while somebody else may. */
  acquireLease(id: string, leaseMs: number): MaybePromise<number | undefined>
  releaseLease(id: string, fencingNumber: number): MaybePromise<void>
}
