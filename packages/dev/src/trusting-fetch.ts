import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request as sendRequest } from 'node:https'
import type { ServerCertificate } from './loopback-server.ts'

/** The part of `fetch` that is used here. */
export type Fetch = (address: string | URL, init?: RequestInit) => Promise<Response>

const NULL_BODY_STATUSES: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * A `fetch` for https that trusts exactly one certificate, and follows no redirect: for Node code that asks
 * the provider or the sample API.
 *
 * @example
 * const certificate = await sampleCertificate(openDataFolder('.data'))
 * const provider = await startDevProvider({ clientOrigin: 'http://localhost:8080', certificate })
 * const answer = await createTrustingFetch(certificate)(`${provider.issuer}/jwks`)
 */
export function createTrustingFetch(certificate: ServerCertificate): Fetch {
  // The file holds the private key, too, and trust needs none of it.
  const ca = new X509Certificate(readFileSync(certificate.file)).toString()
  return async (address, init) => {
    const asked = new Request(address, init)
    const body = Buffer.from(await asked.arrayBuffer())
    return new Promise((resolve, reject) => {
      const { method, signal } = asked
      const headers = Object.fromEntries(asked.headers)
      const sent = sendRequest(asked.url, { method, headers, signal, ca }, (answer) =>
        resolve(toResponse(answer)),
      )
      sent.on('error', reject)
      sent.end(body)
    })
  }
}

function toResponse(answer: IncomingMessage): Response {
  const { statusCode: status = 0, rawHeaders } = answer
  const headers = new Headers()
  for (let at = 0; at < rawHeaders.length; at += 2) {
    headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '')
  }
  if (!NULL_BODY_STATUSES.has(status)) {
    return new Response(streamOf(answer), { status, headers })
  }
  answer.resume()
  return new Response(null, { status, headers })
}

function streamOf(answer: IncomingMessage): ReadableStream<Uint8Array> {
  const chunks = answer[Symbol.asyncIterator]()
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await chunks.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    },
    cancel: () => {
      answer.destroy()
    },
  })
}
