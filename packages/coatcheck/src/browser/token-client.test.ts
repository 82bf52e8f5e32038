import { expect, it } from 'vitest'
import { createTokenClient } from './token-client.ts'

const options = {
  issuer: 'https://idp.example',
  clientId: 'spa',
  apis: ['https://api.example/v1/'],
}

it('can be made where there is no page, as on a server that renders first', () => {
  const client = createTokenClient(options)
  expect(client.traits.place).toBe('memory')
  client.close()
})

it.each([
  ['an issuer over http', { issuer: 'http://idp.example' }, /issuer must/],
  ['an issuer that is no address', { issuer: 'idp' }, /issuer must/],
  ['no client id', { clientId: '' }, /clientId must/],
  ['an API over http', { apis: ['http://api.example/'] }, /apis must/],
  [
    'an API on this machine over http, without the exception',
    { apis: ['http://localhost:1/'] },
    /apis must/,
  ],
  ['a grace that is none', { refreshReuseGraceSeconds: Number.NaN }, /refreshReuseGraceSeconds/],
  ['a grace without end', { refreshReuseGraceSeconds: 86_400 }, /refreshReuseGraceSeconds/],
])('T-BROWSER-02 refuses %s when it is made', (_, change, message) => {
  expect(() => createTokenClient({ ...options, ...change })).toThrow(
    expect.objectContaining({
      code: 'invalid_configuration',
      message: expect.stringMatching(message),
    }),
  )
})

it('tells all faults at once', () => {
  const wrong = { issuer: 'x', clientId: '', apis: ['y'], refreshReuseGraceSeconds: -1 }
  expect(() => createTokenClient(wrong)).toThrow(/issuer.*clientId.*apis.*refreshReuseGraceSeconds/)
})
