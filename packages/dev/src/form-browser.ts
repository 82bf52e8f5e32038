import type { Fetch } from './trusting-fetch.ts'

/** What a browser without script would see. */
export interface FormPage {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

/** A browser as small as it gets: cookies, redirects, forms. It signs in where no Chromium is needed. */
export interface FormBrowser {
  /** Opens an address and follows redirects until one leads to `stopAt`, which is not asked. */
  open(url: string, stopAt?: string): Promise<FormPage>
  /** Sends the page's first form with these fields besides its hidden ones. */
  submit(
    page: FormPage,
    fields: Readonly<Record<string, string>>,
    stopAt?: string,
  ): Promise<FormPage>
}

interface StoredCookie {
  readonly host: string
  readonly path: string
  readonly name: string
  readonly value: string
}

const MAX_REDIRECTS = 10

/**
 * Makes a form browser with an empty cookie jar. It sends these headers with every request, and through
 * this fetch: the platform's, or for https one that trusts the certificate.
 *
 * @example
 * const browser = createFormBrowser()
 * const page = await browser.open('http://127.0.0.1:20000/')
 */
export function createFormBrowser(
  sent: Readonly<Record<string, string>> = {},
  fetch: Fetch = globalThis.fetch,
): FormBrowser {
  const jar = new Map<string, StoredCookie>()

  async function request(url: string, init: RequestInit, stopAt?: string): Promise<FormPage> {
    let target = new URL(url)
    let next = init
    for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
      const headers = new Headers(sent)
      headers.set('accept', 'text/html')
      headers.set('cookie', cookiesFor(jar, target))
      const answer = await fetch(target, { ...next, headers, redirect: 'manual' })
      keepCookies(jar, target, answer.headers)
      const location = answer.headers.get('location')
      if (location === null) {
        const { status } = answer
        return { url: target.href, status, headers: answer.headers, body: await answer.text() }
      }
      await answer.body?.cancel()
      target = new URL(location, target)
      if (stopAt !== undefined && target.href.startsWith(stopAt)) {
        return { url: target.href, status: answer.status, headers: answer.headers, body: '' }
      }
      next = {}
    }
    throw new Error('too many redirects')
  }

  return {
    open: (url, stopAt) => request(url, {}, stopAt),
    submit: (page, fields, stopAt) => {
      const action = unescapeHtml(/<form[^>]* action="([^"]*)"/.exec(page.body)?.[1] ?? '')
      const body = new URLSearchParams({ ...hiddenFields(page.body), ...fields })
      return request(new URL(action, page.url).href, { method: 'POST', body }, stopAt)
    },
  }
}

function hiddenFields(html: string): Record<string, string> {
  const inputs = html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)
  return Object.fromEntries(
    [...inputs].map(([, name = '', value = '']) => [unescapeHtml(name), unescapeHtml(value)]),
  )
}

function unescapeHtml(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

function cookiesFor(jar: Map<string, StoredCookie>, url: URL): string {
  return [...jar.values()]
    .filter(({ host, path }) => host === url.hostname && url.pathname.startsWith(path))
    .map(({ name, value }) => `${name}=${value}`)
    .join('; ')
}

function keepCookies(jar: Map<string, StoredCookie>, url: URL, headers: Headers): void {
  for (const line of headers.getSetCookie()) {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
    const at = pair.indexOf('=')
    const name = pair.slice(0, at)
    const value = pair.slice(at + 1)
    const path = attributes.find((text) => /^path=/i.test(text))?.slice('path='.length) ?? '/'
    const key = `${url.hostname} ${path} ${name}`
    const expires = attributes.find((text) => /^expires=/i.test(text))?.slice('expires='.length)
    const over = value === '' || (expires !== undefined && Date.parse(expires) <= Date.now())
    if (over) jar.delete(key)
    else jar.set(key, { host: url.hostname, path, name, value })
  }
}
