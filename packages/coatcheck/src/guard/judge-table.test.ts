import { describe, expect, it } from 'vitest'
import { readDecidingHeaders } from '../core/request-head.ts'
import { createGuard, type Intent } from './judge.ts'

// The whole of the guard, row by row, as its sources have it:
// OWASP CSRF Prevention Cheat Sheet, "Fetch Metadata headers", "Using Standard Headers to Verify Origin" and
//   "Employing Custom Request Headers for AJAX/API";
// Go, net/http/csrf.go, CrossOriginProtection.Check;
// W3C Fetch Metadata, section 2.3 (values of Sec-Fetch-Site); RFC 6454, sections 6.2 and 7 (the form of an origin);
// RFC 10017, section 6.1.3.3.
// Where we differ: Go passes requests without any evidence, and `none`; we refuse both (a 307 delivers a foreign POST as
// `none`). Go compares Origin with Host; we compare with the configured origin. Go lets safe methods pass; here every API
// call is judged.

const OWN = 'https://app.example'
const SIBLING = 'https://www.app.example:8443'
const judge = createGuard({ origin: OWN, allowedOrigins: [SIBLING] })

const REFUSED = 'cross_site_refused'
const MISSING = 'origin_evidence_missing'

type Headers = readonly string[]
/** What a request says of where it comes from; what becomes of it; what becomes of a WebSocket handshake. */
type Evidence = readonly [says: Headers, becomes: string, socketBecomes?: string]

const EVIDENCE: Readonly<Record<string, readonly Evidence[]>> = {
  'Origin, ours or allowed: it alone decides': [
    [['origin', OWN], 'origin'],
    [['origin', SIBLING], 'origin'],
    [['Origin', OWN, 'sec-fetch-site', 'same-origin'], 'origin'],
    [['origin', OWN, 'sec-fetch-site', 'cross-site'], 'origin'],
    [['origin', OWN, 'referer', 'https://evil.test/'], 'origin'],
    [['origin', SIBLING, 'sec-fetch-site', 'same-site'], 'origin'],
  ],
  'Origin, anything else: no other header mends it': [
    [['origin', 'null'], REFUSED],
    [['origin', 'null', 'sec-fetch-site', 'same-origin'], REFUSED],
    [['origin', 'null', 'referer', `${OWN}/`], REFUSED],
    [['origin', ''], REFUSED],
    [['origin', 'https://evil.test', 'sec-fetch-site', 'same-origin'], REFUSED],
    [['origin', 'https://evil.test', 'referer', `${OWN}/`], REFUSED],
    [['origin', 'http://app.example'], REFUSED],
    [['origin', `${OWN}:443`], REFUSED],
    [['origin', `${OWN}:8443`], REFUSED],
    [['origin', `${OWN}/`], REFUSED],
    [['origin', `${OWN}.`], REFUSED],
    [['origin', 'https://APP.example'], REFUSED],
    [['origin', 'HTTPS://app.example'], REFUSED],
    [['origin', ' https://app.example'], REFUSED],
    [['origin', 'https://sub.app.example'], REFUSED],
    [['origin', 'https://example'], REFUSED],
    [['origin', 'https://app.example.evil.test'], REFUSED],
    [['origin', 'https://evil.test/https://app.example'], REFUSED],
    [['origin', 'https://user@app.example'], REFUSED],
    [['origin', 'https://app.example@evil.test'], REFUSED],
    [['origin', 'https://аpp.example'], REFUSED],
    [['origin', 'https://xn--pp-5lc.example'], REFUSED],
    [['origin', 'https://127.0.0.1'], REFUSED],
    [['origin', 'https://[::1]'], REFUSED],
    [['origin', 'file://'], REFUSED],
    [['origin', 'chrome-extension://abcdefghijklmnop'], REFUSED],
    [['origin', 'https://www.app.example'], REFUSED],
    [['origin', `${OWN} ${OWN}`], REFUSED],
    [['origin', OWN, 'origin', OWN], REFUSED],
    [['origin', OWN, 'Origin', 'https://evil.test'], REFUSED],
  ],
  'no Origin: Sec-Fetch-Site decides, and only same-origin passes': [
    [['sec-fetch-site', 'same-origin'], 'fetch-site', MISSING],
    [['Sec-Fetch-Site', 'same-origin', 'referer', 'https://evil.test/'], 'fetch-site', MISSING],
    [['sec-fetch-site', 'same-site'], REFUSED, MISSING],
    [['sec-fetch-site', 'same-site', 'referer', `${SIBLING}/`], REFUSED, MISSING],
    [['sec-fetch-site', 'cross-site'], REFUSED, MISSING],
    [['sec-fetch-site', 'cross-site', 'referer', `${OWN}/`], REFUSED, MISSING],
    [['sec-fetch-site', 'none'], REFUSED, MISSING],
    [['sec-fetch-site', 'none', 'referer', `${OWN}/`], REFUSED, MISSING],
  ],
  'no Origin, and a value of Sec-Fetch-Site that nobody knows: as if it were not there': [
    [['sec-fetch-site', 'Same-Origin'], MISSING],
    [['sec-fetch-site', 'new-value'], MISSING],
    [['sec-fetch-site', ''], MISSING],
    [['sec-fetch-site', 'same-origin', 'Sec-Fetch-Site', 'same-origin'], MISSING],
    [['sec-fetch-site', 'new-value', 'referer', `${OWN}/a`], 'referer', MISSING],
    [['sec-fetch-site', 'new-value', 'referer', 'https://evil.test/'], REFUSED, MISSING],
  ],
  'neither: Referer decides': [
    [['referer', `${OWN}/`], 'referer', MISSING],
    [['referer', `${OWN}/page?next=https://evil.test/`], 'referer', MISSING],
    [['referer', OWN], 'referer', MISSING],
    [['referer', `${OWN}:443/`], 'referer', MISSING],
    [['referer', `${SIBLING}/`], 'referer', MISSING],
    [['referer', 'https://www.app.example/'], REFUSED, MISSING],
    [['referer', 'http://app.example/'], REFUSED, MISSING],
    [['referer', 'https://evil.test/https://app.example/'], REFUSED, MISSING],
    [['referer', 'https://app.example.evil.test/'], REFUSED, MISSING],
    [['referer', 'https://app.example@evil.test/'], REFUSED, MISSING],
    [['referer', 'https://evil.test#https://app.example/'], REFUSED, MISSING],
    [['referer', '//app.example/'], REFUSED, MISSING],
    [['referer', 'about:blank'], REFUSED, MISSING],
    [['referer', 'null'], REFUSED, MISSING],
    [['referer', ''], REFUSED, MISSING],
    [['referer', `${OWN}/`, 'Referer', 'https://evil.test/'], REFUSED, MISSING],
    [['referer', `${OWN}/`, 'Referer', `${OWN}/`], REFUSED, MISSING],
  ],
  'nothing at all': [
    [[], MISSING],
    [['host', 'app.example'], MISSING],
    [['x-forwarded-host', 'app.example', 'x-forwarded-proto', 'https'], MISSING],
    [['x-requested-with', 'XMLHttpRequest'], MISSING],
  ],
}

