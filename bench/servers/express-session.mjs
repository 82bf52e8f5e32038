// @ts-check
import express from 'express'
import session from 'express-session'
import { request } from 'undici'
import { sampleTokenSet } from './counter-set-up.mjs'
import { ANSWER, browserRequest, serve } from './serve.mjs'

const app = express()
app.use(session({ secret: 'x'.repeat(40), resave: false, saveUninitialized: false }))
app.get('/sign-in', (/** @type {any} */ incoming, response) => {
  const { accessToken, refreshToken, idToken } = sampleTokenSet()
  incoming.session.tokens = { accessToken, refreshToken, idToken }
  response.end()
})
app.get('/x', (/** @type {any} */ incoming, response) => {
  if (incoming.session.tokens === undefined) response.status(401).end()
  else response.type('json').send(ANSWER)
})

serve(
  () => /** @type {any} */ (app),
  async (port) => {
    const answer = await request(`http://127.0.0.1:${port}/sign-in`)
    const cookie = String(answer.headers['set-cookie']).split(';')[0]
    return browserRequest(`localhost:${port}`, '/x', cookie)
  },
)
