import type { ErrorCode } from '../core/error-codes.ts'
import type { DecidingHeaders } from '../core/request-head.ts'

/**
 * What a request wants of the cookie's authority.
 * - `change`: changes state (our own POST routes)
 * - `api`: an API call; also needs the header `x-coatcheck: 1`
 * - `events`: a listed event stream or our own status routes, which cannot send a header
 * - `download`: a listed download, which a plain link starts
 * - `socket`: a WebSocket handshake
 * - `form`: a plain HTML form, which cannot send a header either: it brings a token
 * - `link`: an address that a link of ours stands for: an image, a download, a stream
 * - `page`: what a page of the app's own loads: styles, scripts, images, its own fetches
 */
export type Intent = 'change' | 'api' | 'events' | 'download' | 'socket' | 'form' | 'link' | 'page'

/** Why a request may or may not use the cookie's authority. */
export type Judgement =
  | { readonly ok: true; readonly rule: Rule }
  | {
      readonly ok: false
      readonly rule: Rule
      readonly code: ErrorCode
      /** What was seen, cut and without query: for the answer and the log. */
      readonly seen: string
    }

/** The rule that decided. */
export type Rule =
  | 'origin'
  | 'fetch-site'
  | 'referer'
  | 'evidence'
  | 'header'
  | 'destination'
  | 'link'

/** Whose pages may act. */
export interface GuardOptions {
  /** Our own origin. */
  readonly origin: string
  /** Further origins whose pages may act, each exact. Default: none. */
  readonly allowedOrigins?: readonly string[]
}

const FETCH_SITES: ReadonlySet<string> = new Set(['same-origin', 'same-site', 'cross-site', 'none'])

/**
 * Judges whether a request may use the cookie's authority. A present Origin decides alone; without it
 * Sec-Fetch-Site; without both Referer; without all three the request is refused.
 *
 * @see RFC 10017, section 6.1.3.3; W3C Fetch Metadata, section 2.3
 * @example
 * const judge = createGuard({ origin: 'https://app.example' })
 * judge('api', readDecidingHeaders(['origin', 'https://evil.test'])).ok // false
 */
export function createGuard(
  options: GuardOptions,
): (intent: Intent, headers: DecidingHeaders) => Judgement {
  const origins: ReadonlySet<string> = new Set([options.origin, ...(options.allowedOrigins ?? [])])
  return (intent, headers) => {
    const destination = judgeDestination(intent, headers)
    if (destination !== undefined) return destination
    const source = judgeSource(intent, headers, origins)
    if (!source.ok) return source
    if (intent === 'api' && headers.coatcheck !== '1') {
      return refuse('header', 'header_required', headers.coatcheck ?? 'nothing')
    }
    return source
  }
}

/** What may show an API's answer besides scripts: nothing in which it would act for our origin. */
const SHOWN: Readonly<Partial<Record<Intent, ReadonlySet<string>>>> = {
  download: new Set(['document']),
  form: new Set(['document']),
  link: new Set(['document', 'image', 'audio', 'video', 'track']),
}

// An API's answer shown as a document, frame, script or worker would run the upstream's bytes on our
// origin: only fetch, EventSource, a download (always an attachment), a form's answer (sandboxed) and media get it.
function judgeDestination(intent: Intent, headers: DecidingHeaders): Judgement | undefined {
  if (intent === 'change' || intent === 'socket' || intent === 'page') return undefined
  const destination = headers.fetchDest
  if (destination === undefined || destination === 'empty') return undefined
  if (SHOWN[intent]?.has(destination) === true) return undefined
  return refuse('destination', 'destination_refused', destination)
}

function judgeSource(
  intent: Intent,
  headers: DecidingHeaders,
  origins: ReadonlySet<string>,
): Judgement {
  if (headers.origin !== undefined) {
    if (origins.has(headers.origin)) return { ok: true, rule: 'origin' }
    return refuse('origin', 'cross_site_refused', headers.origin)
  }
  // Browsers always send Origin with a WebSocket handshake: without it, it is none.
  if (intent === 'socket') return refuse('origin', 'origin_evidence_missing', 'no Origin')
  if (headers.fetchSite !== undefined && FETCH_SITES.has(headers.fetchSite)) {
    if (headers.fetchSite === 'same-origin') return { ok: true, rule: 'fetch-site' }
    return refuse('fetch-site', 'cross_site_refused', headers.fetchSite)
  }
  if (headers.referer !== undefined) {
    const source = originOf(headers.referer)
    if (source !== undefined && origins.has(source)) return { ok: true, rule: 'referer' }
    return refuse('referer', 'cross_site_refused', source ?? 'an address that is none')
  }
  // What only we can have written is evidence enough where a browser sends none.
  if (intent === 'link') return { ok: true, rule: 'link' }
  return refuse('evidence', 'origin_evidence_missing', 'no Origin, no Sec-Fetch-Site, no Referer')
}

function originOf(address: string): string | undefined {
  // No address has a space in it: these are two.
  if (address.includes(' ')) return undefined
  try {
    return new URL(address).origin
  } catch {
    return undefined
  }
}

const MAX_SEEN_CHARACTERS = 120

function refuse(rule: Rule, code: ErrorCode, seen: string): Judgement {
  // Only what a header of this kind can honestly hold is repeated.
  const printable = seen.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_SEEN_CHARACTERS)
  return { ok: false, rule, code, seen: printable }
}
