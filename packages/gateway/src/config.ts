import { z } from 'zod'

const seconds = z.number().int().min(1).max(31_536_000)
const path = z.string().startsWith('/')
const file = z.string().min(1)

const api = z.strictObject({
  path,
  upstream: z.string(),
  downloads: z.array(path).optional(),
  events: z.array(path).optional(),
  sockets: z.array(path).optional(),
  methods: z.array(z.string().regex(/^[A-Z]+$/)).optional(),
  connectionsLast: z.enum(['session', 'access_token']).optional(),
  maxRequestBytes: z.number().int().min(0).optional(),
  headersTimeoutSeconds: seconds.optional(),
  bodyTimeoutSeconds: seconds.optional(),
})

const provider = z
  .strictObject({
    issuer: z.url(),
    clientId: z.string().min(1),
    clientSecretFile: file.optional(),
    clientSecretEnv: z.string().min(1).optional(),
    audience: z.string().min(1).optional(),
    scope: z.string().min(1).optional(),
    parameters: z.record(z.string(), z.string()).optional(),
    endpointHosts: z.array(z.string().min(1)).optional(),
    refreshReuseGraceSeconds: z.number().int().min(0).max(600).optional(),
  })
  .refine(
    (value) => (value.clientSecretFile === undefined) !== (value.clientSecretEnv === undefined),
    {
      message: 'needs clientSecretFile or clientSecretEnv, one of both',
    },
  )

const pages = z
  .strictObject({
    directory: file.optional(),
    upstream: z.string().optional(),
    protected: z.array(path).optional(),
    contentSecurityPolicy: z.string().min(1).optional(),
    trustedTypes: z.enum(['off', 'report', 'enforce']).optional(),
  })
  .refine((value) => value.directory === undefined || value.upstream === undefined, {
    message: 'takes directory or upstream, not both',
  })

const address = {
  url: z.string().min(1).optional(),
  urlFile: file.optional(),
  urlEnv: z.string().min(1).optional(),
}

const redis = z.strictObject({
  kind: z.literal('redis'),
  ...address,
  cluster: z.boolean().optional(),
  sentinel: z
    .strictObject({ masterName: z.string().min(1), passwordEnv: z.string().min(1).optional() })
    .optional(),
  nodes: z.array(z.string().min(1)).optional(),
  prefix: z.string().min(1).optional(),
})

const postgres = z.strictObject({
  kind: z.literal('postgres'),
  ...address,
  schema: z.string().min(1).optional(),
  maxConnections: z.number().int().min(2).max(1000).optional(),
})

function checkAddress(value: { readonly kind: string }, context: z.RefinementCtx): void {
  if (value.kind !== 'redis' && value.kind !== 'postgres') return
  const given = ['url', 'urlFile', 'urlEnv'].filter((name) => Object.hasOwn(value, name))
  if (given.length !== 1) {
    context.addIssue({ code: 'custom', message: 'needs url, urlFile or urlEnv, one of the three' })
  }
  if (Object.hasOwn(value, 'cluster') && Object.hasOwn(value, 'sentinel')) {
    context.addIssue({ code: 'custom', message: 'takes cluster or sentinel, not both' })
  }
}

const cookie = z.strictObject({
  name: z.string().min(1).optional(),
  domain: z.string().min(1).optional(),
  sameSite: z.enum(['strict', 'lax', 'none']).optional(),
  lifetime: z
    .union([z.literal('browser'), z.strictObject({ maxAgeSeconds: z.number().int().min(1) })])
    .optional(),
  embedded: z.boolean().optional(),
  headerBudgetBytes: z.number().int().min(1024).max(65_536).optional(),
})

const sessions = z
  .strictObject({
    kind: z.enum(['ticket', 'sealed-cookie']).optional(),
    store: z
      .discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('memory') }),
        z.strictObject({ kind: z.literal('sqlite'), file }),
        redis,
        postgres,
      ])
      .superRefine(checkAddress)
      .optional(),
    idleSeconds: seconds.optional(),
    absoluteSeconds: seconds.optional(),
    remembered: z
      .strictObject({
        idleSeconds: seconds.optional(),
        absoluteSeconds: seconds.optional(),
      })
      .optional(),
    renewBeforeSeconds: seconds.optional(),
    cacheSeconds: z.number().min(0).max(60).optional(),
    storeTimeoutSeconds: z.number().min(0.1).max(20).optional(),
    refreshTokens: z.enum(['none', 'single-process']).optional(),
    overflow: z.enum(['error', 'store']).optional(),
    deflate: z.enum(['never', 'to_save_a_cookie', 'always']).optional(),
  })
  .superRefine(checkKind)

