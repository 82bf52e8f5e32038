// @ts-check
import { getIronSession } from 'iron-session'
import { request } from 'undici'
import { sampleTokenSet } from './counter-set-up.mjs'
import { ANSWER, browserRequest, serve } from './serve.mjs'

const options = {
  password: 'x'.repeat(40),
  cookieName: 'session',
  cookieOptions: { secure: false },
}

serve(
  () => async (incoming, response) => {
    const session = /** @type {any} */ (await getIronSession(incoming, response, options))
    if (incoming.url === '/sign-in') {
      const { accessToken, refreshToken } = sampleTokenSet()
      session.tokens = { accessToken, refreshToken }
      await session.save()
      response.end()
      return
    }
    response.writeHead(session.tokens === undefined ? 401 : 200, {
      'content-type': 'application/json',
      'content-length': ANSWER.length,
    })
    response.end(ANSWER)
  },
  async (port) => {
    const answer = await request(`http://127.0.0.1:${port}/sign-in`)
    const cookie = String(answer.headers['set-cookie']).split(';')[0]
    return browserRequest(`localhost:${port}`, '/x', cookie)
  },
)
