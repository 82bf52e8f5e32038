import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { tellsCaches } from '../proxy/shared-caches.ts'

/**
 * Makes an answer that somebody else writes carry our cookies beside its own, and no cache keep it: whatever it says
 * when its head is written.
 */
export function carryCookies(response: ServerResponse, setCookies: readonly string[]): void {
  if (setCookies.length === 0) return
  const writeHead = response.writeHead.bind(response) as (
    status: number,
    words?: string,
  ) => ServerResponse

  function withOurs(
    status: number,
    ...rest: readonly (string | OutgoingHttpHeaders | readonly OutgoingHttpHeader[] | undefined)[]
  ): ServerResponse {
    const words = rest.find((each) => typeof each === 'string')
    for (const [name, value] of headersOf(rest.find((each) => typeof each === 'object'))) {
      response.setHeader(name, value)
    }
    for (const name of response.getHeaderNames()) if (tellsCaches(name)) response.removeHeader(name)
    response.setHeader('cache-control', 'no-store')
    const own = [response.getHeader('set-cookie') ?? []].flat().map(String)
    response.setHeader('set-cookie', [...own, ...setCookies])
    return words === undefined ? writeHead(status) : writeHead(status, words)
  }
  response.writeHead = withOurs as typeof response.writeHead
}

// Several values of one name are one header with a list.
function headersOf(given: unknown): readonly (readonly [string, string | readonly string[]])[] {
  const list: readonly (readonly [string, unknown])[] = Array.isArray(given)
    ? pairsOf(given)
    : Object.entries(given ?? {})
  const found = new Map<string, { readonly name: string; readonly values: string[] }>()
  for (const [name, value] of list) {
    if (value === undefined) continue
    const entry = found.get(name.toLowerCase()) ?? { name, values: [] }
    entry.values.push(...[value].flat().map(String))
    found.set(name.toLowerCase(), entry)
  }
  return [...found.values()].map(({ name, values }) => {
    const [only = ''] = values
    return [name, values.length === 1 ? only : values]
  })
}

// Flat, or a list of pairs: node:http takes both.
function pairsOf(list: readonly unknown[]): readonly (readonly [string, unknown])[] {
  if (list.every(Array.isArray)) return list.map(([name, value]) => [String(name), value])
  return list.flatMap((name, index) => (index % 2 === 0 ? [[String(name), list[index + 1]]] : []))
}