const INTENTS: readonly Intent[] = ['change', 'api', 'events', 'download', 'socket', 'page']

const ROWS = Object.entries(EVIDENCE).flatMap(([group, rows]) =>
  rows.flatMap(([says, becomes, socketBecomes = becomes]) =>
    INTENTS.map((intent) => {
      const expected = intent === 'socket' ? socketBecomes : becomes
      return { group, intent, says: says.join(' | ') || 'nothing', headers: says, expected }
    }),
  ),
)

function decisionOf(intent: Intent, headers: Headers): string {
  const judgement = judge(intent, readDecidingHeaders(headers))
  return judgement.ok ? judgement.rule : judgement.code
}

describe('createGuard, as a table', () => {
  it('T-GUARD-01 has a row for whatever a request can say', () => {
    expect(ROWS.length).toBeGreaterThanOrEqual(200)
    expect(new Set(ROWS.map(({ intent, says }) => `${intent} ${says}`)).size).toBe(ROWS.length)
  })

  it.each(ROWS)('T-GUARD-01 T-GUARD-02 $group: $intent, $says: $expected', (row) => {
    const header = row.intent === 'api' ? ['x-coatcheck', '1'] : []
    expect(decisionOf(row.intent, [...row.headers, ...header])).toBe(row.expected)
  })

  it.each(ROWS.filter(({ intent }) => intent === 'api'))(
    'T-GUARD-03 an API call without our header never passes: $says',
    ({ headers, expected }) => {
      const refusals = [REFUSED, MISSING]
      const without = refusals.includes(expected) ? expected : 'header_required'
      for (const spoiled of [[], ['x-coatcheck', '0'], ['x-coatcheck', '1', 'X-Coatcheck', '1']]) {
        expect(decisionOf('api', [...headers, ...spoiled])).toBe(without)
      }
    },
  )

  it.each([
    'document',
    'iframe',
    'frame',
    'embed',
    'object',
    'script',
    'style',
    'image',
    'worker',
    'sharedworker',
    'serviceworker',
    'audio',
    'video',
    'font',
    'manifest',
    'xslt',
    'report',
    'new-value',
  ])('T-PROXY-03 an API answers no %s, whoever asks', (destination) => {
    for (const intent of ['api', 'events', 'download'] as const) {
      const headers = ['origin', OWN, 'x-coatcheck', '1', 'sec-fetch-dest', destination]
      const passes = intent === 'download' && destination === 'document'
      expect(decisionOf(intent, headers)).toBe(passes ? 'origin' : 'destination_refused')
    }
  })
})
