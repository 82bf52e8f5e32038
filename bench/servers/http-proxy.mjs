// @ts-check
import { Agent } from 'node:http'
import httpProxy from 'http-proxy'
import { browserRequest, serve } from './serve.mjs'

const agent = new Agent({ keepAlive: true, maxSockets: 64 })
const proxy = httpProxy.createProxyServer({
  target: process.env.UPSTREAM ?? '',
  agent,
  headers: { authorization: `Bearer ${'x'.repeat(900)}` },
})

serve(
  () => (request, response) => proxy.web(request, response),
  (port) => browserRequest(`localhost:${port}`, '/api/x', `c=${'x'.repeat(64)}`),
)
