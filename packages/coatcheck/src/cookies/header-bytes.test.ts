import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cookieJar } from '../../../../test/support/cookie-jar.ts'
import { headerBytesAfter } from './header-bytes.ts'

describe('headerBytesAfter', () => {
  it('T-COOKIE-05 measures what the browser will send, cookies that are replaced and deleted left out', () => {
    expect(headerBytesAfter(undefined, [])).toBe(0)
    expect(headerBytesAfter('a=1; b=2', ['b=; Path=/; Max-Age=0', 'c=3; Path=/'])).toBe(8)
    const name = fc.constantFrom('a', 'bb', 'ccc', '__Host-Http-x')
    const value = fc.stringMatching(/^[a-z0-9]{0,30}$/)
    const entry = fc.tuple(name, value, fc.boolean())
    fc.assert(
      fc.property(fc.array(entry), fc.array(entry), (before, after) => {
        const lines = (entries: typeof before) => [
          ...new Map(
            entries.map(([key, text, isGone]) => [
              key,
              isGone ? `${key}=; Path=/; Max-Age=0` : `${key}=${text}; Path=/`,
            ]),
          ).values(),
        ]
        const jar = cookieJar()
        jar.set(lines(before))
        const header = jar.header()
        jar.set(lines(after))
        expect(headerBytesAfter(header, lines(after))).toBe(jar.header().length)
      }),
    )
  })
})
