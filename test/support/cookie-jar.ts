/** What a browser does with `Set-Cookie`, as far as names and values go. */
export interface CookieJar {
  readonly cookies: Map<string, string>
  /** The attributes of all that was set, in order. */
  readonly attributes: string[]
  set(setCookies: readonly string[]): void
  /** The Cookie header. */
  header(): string
}

/** An empty jar. */
export function cookieJar(): CookieJar {
  const cookies = new Map<string, string>()
  const attributes: string[] = []
  return {
    cookies,
    attributes,
    set: (setCookies) => {
      for (const line of setCookies) {
        const [pair = '', ...rest] = line.split('; ')
        const equals = pair.indexOf('=')
        attributes.push(rest.filter((attribute) => attribute !== 'Max-Age=0').join('; '))
        if (rest.includes('Max-Age=0')) cookies.delete(pair.slice(0, equals))
        else cookies.set(pair.slice(0, equals), pair.slice(equals + 1))
      }
    },
    header: () => [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
  }
}
