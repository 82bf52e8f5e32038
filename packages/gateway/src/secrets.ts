import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { Secret } from 'coatcheck'
import { createKeyRing, generateKeyRing, type KeyRing, type KeyRingFile } from 'coatcheck/ring'
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

/** The key ring from its file. */
export function readRing(file: string): KeyRing {
  const text = readSecretFile(file)
  let content: KeyRingFile
  try {
    content = JSON.parse(text)
  } catch {
    throw new ConfigError([
      `ring.file: ${file} is not JSON: make one with \`coatcheck keys ${file}\``,
    ])
  }
  return createKeyRing(content)
}

/**
 * Makes a ring file that only its owner can read. Throws {@link ConfigError} if the file is there already:
 * overwriting it would end every session.
 */
export function writeNewRing(file: string): void {
  try {
    const text = `${JSON.stringify(generateKeyRing(), null, 2)}\n`
    writeFileSync(file, text, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    const taken = error instanceof Error && 'code' in error && error.code === 'EEXIST'
    throw new ConfigError([
      taken
        ? `${file} is there already: overwriting it would end every session`
        : `${file} cannot be written: is its folder there?`,
    ])
  }
  chmodSync(file, 0o600)
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
  let mode: number
  let text: string
  try {
    mode = statSync(file).mode
    text = readFileSync(file, 'utf8')
  } catch {
    throw new ConfigError([`${file} cannot be read (a ring is made with \`coatcheck keys FILE\`)`])
  }
  if (process.platform !== 'win32' && (mode & OTHERS_MAY_READ) !== 0) {
    throw new ConfigError([`${file} can be read by others: run chmod 600 ${file}`])
  }
  return text
}
