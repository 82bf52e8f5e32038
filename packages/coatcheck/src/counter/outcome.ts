import type { Answer } from '../core/answer.ts'
import type { Forward } from '../proxy/forward.ts'

/** What becomes of a request. */
export type Outcome =
  /** We answer ourselves. */
  | { readonly kind: 'respond'; readonly answer: Answer }
  /** An upstream answers; a skin streams both bodies. */
  | { readonly kind: 'forward'; readonly forward: Forward }
  /** A page of the app's own: allowed, to be answered by whoever holds it. */
  | { readonly kind: 'pass'; readonly path: string }
