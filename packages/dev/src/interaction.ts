import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { errors, type Interaction, type Provider } from 'oidc-provider'
import { consentPage, loginPage, messagePage } from './provider-pages.ts'
import type { Users } from './users.ts'

/** What the provider's forms need. */
export interface InteractionOptions {
  readonly provider: Provider
  readonly users: Users
  readonly clientName: string
}

const MAX_FORM_BYTES = 4096
const FORM_KEY_BYTES = 32

/** The addresses of the forms begin so. */
export const INTERACTION_PATH = '/interaction/'

/**
 * Answers the forms for password and consent.
 *
 * A form is bound to its attempt by a cookie that no other site's request carries and by a token in the
 * form, so that nobody can be signed in as somebody else.
 */
export function createInteractionListener(options: InteractionOptions): RequestListener {
  const { provider } = options
  const formKey = randomBytes(FORM_KEY_BYTES)

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const interaction = await provider.interactionDetails(request, response)
    const formToken = createHmac('sha256', formKey).update(interaction.jti).digest('base64url')
    const show = {
      action: `${INTERACTION_PATH}${interaction.uid}`,
      formToken,
      clientName: options.clientName,
    }
    if (request.method === 'GET' || request.method === 'HEAD') {
      return send(response, 200, formPage(interaction, show))
    }
    if (request.method !== 'POST') {
      response.setHeader('allow', 'GET, HEAD, POST')
      return send(response, 405, messagePage('That did not work', 'Only the form is served here.'))
    }
    const form = await readForm(request)
    if (
      form === undefined ||
      isForeign(request) ||
      !isSame(form.get('form_token') ?? '', formToken)
    ) {
      return send(
        response,
        403,
        messagePage('That did not work', 'Start the sign-in again.', 'form_refused'),
      )
    }
    if (form.get('choice') === 'cancel') {
      const refusal = { error: 'access_denied', error_description: 'The user cancelled' }
      return provider.interactionFinished(request, response, refusal, {
        mergeWithLastSubmission: false,
      })
    }
    if (interaction.prompt.name === 'consent') {
      return provider.interactionFinished(request, response, { consent: {} })
    }
    const username = form.get('username') ?? ''
    const user = await options.users.authenticate(username, form.get('password') ?? '')
    if (user === undefined) {
      return send(response, 401, loginPage({ ...show, username, failed: true }))
    }
    const login = { accountId: user.id, amr: ['pwd'] }
    return provider.interactionFinished(
      request,
      response,
      { login },
      { mergeWithLastSubmission: false },
    )
  }

  return (request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) return response.destroy()
      const late = error instanceof errors.SessionNotFound
      const text = late
        ? 'This sign-in is over or was started in another browser. Start it again.'
        : 'The provider could not answer this request.'
      return send(response, late ? 400 : 500, messagePage('That did not work', text))
    })
  }
}

function formPage(
  interaction: Interaction,
  show: { readonly action: string; readonly formToken: string; readonly clientName: string },
): string {
  if (interaction.prompt.name !== 'consent') return loginPage(show)
  const { scope } = interaction.params
  return consentPage({ ...show, scopes: typeof scope === 'string' ? scope.split(' ') : [] })
}

// The pages here send no referrer, so that `Origin` is `null` on their own forms: it can't be compared.
function isForeign(request: IncomingMessage): boolean {
  const site = request.headers['sec-fetch-site']
  return site !== undefined && site !== 'same-origin'
}

function isSame(given: string, expected: string): boolean {
  const left = Buffer.from(given)
  const right = Buffer.from(expected)
  return left.length === right.length && timingSafeEqual(left, right)
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  if (request.headers['content-type']?.split(';')[0] !== 'application/x-www-form-urlencoded') {
    return undefined
  }
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_FORM_BYTES) return undefined
    chunks.push(chunk)
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
}

function send(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
  })
  response.end(html)
}
