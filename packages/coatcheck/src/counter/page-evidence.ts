import type { DecidingHeaders } from '../core/request-head.ts'
import { isDocumentNavigation } from '../guard/hop.ts'

/** Whether a person opened this: a prefetch, a frame or a script is no wish of a person to sign in. */
export function opensTab(headers: DecidingHeaders): boolean {
  if (headers.purpose !== undefined && /prefetch|prerender/i.test(headers.purpose)) return false
  return isDocumentNavigation(headers)
}

/** Whether a page of ours led here: everybody else gets a page with a button first. */
export function comesFromOurPage(headers: DecidingHeaders, origin: string): boolean {
  if (headers.fetchSite !== undefined) return headers.fetchSite === 'same-origin'
  return headers.referer?.startsWith(`${origin}/`) ?? false
}
