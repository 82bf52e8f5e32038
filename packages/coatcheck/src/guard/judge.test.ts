import { describe, expect, it } from 'vitest'
import { readDecidingHeaders } from '../core/request-head.ts'
import { createGuard, type Intent } from './judge.ts'

const OWN = 'https://app.example'
const judge = createGuard({ origin: OWN })
const verdict = (intent: Intent, ...headers: string[]): string => {
  const judgement = judge(intent, readDecidingHeaders(headers))
  return judgement.ok ? `passes by ${judgement.rule}` : judgement.code
}

describe('createGuard', () => {
  it('T-GUARD-01 lets a present Origin decide alone', () => {
    expect(verdict('change', 'origin', OWN)).toBe('passes by origin')
    expect(verdict('change', 'origin', OWN, 'sec-fetch-site', 'cross-site')).toBe(
      'passes by origin',
    )
    const foreign = [
      'null',
      'https://evil.test',
      'http://app.example',
      `${OWN}:443`,
      `${OWN}.`,
      `${OWN}/`,
      'https://APP.example',
      'https://sub.app.example',
      '',
      `${OWN}, ${OWN}`,
    ]
    for (const origin of foreign) {
      expect(verdict('change', 'origin', origin, 'sec-fetch-site', 'same-origin'), origin).toBe(
        'cross_site_refused',
      )
    }
    expect(verdict('change', 'origin', OWN, 'Origin', 'https://evil.test')).toBe(
      'cross_site_refused',
    )
  })

  it('T-GUARD-01 takes only same-origin from Sec-Fetch-Site: a sibling is foreign, none is no proof', () => {
    expect(verdict('change', 'sec-fetch-site', 'same-origin')).toBe('passes by fetch-site')
    for (const site of ['same-site', 'cross-site', 'none']) {
      expect(verdict('change', 'sec-fetch-site', site, 'referer', `${OWN}/`)).toBe(
        'cross_site_refused',
      )
    }
  })

  it('T-GUARD-02 reads on after an unknown value and refuses when nothing is left', () => {
    expect(verdict('change', 'sec-fetch-site', 'new-value', 'referer', `${OWN}/a?b`)).toBe(
      'passes by referer',
    )
    expect(verdict('change', 'sec-fetch-site', 'new-value')).toBe('origin_evidence_missing')
    expect(verdict('change')).toBe('origin_evidence_missing')
    for (const referer of [
      'https://evil.test/https://app.example/',
      'https://app.example.evil.test/',
      'https://app.example@evil.test/',
      'nonsense',
      '',
    ]) {
      expect(verdict('change', 'referer', referer), referer).toBe('cross_site_refused')
    }
  })

  it('T-GUARD-03 demands the header on every API call', () => {
    expect(verdict('api', 'origin', OWN)).toBe('header_required')
    expect(verdict('api', 'origin', OWN, 'x-coatcheck', '0')).toBe('header_required')
    expect(verdict('api', 'origin', OWN, 'x-coatcheck', '1')).toBe('passes by origin')
    expect(verdict('api', 'x-coatcheck', '1')).toBe('origin_evidence_missing')
  })

  it('T-PROXY-03 gives an API answer to no document, frame, script or worker', () => {
    const destinations = [
      'document',
      'iframe',
      'frame',
      'embed',
      'object',
      'script',
      'worker',
      'sharedworker',
      'serviceworker',
      'style',
      'image',
      'xslt',
      'anything',
    ]
    for (const intent of ['api', 'events'] as const) {
      for (const destination of destinations) {
        const headers = [
          'sec-fetch-site',
          'same-origin',
          'x-coatcheck',
          '1',
          'sec-fetch-dest',
          destination,
        ]
        expect(verdict(intent, ...headers), destination).toBe('destination_refused')
      }
    }
    expect(verdict('download', 'sec-fetch-site', 'same-origin', 'sec-fetch-dest', 'document')).toBe(
      'passes by fetch-site',
    )
    expect(verdict('download', 'sec-fetch-site', 'same-origin', 'sec-fetch-dest', 'iframe')).toBe(
      'destination_refused',
    )
    expect(verdict('download', 'sec-fetch-site', 'cross-site', 'sec-fetch-dest', 'document')).toBe(
      'cross_site_refused',
    )
  })

  it('lets a page load its own parts, whatever they are, and no other site', () => {
    for (const destination of ['style', 'script', 'image', 'font', 'iframe', 'empty']) {
      const from = (site: string) =>
        verdict('page', 'sec-fetch-site', site, 'sec-fetch-dest', destination)
      expect(from('same-origin'), destination).toBe('passes by fetch-site')
      for (const site of ['same-site', 'cross-site', 'none']) {
        expect(from(site), destination).toBe('cross_site_refused')
      }
    }
    expect(verdict('page', 'sec-fetch-dest', 'script')).toBe('origin_evidence_missing')
  })

  it('T-GUARD-07 takes nothing but an exact Origin for a WebSocket', () => {
    expect(verdict('socket', 'origin', OWN)).toBe('passes by origin')
    expect(verdict('socket', 'origin', 'https://evil.test')).toBe('cross_site_refused')
    expect(verdict('socket', 'sec-fetch-site', 'same-origin', 'referer', `${OWN}/`)).toBe(
      'origin_evidence_missing',
    )
  })

  it('repeats what it saw without control characters and cut', () => {
    const judgement = judge(
      'change',
      readDecidingHeaders(['origin', `https://evil.test/\u0007${'x'.repeat(500)}`]),
    )
    expect(judgement.ok ? '' : judgement.seen).toMatch(/^https:\/\/evil\.test\/\?x{80,}$/)
    expect(judgement.ok ? 999 : judgement.seen.length).toBeLessThanOrEqual(120)
  })
})
