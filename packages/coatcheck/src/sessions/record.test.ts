import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  BINDING,
  CARD,
  newRing,
  START,
  tokenSet,
} from '../../../../test/support/session-fixture.ts'
import { decodeBase64url, decodeUtf8 } from '../core/bytes.ts'
import { systemRandom } from '../core/random.ts'
import { createKeyRing } from '../ring/key-ring.ts'
import { generateKeyRing, type KeyRingFile } from '../ring/ring-file.ts'
import { openValue } from '../seal/seal-value.ts'
import { restoreVerifiedTokenSet } from '../tokens/restore-verified.ts'
import { tokenSetData, type VerifiedTokenSet } from '../tokens/verified-token-set.ts'
import { decodeContents, encodeContents } from './contents.ts'
import { createRecords, type RecordBinding } from './record.ts'
import type { StoredSession } from './session-store.ts'
import { createTicket, parseTicket } from './ticket.ts'

interface Golden {
  readonly file: KeyRingFile
  readonly binding: RecordBinding
  readonly ticket: string
  readonly stored: Omit<StoredSession, 'wraps' | 'body' | 'card'> & {
    readonly wraps: readonly string[]
    readonly body: string
    readonly card: string
  }
}

const bytesOf = (text: string) => decodeBase64url(text) ?? new Uint8Array(0)

function contentsOf(set: VerifiedTokenSet) {
  return { tokenSet: set, createdAt: START, absoluteEndsAt: START + 1000, subjectKey: 'key' }
}

describe('a session record', () => {
  it('opens format 1 for good', () => {
    const golden = JSON.parse(
      readFileSync(new URL('./golden/record-v1.json', import.meta.url), 'utf8'),
    ) as Golden
    const ticket = parseTicket(golden.ticket)
    if (ticket === undefined) throw new Error('no ticket')
    const { wraps, body, card, ...columns } = golden.stored
    const stored = {
      ...columns,
      wraps: wraps.map(bytesOf),
      body: bytesOf(body),
      card: bytesOf(card),
    }
    const ring = createKeyRing(golden.file)
    const records = createRecords(ring, golden.binding, systemRandom)
    const opened = records.open(stored, ticket)
    if (!opened.ok) throw new Error(opened.reason)
    const { tokenSet: set, ...marks } = opened.contents
    expect(tokenSetData(set)).toEqual({
      issuer: 'https://idp.example',
      clientId: 'client-a',
      subject: 'golden-subject',
      accessToken: 'golden-access',
      tokenType: 'Bearer',
      accessTokenKind: 'jwt',
      accessTokenReceivedAt: START,
      accessTokenExpiresAt: START + 300_000,
      refreshToken: 'golden-refresh',
      idToken: 'golden-id',
      scope: 'openid profile',
      claims: { sub: 'golden-subject', name: 'Grün' },
    })
    expect(marks).toEqual({
      createdAt: START,
      absoluteEndsAt: START + 43_200_000,
      renewalSentAt: START + 5,
      subjectKey: records.lookupKey('sub', 'golden-subject'),
      sidKey: records.lookupKey('sid', 'sid-1'),
    })
    const read = openValue(ring, {
      purpose: 'card',
      context: ['https://a.example', 'https://idp.example', 'client-a', ticket.id],
      value: decodeUtf8(stored.card) ?? '',
    })
    expect(read.ok && decodeUtf8(read.bytes)).toBe('{"subject":"golden-subject"}')
  })

  it('seals each version under a fresh nonce, and each opens only as itself', () => {
    const ring = newRing()
    const records = createRecords(ring, BINDING, systemRandom)
    const ticket = createTicket(systemRandom)
    const contents = contentsOf(tokenSet())
    const { dataKey, ...sealed } = records.seal(ticket, contents, CARD)
    const times = { createdAt: START, lastSeenAt: START, expiresAt: START + 1 }
    const columns = { format: 1 as const, id: ticket.id, ...times, subjectKey: 'key' }
    const first = { ...columns, version: 1, ...sealed }
    const body = records.reseal(dataKey, ticket.id, 2, contents)
    expect(records.reopen({ ...first, version: 2, body }, dataKey)).toBeDefined()
    expect(records.reopen({ ...first, version: 1, body }, dataKey)).toBeUndefined()
    expect(records.reopen({ ...first, version: 2 }, dataKey)).toBeUndefined()
    const nonces = Array.from({ length: 2000 }, () =>
      records.reseal(dataKey, ticket.id, 2, contents).subarray(0, 12).join(),
    )
    expect(new Set(nonces).size).toBe(2000)
  })

  it('opens after a rotation while the old key is kept, and says unknown_key after that', () => {
    const old = generateKeyRing()
    const next = generateKeyRing()
    const ticket = createTicket(systemRandom)
    const before = createRecords(createKeyRing(old), BINDING, systemRandom)
    const { dataKey: _, ...sealed } = before.seal(ticket, contentsOf(tokenSet()), CARD)
    const times = { createdAt: START, lastSeenAt: START, expiresAt: START + 1 }
    const stored = {
      format: 1 as const,
      id: ticket.id,
      version: 1,
      ...times,
      subjectKey: 'key',
      ...sealed,
    }
    const kept = old.keys.map((key) => ({ ...key, state: 'opening' as const }))
    const rotated = createKeyRing({ version: 1, keys: [...next.keys, ...kept] })
    expect(createRecords(rotated, BINDING, systemRandom).open(stored, ticket).ok).toBe(true)
    expect(createRecords(createKeyRing(next), BINDING, systemRandom).open(stored, ticket)).toEqual({
      ok: false,
      reason: 'unknown_key',
    })
  })
})

describe('the frame of contents', () => {
  it('keeps every text as it was', () => {
    for (const text of ['', 'a', 'ü', '\u0000', '\u{1f510}'.repeat(500), 'x'.repeat(70_000)]) {
      const set = tokenSet({ accessToken: text, refreshToken: text, idToken: text, scope: text })
      const decoded = decodeContents(encodeContents(contentsOf(set)))
      expect(tokenSetData(decoded?.tokenSet ?? tokenSet())).toEqual(tokenSetData(set))
    }
  })

  it('refuses a set that only looks verified', () => {
    const copy = { ...tokenSetData(tokenSet()) } as unknown as VerifiedTokenSet
    expect(() => encodeContents(contentsOf(copy))).toThrow()
    expect(encodeContents(contentsOf(restoreVerifiedTokenSet(copy))).length).toBeGreaterThan(1)
  })

  it('knows its own version only', () => {
    const frame = encodeContents(contentsOf(tokenSet()))
    expect(decodeContents(frame)).toBeDefined()
    for (const version of [0, 2, 0x7b, 255]) {
      const other = new Uint8Array(frame)
      other[0] = version
      expect(decodeContents(other)).toBeUndefined()
    }
    expect(decodeContents(new Uint8Array(0))).toBeUndefined()
    expect(decodeContents(Uint8Array.of(1))).toBeUndefined()
  })
})
