import { existsSync } from 'node:fs'
import { type GatewayConfig, writeNewRing } from '@coatcheck/gateway'
import type { SampleApi } from './api.ts'
import type { SampleCertificate } from './certificate.ts'
import type { DataFolder } from './data-folder.ts'
import type { DevProvider } from './provider.ts'
import { API_SCOPE } from './provider-configuration.ts'
import { CLIENT_SECRET_FILE } from './provider-secrets.ts'

/** What the gateway's configuration is made from. */
export interface GatewayConfigInput {
  readonly origin: string
  readonly port: number
  readonly folder: DataFolder
  readonly provider: DevProvider
  readonly api: SampleApi
  /** The folder of the sample page. */
  readonly pages: string
  readonly certificate?: SampleCertificate | undefined
  readonly idleSeconds?: number | undefined
  readonly absoluteSeconds?: number | undefined
}

const RING_FILE = 'ring.json'

/** The configuration that `npm start` runs the gateway with: what a file for `coatcheck serve` would say. */
export function gatewayConfig(input: GatewayConfigInput): GatewayConfig {
  const { api, certificate, folder, provider } = input
  const tls =
    certificate === undefined
      ? {}
      : { tls: { keyFile: certificate.file, certificateFile: certificate.file } }
  return {
    origin: input.origin,
    listen: { port: input.port, ...tls },
    provider: {
      issuer: provider.issuer,
      clientId: provider.clientId,
      clientSecretFile: folder.file(CLIENT_SECRET_FILE),
      audience: provider.apiAudience,
      scope: `openid profile email offline_access ${API_SCOPE}`,
    },
    ring: { file: keepRing(folder) },
    sessions: {
      store: { kind: 'sqlite', file: folder.file('sessions.sqlite') },
      ...(input.idleSeconds === undefined ? {} : { idleSeconds: input.idleSeconds }),
      ...(input.absoluteSeconds === undefined ? {} : { absoluteSeconds: input.absoluteSeconds }),
    },
    pages: { directory: input.pages, protected: ['/account/*'] },
    apis: [
      {
        path: '/api/',
        upstream: `${api.origin}/`,
        downloads: ['/api/download/*'],
        events: ['/api/events'],
        sockets: ['/api/socket'],
      },
    ],
    // The provider is on plain http, on this machine.
    unsafe: ['insecure-http'],
    log: { level: 'warn' },
  }
}

function keepRing(folder: DataFolder): string {
  const file = folder.file(RING_FILE)
  if (!existsSync(file)) writeNewRing(file)
  return file
}
