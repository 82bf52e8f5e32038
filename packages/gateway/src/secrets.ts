import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { Secret } from 'coatcheck'
import { ConfigError, type GatewayConfig } from './config.ts'

const OTHERS_MAY_READ = 0o077

/** The client's secret, from its file or environment variable. */
export function readClientSecret(provider: GatewayConfig['provider']): Secret {
  const { clientSecretEnv, clientSecretFile } = provider
  const value =
    clientSecretEnv === undefined
      ? readSecretFile(clientSecretFile ?? '')
      : process.env[clientSecretEnv]
  if (value === undefined || value.trim() === '') {
    const where =
      clientSecretEnv === undefined
        ? `clientSecretFile: ${clientSecretFile}`
        : `clientSecretEnv: the environment variable ${clientSecretEnv}`
    throw new ConfigError([`provider.${where} is empty`])
  }
  return new Secret(value.trim())
}

/** Key and certificate of the gateway's own server, if it has them. */
export function readTls(
  listen: GatewayConfig['listen'],
): { readonly key: string; readonly cert: string } | undefined {
  if (listen?.tls === undefined) return undefined
  const { keyFile, certificateFile } = listen.tls
  const key = readSecretFile(keyFile)
  try {
    const cert = readFileSync(certificateFile, 'utf8')
    createSecureContext({ key, cert })
    return { key, cert }
  } catch {
    throw new ConfigError([
      `listen.tls: ${keyFile} and ${certificateFile} must be a key and its certificate, in PEM`,
    ])
  }
}

/** A file that its owner alone may read. */
export function readSecretFile(file: string): string {
  const { mode, text } = readWithMode(file)
  if (process.platform !== 'win32' && (mode & OTHERS_MAY_READ) !== 0) {
    throw new ConfigError([`${file} can be read by others: run chmod 600 ${file}`])
  }
  return text
}

// Of one and the same file, also when it is just being replaced.
function readWithMode(file: string): { readonly mode: number; readonly text: string } {
  try {
    const descriptor = openSync(file, 'r')
    try {
      return { mode: fstatSync(descriptor).mode, text: readFileSync(descriptor, 'utf8') }
    } finally {
      closeSync(descriptor)
    }
  } catch {
    throw new ConfigError([
      `${file} cannot be read (a ring is made with \`coatcheck keys new FILE\`)`,
    ])
  }
}
