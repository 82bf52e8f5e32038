import { fileURLToPath } from 'node:url'
import { startGateway } from '@coatcheck/gateway'
import { startSampleApi } from './api.ts'
import { type SampleCertificate, sampleCertificate } from './certificate.ts'
import { openDataFolder } from './data-folder.ts'
import { checkPortIsFree } from './free-port.ts'
import { gatewayConfig } from './gateway.ts'
import { startDevProvider } from './provider.ts'
import { TEST_USERS, type TestUser } from './users.ts'

/** What {@link startDev} takes. */
export interface DevOptions {
  /** Where the gateway listens, on both loopback addresses. */
  readonly port: number
  /** The folder that keeps everything. One start at a time. */
  readonly data: string
  /** Whether the gateway speaks https, with a certificate of its own making. Default: false. */
  readonly https?: boolean
  /** Default: 300. */
  readonly accessTokenSeconds?: number
  /** Default: the gateway's. */
  readonly idleSeconds?: number
  /** Default: the gateway's. */
  readonly absoluteSeconds?: number
}

/** The whole set-up, running. */
export interface Dev {
  /** Where to go. */
  readonly origin: string
  /** The provider's issuer. */
  readonly provider: string
  readonly api: string
  readonly users: readonly TestUser[]
  /** With https: what Chromium's `--ignore-certificate-errors-spki-list` takes. */
  readonly spkiSha256?: string
  close(): Promise<void>
}

const PAGES = fileURLToPath(new URL('../page', import.meta.url))

/**
 * Starts provider, sample API and gateway with the sample page: everything that a browser needs to sign
 * in, call an API and sign out.
 *
 * Throws `StartError` or the gateway's `ConfigError` for what a person can mend.
 *
 * @example
 * const dev = await startDev({ port: 8080, data: '.data' })
 * await dev.close()
 */
export async function startDev(options: DevOptions): Promise<Dev> {
  const { port, https = false, idleSeconds, absoluteSeconds, accessTokenSeconds } = options
  const origin = `${https ? 'https' : 'http'}://localhost:${port}`
  const closers: (() => unknown)[] = []
  const close = async (): Promise<void> => {
    for (const closeOne of closers.reverse()) await closeOne()
  }
  try {
    const folder = openDataFolder(options.data)
    closers.push(folder.release)
    await checkPortIsFree(port)
    const provider = await startDevProvider({
      clientOrigin: origin,
      folder,
      ...(accessTokenSeconds === undefined ? {} : { accessTokenSeconds }),
    })
    closers.push(provider.close)
    const { issuer, apiAudience: audience } = provider
    const api = await startSampleApi({ issuer, audience, folder })
    closers.push(api.close)
    const certificate: SampleCertificate | undefined = https
      ? await sampleCertificate(folder)
      : undefined
    const gateway = await startGateway(
      gatewayConfig({
        origin,
        port,
        folder,
        provider,
        api,
        pages: PAGES,
        certificate,
        idleSeconds,
        absoluteSeconds,
      }),
    )
    closers.push(gateway.close)
    return {
      origin,
      provider: issuer,
      api: api.origin,
      users: TEST_USERS,
      ...(certificate === undefined ? {} : { spkiSha256: certificate.spkiSha256 }),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