const FOR_COOKIES_ONLY = ['refreshTokens', 'overflow', 'deflate'] as const

function checkKind(value: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void {
  const inCookies = value.kind === 'sealed-cookie'
  const misplaced = inCookies ? ['cacheSeconds'] : FOR_COOKIES_ONLY
  for (const name of misplaced) {
    if (value[name] === undefined) continue
    const message = `goes with kind: ${inCookies ? 'ticket' : 'sealed-cookie'} only: remove it`
    context.addIssue({ code: 'custom', path: [name], message })
  }
}

const partner = z.strictObject({ origin: z.url(), ringFile: file })

/** The shape of a configuration; unknown keys are faults. */
export const configSchema = z
  .strictObject({
    origin: z.url(),
    listen: z
      .strictObject({
        port: z.number().int().min(0).max(65_535).optional(),
        hosts: z.array(z.string().min(1)).min(1).optional(),
        tls: z.strictObject({ keyFile: file, certificateFile: file }).optional(),
        httpRedirectPort: z.number().int().min(0).max(65_535).optional(),
      })
      .optional(),
    provider,
    ring: z.strictObject({ file }),
    sessions: sessions.optional(),
    cookie: cookie.optional(),
    allowedOrigins: z.array(z.string().min(1)).optional(),
    cors: z
      .strictObject({
        headers: z.array(z.string().regex(/^[\w-]+$/)).optional(),
        exposedHeaders: z.array(z.string().regex(/^[\w-]+$/)).optional(),
      })
      .optional(),
    pages: pages.optional(),
    apis: z.array(api).optional(),
    signOut: z
      .strictObject({
        returnTo: path.optional(),
        idTokenHint: z.boolean().optional(),
        clearSiteData: z.array(z.enum(['cache', 'storage'])).optional(),
      })
      .optional(),
    handOff: z
      .strictObject({ to: z.array(partner).optional(), from: z.array(partner).optional() })
      .optional(),
    trustedProxyHops: z.number().int().min(0).max(10).optional(),
    forwardedBy: z.enum(['x-forwarded', 'forwarded']).optional(),
    log: z
      .strictObject({ level: z.enum(['silent', 'error', 'warn', 'info', 'debug']).optional() })
      .optional(),
    unsafe: z.array(z.enum(['insecure-http'])).optional(),
  })
  .superRefine(({ origin, listen }, context) => {
    if (listen?.httpRedirectPort === undefined || origin.startsWith('https:')) return
    const message = 'needs an origin of https: remove it'
    context.addIssue({ code: 'custom', path: ['listen', 'httpRedirectPort'], message })
  })

/** What a gateway is made of; files are relative to the working directory, or to the configuration file. */
export type GatewayConfig = z.infer<typeof configSchema>

/** What is wrong with a configuration: every fault in a line of its own. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly faults: readonly string[]

  constructor(faults: readonly string[]) {
    super(
      `The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${faults.map((fault) => `- ${fault}`).join('\n')}`,
    )
    this.faults = faults
  }
}

/**
 * Checks a configuration. Throws {@link ConfigError} with all faults at once, each with its path.
 *
 * @example
 * const config = parseConfig({ origin: 'https://app.example', provider, ring: { file: 'ring.json' } })
 */
export function parseConfig(value: unknown): GatewayConfig {
  const result = configSchema.safeParse(value)
  if (result.success) return result.data
  throw new ConfigError(result.error.issues.map(describeIssue))
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const place = issue.path.length === 0 ? 'the file' : issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    return `${place}: unknown ${issue.keys.length === 1 ? 'key' : 'keys'} ${issue.keys.join(', ')}: remove or correct`
  }
  return `${place}: ${issue.message}`
}
