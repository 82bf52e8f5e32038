import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

/** What is sent. */
export interface SendInit {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Uint8Array
}

/**
 * Sends exactly these headers and follows nothing: fetch would add a Sec-Fetch-Mode of its own. The answer
 * comes as a `Response`, whole.
 */
export function send(url: string, init: SendInit = {}): Promise<Response> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: init.method ?? 'GET',
        headers: init.headers as Record<string, string | string[]>,
        agent: false,
        rejectUnauthorized: false,
      },
      (answer) => {
        const parts: Buffer[] = []
        answer.on('data', (part: Buffer) => parts.push(part))
        answer.on('error', reject)
        answer.on('end', () => {
          const headers = new Headers()
          for (let index = 0; index < answer.rawHeaders.length; index += 2) {
            headers.append(answer.rawHeaders[index] ?? '', answer.rawHeaders[index + 1] ?? '')
          }
          const status = answer.statusCode ?? 0
          const empty = status === 204 || status === 304
          resolve(new Response(empty ? null : Buffer.concat(parts), { status, headers }))
        })
      },
    )
    sent.on('error', reject)
    sent.end(init.body)
  })
}
