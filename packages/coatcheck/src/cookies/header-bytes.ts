import { headerSizes } from './parse.ts'

/**
 * What a browser's next Cookie header measures, once it has taken these `Set-Cookie` values.
 *
 * @example
 * headerBytesAfter('a=1; b=2', ['b=; Max-Age=0', 'c=3; Path=/']) // 8: `a=1; c=3`
 */
export function headerBytesAfter(
  cookieHeader: string | undefined,
  setCookies: readonly string[],
): number {
  const pairs = setCookies.map((each) => each.slice(0, endOf(each, ';')))
  const names = pairs.map((pair) => pair.slice(0, endOf(pair, '=')))
  const { total, of } = headerSizes(cookieHeader, names)
  const stays = [...of.values()].reduce((left, size) => left - size, total)
  const kept = pairs.filter((_, index) => !(setCookies[index] ?? '').includes('; Max-Age=0'))
  const bytes = kept.reduce((sum, pair) => sum + pair.length + 2, stays)
  return Math.max(0, bytes - 2)
}

function endOf(text: string, mark: string): number {
  const index = text.indexOf(mark)
  return index === -1 ? text.length : index
}
