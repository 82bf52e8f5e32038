import { describe, expect, it } from 'vitest'
import { systemRandom } from '../core/random.ts'
import { readDecidingHeaders } from '../core/request-head.ts'
import { createBoundTokens } from '../guard/bound-token.ts'
import { createGuard } from '../guard/judge.ts'
import { createKeyRing } from '../ring/key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import { createSignInForms } from './sign-in-forms.ts'

const ORIGIN = 'https://app.example'
const NAME = '__Host-Http-coatcheck-in-form'
const ring = createKeyRing(generateKeyRing())
const tokensFor = (purpose: string) =>
  createBoundTokens(ring, { site: ORIGIN, purpose }, systemRandom)
const forms = createSignInForms({
  cookieName: NAME,
  tokens: tokensFor('sign-in-form'),
  judge: createGuard({ origin: ORIGIN }),
  random: systemRandom,
})

const browser = (cookie?: string, origin: string | undefined = ORIGIN) =>
  readDecidingHeaders([
    ...(origin === '' ? [] : ['origin', origin]),
    ...(cookie === undefined ? [] : ['cookie', cookie]),
  ])

function shown() {
  const { token, setCookies } = forms.make(browser())
  return { token, cookie: setCookies[0]?.split(';')[0] ?? '' }
}

describe('T-GUARD-06 a sign-in form, before there is a session', () => {
  it('is believed in the browser that it was made for', () => {
    const { token, cookie } = shown()
    expect(forms.check(browser(cookie), token)).toBe(true)
  })

  it('sets a cookie that only this host can set, and keeps it for another hour', () => {
    const { setCookies } = forms.make(browser())
    expect(setCookies).toEqual([
      expect.stringMatching(/^__Host-Http-coatcheck-in-form=[\w-]{22}; /),
    ])
    for (const word of ['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/']) {
      expect(setCookies[0]).toContain(word)
    }
    const again = forms.make(browser(setCookies[0]?.split(';')[0]))
    expect(again.setCookies).toEqual(setCookies)
  })

  it('works in several tabs, and reads differently in each', () => {
    const { token, cookie } = shown()
    const other = forms.make(browser(cookie)).token
    expect(other).not.toBe(token)
    expect([token, other].map((each) => forms.check(browser(cookie), each))).toEqual([true, true])
  })

  it.each([
    ['of another browser', () => shown().cookie],
    ['of none', () => undefined],
    ['twice', () => `${shown().cookie}; ${shown().cookie}`],
    ['that nobody made', () => `${NAME}=planted`],
  ])('is refused with a cookie %s', (_, cookie) => {
    expect(forms.check(browser(cookie()), shown().token)).toBe(false)
  })

  it.each(['https://evil.test', 'null', 'https://www.app.example', ''])(
    'is refused from the origin "%s"',
    (origin) => {
      const { token, cookie } = shown()
      expect(forms.check(browser(cookie, origin), token)).toBe(false)
    },
  )

  it('is refused with a token of another kind, and its own is good for nothing else', () => {
    const { token, cookie } = shown()
    const id = cookie.slice(NAME.length + 1)
    expect(forms.check(browser(cookie), tokensFor('form').make(id))).toBe(false)
    expect(tokensFor('form').check(token, id)).toBe(false)
    expect(['', 'a'.repeat(72)].map((each) => forms.check(browser(cookie), each))).toEqual([
      false,
      false,
    ])
  })
})
