import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { hostname as machineName } from 'node:os'
import {
  allowInsecureHttp,
  CoatcheckError,
  type Counter,
  type CounterSessionsOptions,
  createCounter,
  createProvider,
  type HandOffOptions,
  type Provider,
} from 'coatcheck'
import { memoryStore } from 'coatcheck/memory-store'
import { createNodeHandler } from 'coatcheck/node'
import type { Logger } from 'pino'
import type { GatewayConfig } from './config.ts'
import { type Connections, createConnections } from './connections.ts'
import { type GatewaySecrets, readSecrets } from './gateway-secrets.ts'
import { defaultHosts, listenOnAll } from './listen.ts'
import { createLog, logEvent } from './log.ts'
import { createPages } from './pages.ts'
import { createRedirectServer } from './redirect-to-https.ts'
import { watchRing } from './ring.ts'
import { checkStore, needsStore, type OpenedStore, openSessionStore } from './store.ts'
import { createUpstreams } from './upstreams.ts'

/** A gateway that listens. */
export interface Gateway {
  readonly origin: string
  readonly port: number
  /** Lets requests under way end (ten seconds at most), then closes everything; once, however often it is called. */
  close(): Promise<void>
}

const SWEEP_EVERY_MS = 30_000
const SWEEP_LIMIT = 500
const CLOSE_GRACE_MS = 10_000

/**
 * Starts a gateway: sign-in, sessions, guard and proxy in front of an app.
 *
 * Throws `ConfigError` for faults that a person can mend.
 *
 * @example
 * const gateway = await startGateway(readConfigFile('coatcheck.yaml'))
 */
