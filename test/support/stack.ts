import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { join } from 'node:path'
import {
  API_AUDIENCE,
  createFormBrowser,
  type DataFolder,
  type DevProvider,
  type FormBrowser,
  openDataFolder,
  sampleCertificate,
  startDevProvider,
  TEST_USERS,
  type TokenHooks,
} from '@coatcheck/dev'
import {
  createLog,
  type Gateway,
  type GatewayConfig,
  startGateway,
  writeNewRing,
} from '@coatcheck/gateway'
import { freePort, temporaryFolder } from './dev-process.ts'
import { type SendInit, send } from './send.ts'

/** A gateway in this process, in front of an upstream of the test's own, with a real provider. */
export interface Stack {
  readonly origin: string
  readonly port: number
  readonly cookieName: string
  readonly provider: DevProvider
  readonly folder: string
  readonly config: GatewayConfig
  readonly log: () => string
  gateway: Gateway
  restart(): Promise<void>
  close(): Promise<void>
}

/** What a test changes. */
export interface StackOptions {
  readonly upstream?: RequestListener
  readonly upgrade?: (server: Server) => void
  /** Default: `localhost`. */
  readonly hostname?: string
  /** Whether the gateway speaks HTTPS, with a certificate of its own making. Default: false. */
  readonly https?: boolean
  readonly accessTokenSeconds?: number
  readonly accessTokenFormat?: 'jwt' | 'opaque'
  /** Faults at the provider. */
  readonly tokenHooks?: TokenHooks
  /** Where the gateway listens. Default: a free port. */
  readonly port?: number
  /** One that several stacks share; it is not closed with this one. Default: one of its own. */
  readonly provider?: Pick<DevProvider, 'issuer' | 'clientId' | 'clientSecret'>
  /** Keeps what the provider knows. Default: none. */
  readonly providerFolder?: DataFolder
  readonly config?: (base: GatewayConfig) => GatewayConfig
}

/** Starts a stack. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const folder = temporaryFolder()
  const port = options.port ?? (await freePort())
  const { hostname = 'localhost' } = options
  const origin = `${options.https === true ? 'https' : 'http'}://${hostname}:${port}`
  const provider = await providerOf(options, origin)
  const upstream = await listen(options.upstream ?? ((_, response) => response.end('{}')))
  options.upgrade?.(upstream.server)
  mkdirSync(join(folder.path, 'pages/account'), { recursive: true })
  writeFileSync(join(folder.path, 'pages/index.html'), '<!doctype html><title>front</title>')
  writeFileSync(
    join(folder.path, 'pages/account/index.html'),
    '<!doctype html><title>account</title>',
  )
  writeFileSync(join(folder.path, 'secret'), provider.clientSecret, { mode: 0o600 })
  writeNewRing(join(folder.path, 'ring.json'))
  const tls = options.https === true ? await certificateIn(folder.path) : undefined
  const base: GatewayConfig = {
    origin,
    ...(tls === undefined ? {} : { listen: { tls } }),
    provider: {
      issuer: provider.issuer,
      clientId: provider.clientId,
      clientSecretFile: join(folder.path, 'secret'),
    },
    ring: { file: join(folder.path, 'ring.json') },
    sessions: { store: { kind: 'sqlite', file: join(folder.path, 'sessions.sqlite') } },
    pages: { directory: join(folder.path, 'pages'), protected: ['/account/*'] },
    apis: [
      {
        path: '/api/',
        upstream: `http://127.0.0.1:${upstream.port}/`,
        downloads: ['/api/download/*'],
        events: ['/api/events'],
        sockets: ['/api/socket'],
      },
    ],
    unsafe: ['insecure-http'],
  }
  const config = options.config?.(base) ?? base
  const lines: string[] = []
  const log = createLog('debug', { write: (line: string) => void lines.push(line) })
  const stack: Stack = {
    origin,
    port,
    cookieName: `__Host-Http-coatcheck-${port}`,
    provider,
    folder: folder.path,
    config,
    log: () => lines.join(''),
    gateway: await startGateway(config, log),
    restart: async () => {
      await stack.gateway.close()
      stack.gateway = await startGateway(config, log)
    },
    close: async () => {
      await stack.gateway.close()
      await provider.close()
      upstream.server.closeAllConnections()
      upstream.server.close()
      folder.remove()
    },
  }
  return stack
}

async function providerOf(options: StackOptions, clientOrigin: string): Promise<DevProvider> {
  if (options.provider !== undefined) {
    return { ...options.provider, apiAudience: API_AUDIENCE, close: async () => {} }
  }
  const { accessTokenSeconds, accessTokenFormat, providerFolder: folder } = options
  const running = await startDevProvider({
    clientOrigin,
    ...(accessTokenSeconds === undefined ? {} : { accessTokenSeconds }),
    ...(accessTokenFormat === undefined ? {} : { accessTokenFormat }),
    ...options.tokenHooks,
    ...(folder === undefined ? {} : { folder }),
  })
  return { ...running, close: atMostOnce(() => running.close()) }
}

async function certificateIn(folder: string) {
  const { file } = await sampleCertificate(openDataFolder(join(folder, 'tls')))
  return { keyFile: file, certificateFile: file }
}

/** A plain server on a free port of 127.0.0.1. */
export async function listen(
  listener: RequestListener,
): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 }
}

