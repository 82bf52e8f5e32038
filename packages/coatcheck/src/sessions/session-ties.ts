import { behindSession, type Session } from './session.ts'

/** What ties a session to those of other sites; it stands in the seal, and on the card for who has no ticket. */
export interface SessionTies {
  /** The id of the first of the sessions that one person had one after another in one browser. Absent: its own. */
  readonly lineage?: string
  /** Where the person was handed over from. */
  readonly from?: HandedOver
}

/** What a site knows of the session elsewhere that one of its own came from. */
export interface HandedOver {
  readonly source: string
  /** What the source calls the two sessions when its own ends. */
  readonly link: string
  /** What the source takes back when ours ends; it alone can read it. */
  readonly handle: string
}

/** The ties of a session, if it has any. */
export function tiesOf(session: Session): SessionTies {
  return behindSession(session).contents.ties ?? {}
}

/** The id of the first session of its lineage. */
export function lineageOf(session: Session): string {
  return tiesOf(session).lineage ?? session.id
}