export async function startGateway(config: GatewayConfig, log?: Logger): Promise<Gateway> {
  const logger = log ?? createLog(config.log?.level ?? 'info')
  const secrets = readSecrets(config, (event) => logEvent(logger, event))
  const { credentials } = secrets
  const pass = createPages(config)
  const store = await openSessionStore(config, logger)
  const { counter, provider } = createGatewayCounter(config, secrets, store?.store, logger)
  await makeReady(counter, logger).catch(async (error: unknown) => {
    await counter.close()
    await store?.close()
    throw error
  })
  const dispatcher = createUpstreams()
  const connections = createConnections()
  const handler = createNodeHandler(counter, { dispatcher, pass })

  const makeServer = (): Server => {
    const server =
      credentials === undefined
        ? createHttpServer(handler)
        : createHttpsServer(credentials, handler)
    return connections.watch(server.on('upgrade', handler.upgrade))
  }
  const { hostname, port: originPort, protocol } = new URL(config.origin)
  const port = config.listen?.port ?? Number(originPort || (protocol === 'https:' ? 443 : 80))
  const hosts = config.listen?.hosts ?? defaultHosts(hostname)
  const listening = await listenOnAll(makeServer, hosts, port).catch(async (error: unknown) => {
    await counter.close()
    await store?.close()
    await dispatcher.destroy()
    throw error
  })
  await listenForRedirects(config, hosts, connections).catch(async (error: unknown) => {
    await connections.close(0)
    await counter.close()
    await store?.close()
    await dispatcher.destroy()
    throw error
  })
  const sweeper = setInterval(() => {
    counter
      .sweep(SWEEP_LIMIT)
      .catch(() => logger.warn({ code: 'store_unavailable' }, 'sweep.failed'))
  }, SWEEP_EVERY_MS)
  sweeper.unref()
  const watching = [[config.ring.file, secrets.ring] as const, ...secrets.partnerRings].map(
    ([file, ring]) => watchRing(file, ring),
  )
  // Tried once at start so that health can tell; a provider that is down keeps nobody from starting.
  provider
    .ready()
    .catch(() => logger.warn({ code: 'provider_unavailable' }, 'provider.unavailable'))
  for (const unsafe of config.unsafe ?? []) logger.warn({ unsafe }, 'unsafe.option')

  async function close(): Promise<void> {
    clearInterval(sweeper)
    for (const stopWatching of watching) stopWatching()
    // Event streams never end by themselves.
    const streamsEnd = counter.close()
    await connections.close(CLOSE_GRACE_MS)
    await streamsEnd
    // Whoever signed out while connections ended is told of elsewhere, too.
    await counter.close()
    await dispatcher.destroy()
    await store?.close()
  }

  let closing: Promise<void> | undefined
  return {
    origin: config.origin,
    port: listening.port,
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

async function listenForRedirects(
  { origin, listen }: GatewayConfig,
  hosts: readonly string[],
  connections: Connections,
): Promise<void> {
  const port = listen?.httpRedirectPort
  if (port === undefined) return
  await listenOnAll(() => connections.watch(createRedirectServer(origin)), hosts, port)
}

/**
 * Checks whatever can be checked without starting: secrets, ring, certificate, addresses, patterns.
 *
 * Throws `ConfigError` or `CoatcheckError` with all faults of its kind at once.
 */
export function checkGateway(config: GatewayConfig): void {
  const secrets = readSecrets(config)
  checkStore(config.sessions?.store)
  createPages(config)
  const store = needsStore(config.sessions) ? memoryStore() : undefined
  createGatewayCounter(config, secrets, store, createLog('silent'))
}

// A store whose settings would lose sessions ends the start; one that is away does not: it may come later.
async function makeReady(counter: Counter, logger: Logger): Promise<void> {
  try {
    await counter.ready()
  } catch (error) {
    if (error instanceof CoatcheckError && error.code === 'invalid_configuration') throw error
    logger.warn({ code: 'store_unavailable' }, 'store.unavailable')
  }
}

/** The counter of a configuration, over an open store. */
export function createGatewayCounter(
  config: GatewayConfig,
  secrets: GatewaySecrets,
  store: OpenedStore['store'] | undefined,
  logger: Logger,
): { readonly counter: Counter; readonly provider: Provider } {
  const { provider: settings, pages, cookie, apis, signOut, trustedProxyHops, forwardedBy } = config
  const { allowedOrigins, cors } = config
  const insecure = config.unsafe?.includes('insecure-http') === true
  const provider = createProvider({
    issuer: settings.issuer,
    clientId: settings.clientId,
    clientSecret: secrets.clientSecret,
    ...defined({
      audience: settings.audience,
      endpointHosts: settings.endpointHosts,
      refreshReuseGraceSeconds: settings.refreshReuseGraceSeconds,
    }),
    ...(insecure ? { [allowInsecureHttp]: true as const } : {}),
  })
  const counter = createCounter({
    origin: config.origin,
    provider,
    ring: secrets.ring,
    sessions: sessionSettings(config, store),
    signIn: defined({ scope: settings.scope, parameters: settings.parameters }),
    ...defined({ cookie: cookie && defined(cookie) }),
    ...(pages?.protected === undefined ? {} : { pages: { protected: pages.protected } }),
    ...(pages?.upstream === undefined ? {} : { app: { upstream: pages.upstream } }),
    apis: (apis ?? []).map(defined),
    ...defined({ allowedOrigins, cors: cors && defined(cors) }),
    ...(config.handOff === undefined ? {} : { handOff: partnersOf(config.handOff, secrets) }),
    ...defined({ trustedProxyHops, forwardedBy, signOut: signOut && defined(signOut) }),
    ...(insecure ? { [allowInsecureHttp]: true } : {}),
    onEvent: (event) => logEvent(logger, event),
  })
  return { counter, provider }
}

function partnersOf(
  { to = [], from = [] }: NonNullable<GatewayConfig['handOff']>,
  { partnerRings }: GatewaySecrets,
): HandOffOptions {
  const withRing = ({ origin, ringFile }: { origin: string; ringFile: string }) => {
    const ring = partnerRings.get(ringFile)
    return ring === undefined ? [] : [{ origin, ring }]
  }
  return { to: to.flatMap(withRing), from: from.flatMap(withRing) }
}

function sessionSettings(
  { sessions: { store: _, kind, ...settings } = {} }: GatewayConfig,
  store: OpenedStore['store'] | undefined,
): CounterSessionsOptions {
  const processName = `${machineName()}-${process.pid}`
  const { overflow, refreshTokens, deflate, cacheSeconds, ...shared } = settings
  if (kind === 'sealed-cookie') {
    const given = defined({ ...shared, overflow, refreshTokens, deflate, store })
    return { kind, processName, ...given }
  }
  return { processName, ...defined({ ...shared, cacheSeconds }), store: store ?? memoryStore() }
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

// Optional keys of a file can be undefined; options of the library are there or not.
function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, entry]) => entry !== undefined),
  ) as Defined<T>
}
