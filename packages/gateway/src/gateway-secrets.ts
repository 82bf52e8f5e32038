import { CoatcheckError, type Secret } from 'coatcheck'
import type { ReloadableKeyRing, RingEvent } from 'coatcheck/ring'
import { ConfigError, type GatewayConfig } from './config.ts'
import { openRing } from './ring.ts'
import { readClientSecret, readTls } from './secrets.ts'

/** What a gateway reads from files that its owner alone may read. */
export interface GatewaySecrets {
  readonly clientSecret: Secret
  readonly ring: ReloadableKeyRing
  readonly credentials: ReturnType<typeof readTls>
  /** The rings that this site shares with others, by their files. */
  readonly partnerRings: ReadonlyMap<string, ReloadableKeyRing>
}

/** Reads them all. Throws {@link ConfigError} with all faults at once. */
export function readSecrets(
  config: GatewayConfig,
  onRingEvent?: (event: RingEvent) => void,
): GatewaySecrets {
  const faults: string[] = []
  const clientSecret = attempt(faults, () => readClientSecret(config.provider))
  const ring = attempt(faults, () => openRing(config.ring.file, onRingEvent))
  const partnerRings = new Map<string, ReloadableKeyRing>()
  for (const { ringFile } of [...(config.handOff?.to ?? []), ...(config.handOff?.from ?? [])]) {
    const shared = attempt(faults, () => openRing(ringFile, onRingEvent))
    if (shared !== undefined) partnerRings.set(ringFile, shared)
  }
  const credentials = attempt(faults, () => readTls(config.listen))
  if (faults.length > 0 || clientSecret === undefined || ring === undefined) {
    throw new ConfigError(faults)
  }
  return { clientSecret, ring, credentials, partnerRings }
}

function attempt<T>(faults: string[], read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof ConfigError) faults.push(...error.faults)
    else if (error instanceof CoatcheckError) faults.push(error.message)
    else throw error
    return undefined
  }
}
