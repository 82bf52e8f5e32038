import { describe, expect, it } from 'vitest'
import { createKeyRing } from '../ring/key-ring.ts'
import { generateKeyRing } from '../ring/ring-file.ts'
import { handOffFaults } from './hand-off-options.ts'

const ring = createKeyRing(generateKeyRing())
const APP = 'https://app.example'
const SITE = { origin: APP, ring: createKeyRing(generateKeyRing()) }
const at = (origin: string) => ({ to: [{ origin, ring }] })

describe('handOff', () => {
  it('takes sites by their exact origins', () => {
    const both = {
      to: [{ origin: 'https://shop.example', ring }],
      from: [{ origin: 'https://shop.example', ring }],
    }
    expect(handOffFaults(SITE, both, true)).toEqual([])
  })

  it.each([
    ['https://shop.example/', 'must be scheme, host'],
    ['https://*.example', 'must be scheme, host'],
    ['shop.example', 'must be scheme, host'],
    ['ftp://shop.example', 'must be scheme, host'],
    ['http://shop.example', 'must be https'],
    [APP, 'is this site itself'],
  ])('does not take %s', (origin, fault) => {
    expect(handOffFaults(SITE, at(origin), true).join()).toContain(fault)
  })

  it('does not take a site twice, nor with two rings', () => {
    const one = { origin: 'https://shop.example', ring }
    const other = { origin: 'https://shop.example', ring: createKeyRing(generateKeyRing()) }
    expect(handOffFaults(SITE, { to: [one, one] }, true).join()).toContain('stands twice')
    expect(handOffFaults(SITE, { to: [one], from: [other] }, true).join()).toContain('share one')
  })

  it('does not take a ring that a third site has, nor our own', () => {
    const [one, other] = ['https://shop.example', 'https://club.example'].map((origin) => ({
      ...{ origin, ring },
    }))
    const shared = { to: one === undefined ? [] : [one], from: other === undefined ? [] : [other] }
    expect(handOffFaults(SITE, shared, true).join()).toContain('in common with https://club')
    const own = { to: [{ origin: 'https://shop.example', ring: SITE.ring }] }
    expect(handOffFaults(SITE, own, true).join()).toContain(`in common with ${APP}`)
  })

  it('needs sessions that can be ended from elsewhere', () => {
    expect(handOffFaults(SITE, at('https://shop.example'), false).join()).toContain('kind: ticket')
  })
})