/** The headers of a click on one of our own pages. */
export const OWN_NAVIGATION = {
  'sec-fetch-site': 'same-origin',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  accept: 'text/html',
}

/** A sign-in that has come back from the provider and not been finished. */
export interface PendingSignIn {
  readonly callbackUrl: string
  /** Where the gateway listens. */
  readonly address: string
  /** The transaction's cookie. */
  readonly cookie: string
}

/** Goes through sign-in up to the callback, as a browser does. */
export async function beginSignIn(
  stack: Pick<Stack, 'origin'> & {
    /** Where it listens, if not at its origin. */
    readonly address?: string
    /** Added to the address that starts it: `&remember=1`. */
    readonly signInQuery?: string
  },
  username = 'ada',
  returnTo = '/',
  browser: FormBrowser = createFormBrowser(),
): Promise<PendingSignIn> {
  const { origin, address = origin, signInQuery = '' } = stack
  const start = await send(
    `${address}/auth/sign-in?return=${encodeURIComponent(returnTo)}${signInQuery}`,
    {
      headers: { ...OWN_NAVIGATION, host: new URL(origin).host },
    },
  )
  const location = start.headers.get('location')
  if (location === null)
    throw new Error(`sign-in did not start: ${start.status} ${await start.text()}`)
  const user = TEST_USERS.find((candidate) => candidate.username === username)
  const callback = `${origin}/auth/callback`
  const first = await browser.open(location, callback)
  const fields = { username: user?.username ?? '', password: user?.password ?? '', choice: 'go' }
  const last = first.url.startsWith(callback)
    ? first
    : await browser.submit(first, fields, callback)
  return { callbackUrl: last.url, address, cookie: cookiesOf(start).join('; ') }
}

/** Finishes a sign-in, as the hopped request does, and gives back the answer. */
export function finishSignIn(
  pending: PendingSignIn,
  ticket?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const cookie = ticket === undefined ? pending.cookie : `${pending.cookie}; ${ticket}`
  const { host, pathname, search } = new URL(pending.callbackUrl)
  return send(`${pending.address}${pathname}${search}`, {
    headers: { ...OWN_NAVIGATION, host, cookie, ...headers },
  })
}

/** Signs in; gives back the ticket as `name=value`. */
export async function signInOverHttp(
  stack: Stack,
  username = 'ada',
  ticket?: string,
  browser?: FormBrowser,
): Promise<string> {
  const answer = await finishSignIn(await beginSignIn(stack, username, '/', browser), ticket)
  const cookie = cookiesOf(answer).find((pair) => pair.startsWith(`${stack.cookieName}=`))
  if (cookie === undefined) throw new Error(`no ticket: ${answer.status} ${await answer.text()}`)
  return cookie
}

/** Name and value of each cookie that an answer sets. */
export function cookiesOf(answer: Response): readonly string[] {
  return answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0] ?? '')
}

/** An API call as a page's script makes it. */
export function apiCall(
  stack: Pick<Stack, 'origin'>,
  ticket: string,
  path: string,
  init: SendInit = {},
): Promise<Response> {
  const headers = {
    'sec-fetch-site': 'same-origin',
    'x-coatcheck': '1',
    cookie: ticket,
    ...init.headers,
  }
  return send(`${stack.origin}${path}`, { ...init, headers })
}

function atMostOnce(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => {
    done ??= work()
    return done
  }
}
