import { describe, expect, it } from 'vitest'
import { appAnswerHeaders } from './app-headers.ts'
import { appRequestHeaders, upstreamHeaders } from './request-headers.ts'
import { downstreamHeaders } from './response-headers.ts'

const IDENTITY = {
  accessToken: 'AT',
  upstreamHost: 'api.test',
  host: 'app.example',
  scheme: 'https',
  clientAddress: '192.0.2.1',
  connection: undefined as string | undefined,
}
const asMap = (flat: readonly string[]): Map<string, string> => {
  const map = new Map<string, string>()
  for (let index = 0; index < flat.length; index += 2)
    map.set((flat[index] ?? '').toLowerCase(), flat[index + 1] ?? '')
  return map
}

describe('upstreamHeaders', () => {
  it('T-PROXY-02 lets nobody forge an identity, a way or a method, and sends no cookie', () => {
    const forged = [
      'Authorization',
      'AUTHORIZATION',
      'Cookie',
      'X-Forwarded-For',
      'x-forwarded-anything',
      'X_Forwarded_For',
      'Forwarded',
      'X-Real-IP',
      'Host',
      'DPoP',
      'X-HTTP-Method-Override',
      'X-Original-URL',
      'Remote-User',
      'Proxy-Authorization',
      'x-coatcheck',
    ]
    const sent = upstreamHeaders(
      forged.flatMap((name) => [name, 'CANARY']),
      IDENTITY,
    )
    expect(sent).not.toContain('CANARY')
    expect(asMap(sent)).toEqual(
      new Map([
        ['host', 'api.test'],
        ['authorization', 'Bearer AT'],
        ['x-forwarded-host', 'app.example'],
        ['x-forwarded-proto', 'https'],
        ['x-forwarded-for', '192.0.2.1'],
      ]),
    )
  })

  it('drops hop-by-hop headers, also those that Connection names, but never what frames a body', () => {
    const identity = { ...IDENTITY, connection: 'close, X-Hop, Content-Length' }
    const sent = asMap(
      upstreamHeaders(
        [
          'Connection',
          'close, X-Hop, Content-Length',
          'X-Hop',
          '1',
          'Content-Length',
          '5',
          'TE',
          'trailers',
          'Transfer-Encoding',
          'chunked',
          'Accept',
          'a/b',
        ],
        identity,
      ),
    )
    expect(sent.has('x-hop')).toBe(false)
    expect(sent.has('te')).toBe(false)
    expect(sent.has('transfer-encoding')).toBe(false)
    expect(sent.get('content-length')).toBe('5')
    expect(sent.get('accept')).toBe('a/b')
  })
})

describe('appRequestHeaders', () => {
  it('T-PROXY-02 sends an app its own cookies, and neither ours nor a token', () => {
    const sent = asMap(
      appRequestHeaders(
        ['Cookie', '__Host-Http-coatcheck-1=T; theme=dark', 'Authorization', 'Bearer x'],
        IDENTITY,
        'coatcheck',
      ),
    )
    expect(sent.get('cookie')).toBe('theme=dark')
    expect(sent.has('authorization')).toBe(false)
  })
})

describe('downstreamHeaders', () => {
  it('T-PROXY-03 drops what would act for our origin', () => {
    const hostile = [
      'Set-Cookie',
      '__Host-Http-coatcheck=evil',
      'Access-Control-Allow-Origin',
      '*',
      'Clear-Site-Data',
      '"*"',
      'Service-Worker-Allowed',
      '/',
      'Refresh',
      '0;url=//evil.test',
      'Strict-Transport-Security',
      'max-age=1',
      'WWW-Authenticate',
      'Basic realm=x',
      'Secure-Session-Registration',
      'x',
    ]
    const got = asMap(downstreamHeaders([...hostile, 'Content-Type', 'text/html'], 'api'))
    for (let index = 0; index < hostile.length; index += 2) {
      expect(got.has((hostile[index] ?? '').toLowerCase()), hostile[index]).toBe(false)
    }
    expect(got.get('content-security-policy')).toContain('sandbox')
    expect(got.get('x-content-type-options')).toBe('nosniff')
    expect(got.get('content-type')).toBe('text/html')
  })

  it('keeps answers out of shared caches, whatever the upstream says', () => {
    const cache = (value?: string): string | undefined =>
      asMap(downstreamHeaders(value === undefined ? [] : ['Cache-Control', value], 'api')).get(
        'cache-control',
      )
    expect(cache()).toBe('no-store')
    expect(cache('public, max-age=60')).toBe('no-store')
    expect(cache('private, max-age=60')).toBe('private, max-age=60')
    expect(cache('private, s-maxage=60')).toBe('no-store')
    expect(cache('max-age=60')).toBe('no-store')
  })

  it('makes a download an attachment with the name that the upstream gave', () => {
    const disposition = (value?: string): string | undefined =>
      asMap(
        downstreamHeaders(value === undefined ? [] : ['Content-Disposition', value], 'download'),
      ).get('content-disposition')
    expect(disposition()).toBe('attachment')
    expect(disposition('inline')).toBe('attachment')
    expect(disposition('inline; filename="a.csv"')).toBe('attachment; filename="a.csv"')
  })
})

describe('appAnswerHeaders', () => {
  it('T-PROXY-03 drops our cookie in every spelling and keeps the app its own', () => {
    const got = appAnswerHeaders(
      [
        'Set-Cookie',
        '__hOST-http-COATCHECK=evil',
        'Set-Cookie',
        '=__Host-Http-coatcheck=evil',
        'set-cookie',
        ' __Host-Http-coatcheck-1=evil',
        'Set-Cookie',
        '__Secure-coatcheck=evil',
        'Set-Cookie',
        'theme=dark',
        'Clear-Site-Data',
        '"cookies"',
      ],
      { ownCookies: 'coatcheck', isProtected: false },
    )
    expect(got).toEqual(['Set-Cookie', 'theme=dark'])
  })
})
