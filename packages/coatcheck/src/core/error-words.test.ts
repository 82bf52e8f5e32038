import { describe, expect, it } from 'vitest'
import { ERROR_CODES, type ErrorCode } from './error-codes.ts'
import { wordsOf } from './error-words.page.ts'
import { wordsOf as wordsOnServers } from './error-words.ts'

const CODES = Object.keys(ERROR_CODES) as readonly ErrorCode[]

describe('wordsOf', () => {
  it('gives the catalogue on a server', () => {
    for (const code of CODES) expect(wordsOnServers(code)).toBe(ERROR_CODES[code])
  })

  it('leads to the catalogue in a page', () => {
    for (const code of CODES) {
      const { status, title, remedy } = wordsOf(code)
      expect([status, title]).toEqual([0, code])
      expect(remedy).toContain('docs/errors.md')
    }
  })
})
