import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Document, parseDocument } from 'yaml'
import { ConfigError, type GatewayConfig, parseConfig } from './config.ts'

/**
 * Reads a configuration from a YAML or JSON file; the files that it names are relative to its folder.
 * Throws {@link ConfigError} with all faults at once.
 */
export function readConfigFile(file: string): GatewayConfig {
  const document = parseDocument(readText(file), { uniqueKeys: true })
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map((error) => `${file}: ${error.message.split('\n')[0]}`),
    )
  }
  return resolveFiles(parseConfig(toValue(document, file)), dirname(resolve(file)))
}

function toValue(document: Document, file: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 10 })
  } catch {
    throw new ConfigError([`${file}: its aliases lead nowhere or are too many: write values out`])
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new ConfigError([`${file} cannot be read: give the path of a YAML or JSON file`])
  }
}

/** Makes every file of a configuration absolute. */
export function resolveFiles(config: GatewayConfig, folder: string): GatewayConfig {
  const { provider, ring, sessions, pages, listen, handOff } = config
  const at = (file: string): string => resolve(folder, file)
  const secretFile = provider.clientSecretFile
  return {
    ...config,
    provider: {
      ...provider,
      ...(secretFile === undefined ? {} : { clientSecretFile: at(secretFile) }),
    },
    ring: { file: at(ring.file) },
    ...(sessions?.store === undefined
      ? {}
      : { sessions: { ...sessions, store: resolveStore(sessions.store, at) } }),
    ...(pages?.directory === undefined
      ? {}
      : { pages: { ...pages, directory: at(pages.directory) } }),
    ...(handOff === undefined ? {} : { handOff: resolvePartners(handOff, at) }),
    ...(listen?.tls === undefined
      ? {}
      : {
          listen: {
            ...listen,
            tls: {
              keyFile: at(listen.tls.keyFile),
              certificateFile: at(listen.tls.certificateFile),
            },
          },
        }),
  }
}

type HandOffConfig = NonNullable<GatewayConfig['handOff']>

function resolvePartners(handOff: HandOffConfig, at: (file: string) => string): HandOffConfig {
  const resolved = Object.entries(handOff).map(([direction, partners]) => [
    direction,
    partners?.map((partner) => ({ ...partner, ringFile: at(partner.ringFile) })),
  ])
  return Object.fromEntries(resolved)
}

type StoreConfig = NonNullable<NonNullable<GatewayConfig['sessions']>['store']>

function resolveStore(store: StoreConfig, at: (file: string) => string): StoreConfig {
  if (store.kind === 'sqlite') return { ...store, file: at(store.file) }
  if (store.kind === 'memory' || store.urlFile === undefined) return store
  return { ...store, urlFile: at(store.urlFile) }
}
