import type { Answer } from '../core/answer.ts'
import type { Forward } from '../proxy/forward.ts'
import type { StreamSink } from './event-stream.ts'

/** What becomes of a request. */
export type Outcome =
  /** We answer ourselves. */
  | { readonly kind: 'respond'; readonly answer: Answer }
  /** We answer bit by bit; `begin` gives back what to call when the client has left. */
  | {
      readonly kind: 'stream'
      readonly answer: Answer
      readonly begin: (sink: StreamSink) => () => void
    }
  /** An upstream answers; a skin streams both bodies. */
  | { readonly kind: 'forward'; readonly forward: Forward }
  /** A page of the app's own: allowed, to be answered by whoever holds it. */
  | {
      readonly kind: 'pass'
      readonly path: string
      /** `Set-Cookie` values that its answer must carry besides its own. */
      readonly setCookies: readonly string[]
    }
