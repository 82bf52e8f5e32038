import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { systemRandom } from '../core/random.ts'
import { cookieCount, type SplitCookie, splitCookie } from './chunks.ts'
import { joinCookies, staleChunks } from './found-chunks.ts'
import { generationTime, isGeneration, newGeneration } from './generation.ts'
import { headerSizes } from './parse.ts'
import { serializeCookie } from './serialize.ts'

const NAME = '__Host-Http-coatcheck'
const NOW = 1_800_000_000_000
const [ONE, TWO] = ['0trobc00aaaa', '0trobc10bbbb']
const ATTRIBUTES = { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' } as const
const HUGE = 1_000_000

function split(value: string, generation: string = ONE, budgetBytes = HUGE): SplitCookie {
  return splitCookie({ name: NAME, value, generation, budgetBytes })
}

function pairs(result: SplitCookie): string[] {
  return result.ok ? result.cookies.map(({ name, value }) => `${name}=${value}`) : []
}

function joined(...cookies: readonly string[]): readonly string[] | string {
  const found = joinCookies(cookies.join('; '), NAME)
  return found.ok ? found.complete.map(({ value }) => value) : found.reason
}

describe('splitCookie and joinCookies', () => {
  it('T-COOKIE-05 give back any value, in cookies that browsers keep', () => {
    fc.assert(
      fc.property(fc.nat({ max: 36_000 }), fc.integer(), (length, order) => {
        const value = 'abcdefghij'.repeat(3600).slice(0, length)
        const result = split(value)
        if (!result.ok) throw new Error('too large')
        expect(result.cookies).toHaveLength(cookieCount(NAME, length))
        for (const cookie of result.cookies) {
          expect(serializeCookie(cookie.name, cookie.value, ATTRIBUTES)).toContain('SameSite')
        }
        const cookies = pairs(result)
        expect(cookies.join('; ').length).toBe(result.bytes)
        if (order % 2 === 0) cookies.reverse()
        expect(joined('a=1', ...cookies, 'b=2')).toEqual([value])
      }),
    )
  })

  it('T-COOKIE-05 measures 4095, 4096 and 4097 bytes of name and value', () => {
    const count = (bytes: number) => pairs(split('v'.repeat(bytes - NAME.length))).length
    expect([count(4095), count(4096), count(4097)]).toEqual([1, 1, 2])
    const [first = ''] = pairs(split('v'.repeat(9000)))
    expect(first.length).toBe(4096 + 1)
    expect(first.startsWith(`${NAME}-${ONE}-0=3v`)).toBe(true)
  })

  it('T-COOKIE-05 holds the whole header against a budget, and says what it would have been', () => {
    const value = 'v'.repeat(5000)
    const fits = split(value)
    const { bytes } = fits
    expect(split(value, ONE, bytes).ok).toBe(true)
    expect(split(value, ONE, bytes - 1)).toEqual({
      ok: false,
      reason: 'too_large',
      bytes,
      budget: bytes - 1,
    })
    expect(splitCookie({ name: NAME, value: 'v'.repeat(8300), generation: ONE })).toMatchObject({
      reason: 'too_large',
      budget: 8192,
    })
    expect(
      splitCookie({ name: NAME, value, generation: ONE, besideBytes: 8192 - bytes + 1 }).ok,
    ).toBe(false)
    expect(split('v'.repeat(40_000)).ok).toBe(false)
  })

  it('T-COOKIE-05 measures what stands beside', () => {
    const header = 'theme=dark; id=abc;  a=1; id-x-0=5; plain'
    const { total, of } = headerSizes(header, ['id', 'id-x-0'])
    const own = [...of.values()].reduce((sum, size) => sum + size, 0)
    expect([...of.keys()]).toEqual(['id', 'id-x-0'])
    expect(total - own).toBe('theme=dark; a=1; plain; '.length)
    expect(headerSizes(undefined, ['id']).total).toBe(0)
    expect(headerSizes(';;', ['']).total).toBe(0)
    expect(headerSizes('id=1; id=22', ['id']).of.get('id')).toBe(13)
  })

  it('T-SEAL-01 never puts chunks of two generations together', () => {
    const [one, two] = [pairs(split('1'.repeat(9000))), pairs(split('2'.repeat(9000), TWO))]
    const [a = '', b = '', c = ''] = one
    const [x = '', y = '', z = ''] = two
    const [ones, twos] = ['1'.repeat(9000), '2'.repeat(9000)]
    // Both whole: which is newer, the seal tells.
    expect(joined(a, x, b, y, c, z)).toEqual([twos, ones])
    // The other answer has come half way.
    expect(joined(a, b, c, x)).toEqual([ones])
    expect(joined(a, x, y, z)).toEqual([twos])
    expect(joined(x, b, c)).toBe('incomplete')
    expect(joined(a, y, c)).toBe('incomplete')
    expect(joined(`${NAME}=single`, a, b)).toEqual(['single'])
  })

  it('drops a generation without its first, a middle or its last chunk', () => {
    const cookies = pairs(split('v'.repeat(9000)))
    for (const dropped of cookies) {
      expect(joined(...cookies.filter((cookie) => cookie !== dropped))).toBe('incomplete')
    }
    expect(joined('a=1')).toBe('absent')
    expect(joinCookies(undefined, NAME)).toEqual({ ok: false, reason: 'absent', names: [] })
  })

  it('leaves out chunks beyond the number that the first one tells', () => {
    const cookies = pairs(split('v'.repeat(5000)))
    expect(joined(...cookies, `${NAME}-${ONE}-2=surplus`)).toEqual(['v'.repeat(5000)])
  })

  it('T-COOKIE-04 uses nothing when any chunk has a twin, and tells all names', () => {
    const cookies = pairs(split('v'.repeat(5000)))
    for (const twin of [`${NAME}-${ONE}-1=x`, `${NAME}-${ONE}-0=2`, cookies[0] ?? '']) {
      const header = [...cookies, twin].join('; ')
      expect(joinCookies(header, NAME)).toEqual({
        ok: false,
        reason: 'twins',
        names: [`${NAME}-${ONE}-0`, `${NAME}-${ONE}-1`],
      })
    }
    expect(joined(`${NAME}=a`, `${NAME}=a`)).toBe('twins')
  })

  it('takes no other cookie for one of its own', () => {
    const others = [
      `${NAME}-in-abcdefgh=1`,
      `${NAME}-8080=1`,
      `${NAME}-${ONE}=1`,
      `${NAME}-${ONE}-=1`,
      `${NAME}-${ONE}-x=1`,
      `${NAME}-${ONE}-00=1`,
      `${NAME}-${ONE.toUpperCase()}-0=2`,
      `${NAME.toUpperCase()}=1`,
      `${NAME}`,
      `=${NAME}`,
    ]
    expect(joined(...others)).toBe('absent')
    expect(joined(`${NAME}-${ONE}-0=1x`)).toBe('incomplete')
    expect(joined(`${NAME}-${ONE}-0=x`)).toBe('incomplete')
  })

  it('tries no more than a few generations', () => {
    const many = Array.from({ length: 200 }, (_, index) => {
      const generation = `0trob${String(index).padStart(7, '0')}`
      return [`${NAME}-${generation}-0=2a`, `${NAME}-${generation}-1=b`]
    })
    const found = joinCookies(many.flat().join('; '), NAME)
    expect(found.ok && found.complete).toHaveLength(8)
    expect(found.names).toHaveLength(32)
  })
})

describe('staleChunks', () => {
  const chunk = (ms: number) => `${NAME}-${newGeneration(ms, systemRandom)}-0`
  const stale = (names: readonly string[], older: readonly string[] = []) =>
    staleChunks(names, NAME, { older, nowMs: NOW })

  it('names generations that are older than the one in use, whole', () => {
    const names = [NAME, `${NAME}-${ONE}-0`, `${NAME}-${ONE}-1`]
    expect(staleChunks(names, NAME, { older: ['', ONE], nowMs: generationTime(ONE) })).toEqual(
      names.slice(1),
    )
  })

  it('spares what may be half of another answer, for a minute', () => {
    expect(stale([chunk(NOW), chunk(NOW - 59_000), chunk(NOW + 59_000)])).toEqual([])
    const old = [chunk(NOW - 62_000), chunk(NOW + 62_000), chunk(0)]
    expect(stale(old)).toEqual(old)
  })

  it('never names the cookie that has no generation, nor what is not ours', () => {
    expect(stale([NAME, `${NAME}-in-x`, 'theme'])).toEqual([])
  })
})

describe('newGeneration', () => {
  it('says when it was made, to the second, and differs each time', () => {
    const made = Array.from({ length: 500 }, () => newGeneration(NOW, systemRandom))
    expect(made.every(isGeneration)).toBe(true)
    expect(new Set(made).size).toBe(500)
    expect(made.every((generation) => generationTime(generation) === NOW)).toBe(true)
    expect(isGeneration(newGeneration(-5, systemRandom))).toBe(true)
  })
})
