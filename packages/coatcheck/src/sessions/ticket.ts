import { hash } from 'node:crypto'
import { type Bytes, concatBytes, decodeBase64url, encodeBase64url } from '../core/bytes.ts'
import type { RandomSource } from '../core/random.ts'

const ID_BYTES = 16
const SECRET_BYTES = 32
const TICKET_CHARACTERS = 64

/** A ticket taken apart: the id finds the session, the secret opens it. */
export interface Ticket {
  /** 22 characters of base64url. */
  readonly id: string
  readonly secret: Bytes
}

/** A new ticket and its cookie value: 64 characters of base64url. */
export function createTicket(random: RandomSource): Ticket & { readonly value: string } {
  const id = random(ID_BYTES)
  const secret = random(SECRET_BYTES)
  return { id: encodeBase64url(id), secret, value: encodeBase64url(concatBytes(id, secret)) }
}

/** Takes a cookie value apart; `undefined` when it is no ticket. */
export function parseTicket(value: string): Ticket | undefined {
  if (value.length !== TICKET_CHARACTERS) return undefined
  const bytes = decodeBase64url(value)
  if (bytes === undefined) return undefined
  return { id: encodeBase64url(bytes.subarray(0, ID_BYTES)), secret: bytes.slice(ID_BYTES) }
}

/** What a ticket is remembered by: never the ticket itself. */
export function ticketHash(value: string): string {
  return hash('sha256', value, 'base64')
}
