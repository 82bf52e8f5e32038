import { describe, expect, it } from 'vitest'
import { ERROR_CODES, type ErrorCode } from './error-codes.ts'
import { wordsOf } from './error-words.page.ts'
import { wordsOf as wordsOnServers } from './error-words.ts'

const CODES = Object.keys(ERROR_CODES) as readonly ErrorCode[]

describe('wordsOf', () => {
  it('gives the catalogue on a server', () => {
    for (const code of CODES) expect(wordsOnServers(code)).toBe(ERROR_CODES[code])
  })

  it('has the same status in a page for all that a page can throw, and leads to the catalogue', () => {
    const thrown = CODES.filter((code) =>
      /^(?:token|key_set|provider|api)_|^invalid_configuration$|^signed_out$|^renewal_unavailable$|^access_token_expired$|^(?:sign_in|worker|database)_unavailable$/.test(
        code,
      ),
    )
    expect(thrown.length).toBeGreaterThan(15)
    for (const code of thrown) {
      const { status, remedy } = wordsOf(code)
      expect([code, status]).toEqual([code, ERROR_CODES[code].status])
      expect(remedy).toContain(code)
    }
  })
})
