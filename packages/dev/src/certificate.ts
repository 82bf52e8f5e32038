import { createHash, X509Certificate } from 'node:crypto'
import { generate } from 'selfsigned'
import type { DataFolder } from './data-folder.ts'

/** A certificate for this machine's own names, signed by itself. */
export interface SampleCertificate {
  /** PEM with private key and certificate, readable by the owner alone. */
  readonly file: string
  /** base64 SHA-256 of the public key: what Chromium's `--ignore-certificate-errors-spki-list` takes. */
  readonly spkiSha256: string
}

const FILE = 'localhost.pem'
const DAY_MS = 86_400_000
const VALID_DAYS = 365
const RENEW_BEFORE_DAYS = 7
const NAME_DNS = 2
const NAME_IP = 7

// Each by itself: right below a top-level name like localhost no wildcard is taken.
const DNS_NAMES = ['localhost', 'app.localhost', 'shop.localhost']
const IP_ADDRESSES = ['127.0.0.1', '::1']

/**
 * The data folder's certificate for localhost, app.localhost, shop.localhost, 127.0.0.1 and ::1. It is made
 * once, and again when it is about to expire or lacks a name; no browser trusts it without being told.
 *
 * @example
 * const { spkiSha256 } = await sampleCertificate(openDataFolder('.data'))
 */
export async function sampleCertificate(folder: DataFolder): Promise<SampleCertificate> {
  let certificate = new X509Certificate(await folder.keepText(FILE, make))
  if (isOutdated(certificate)) {
    folder.forget(FILE)
    certificate = new X509Certificate(await folder.keepText(FILE, make))
  }
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return {
    file: folder.file(FILE),
    spkiSha256: createHash('sha256').update(spki).digest('base64'),
  }
}

function isOutdated(certificate: X509Certificate): boolean {
  return (
    Date.parse(certificate.validTo) - Date.now() < RENEW_BEFORE_DAYS * DAY_MS ||
    DNS_NAMES.some((name) => certificate.checkHost(name) === undefined)
  )
}

async function make(): Promise<string> {
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + VALID_DAYS * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          ...DNS_NAMES.map((value) => ({ type: NAME_DNS, value }) as const),
          ...IP_ADDRESSES.map((ip) => ({ type: NAME_IP, ip }) as const),
        ],
      },
    ],
  })
  // X509Certificate reads the first certificate and skips other blocks; so does Node's TLS.
  return `${made.cert.trim()}\n${made.private.trim()}\n`
}
