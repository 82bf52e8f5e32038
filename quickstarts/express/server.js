import { allowInsecureHttp, createCounter, createProvider, Secret } from 'coatcheck'
import { coatcheck } from 'coatcheck/express'
import { memoryStore } from 'coatcheck/memory-store'
import { headOf } from 'coatcheck/node'
import { createKeyRing, generateKeyRing } from 'coatcheck/ring'
import express from 'express'

const { API, CLIENT_ID, CLIENT_SECRET, ISSUER, PORT = '3000' } = process.env
if (!ISSUER || !CLIENT_ID || !CLIENT_SECRET || !API) {
  console.error('Set ISSUER, CLIENT_ID, CLIENT_SECRET and API: README.md says to what.')
  process.exit(1)
}
// A provider or an API on this machine may speak plain http; no other.
const insecure = { [allowInsecureHttp]: ISSUER.startsWith('http://127.0.0.1:') }

const counter = createCounter({
  origin: `http://localhost:${PORT}`,
  provider: createProvider({
    issuer: ISSUER,
    clientId: CLIENT_ID,
    clientSecret: new Secret(CLIENT_SECRET),
    ...insecure,
  }),
  // Both are gone at the end of the process: see README.md for what lasts.
  ring: createKeyRing(generateKeyRing()),
  sessions: { store: memoryStore() },
  pages: { protected: ['/private/*'] },
  apis: [{ path: '/api/', upstream: API }],
})

const app = express()
app.use(coatcheck(counter))
app.get('/me', async (request, response) => {
  const session = await counter.session(headOf(request))
  if (session === undefined) response.status(401).json({ state: 'signed_out' })
  else response.json({ subject: session.tokenSet.subject })
})
app.use(express.static(new URL('public', import.meta.url).pathname))

// Both addresses of localhost, so that no other process takes one of them.
for (const host of ['127.0.0.1', '::1']) app.listen(Number(PORT), host)
console.log(`http://localhost:${PORT}`)
