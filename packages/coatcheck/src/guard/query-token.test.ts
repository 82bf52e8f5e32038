import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { takeFromQuery } from './query-token.ts'

describe('takeFromQuery', () => {
  it('takes its parameter and leaves every other byte as it is', () => {
    expect(takeFromQuery('', 't')).toEqual({ query: '', token: undefined })
    expect(takeFromQuery('?t=x', 't')).toEqual({ query: '', token: 'x' })
    expect(takeFromQuery('?a=1&t=x&b=%20', 't')).toEqual({ query: '?a=1&b=%20', token: 'x' })
    expect(takeFromQuery('?tt=x&at=y', 't')).toEqual({ query: '?tt=x&at=y', token: undefined })
    expect(takeFromQuery('?t', 't')).toEqual({ query: '', token: '' })
  })

  it('believes nothing of two, and takes both away', () => {
    expect(takeFromQuery('?t=x&a=1&t=y', 't')).toEqual({ query: '?a=1', token: undefined })
  })

  it('never lets its parameter through', () => {
    const part = fc.stringMatching(/^[a-z=%&]{0,8}$/)
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const { query } = takeFromQuery(`?${parts.join('&')}`, 'c')
        expect(query.slice(1).split('&')).not.toContainEqual(expect.stringMatching(/^c(?:=|$)/))
      }),
    )
  })
})
