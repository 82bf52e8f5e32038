import { hash } from 'node:crypto'
import { type Bytes, concatBytes, decodeBase64url, encodeBase64url } from '../core/bytes.ts'
import type { RandomSource } from '../core/random.ts'

const ID_BYTES = 16
const SECRET_BYTES = 32
const TICKET = /^[\w-]{64}$/

/** How many characters a ticket has. */
export const TICKET_LENGTH = 64

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const ID_ENDS: string[] = []
for (const [index, character] of [...ALPHABET].entries()) {
  ID_ENDS[character.charCodeAt(0)] = ALPHABET[index & 0b11_0000] ?? ''
}

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

/**
 * The id in a cookie value; `undefined` when it is no ticket. The secret is not looked at: an opened session
 * is found without it.
 */
export function ticketId(value: string): string | undefined {
  if (!TICKET.test(value)) return undefined
  // 16 bytes end within the 22nd character: its lower four bits belong to the secret.
  return value.slice(0, 21) + (ID_ENDS[value.charCodeAt(21)] ?? '')
}

/** Takes a cookie value apart; `undefined` when it is no ticket. */
export function parseTicket(value: string): Ticket | undefined {
  const id = ticketId(value)
  const bytes = decodeBase64url(value)
  return id === undefined || bytes === undefined ? undefined : { id, secret: bytes.slice(ID_BYTES) }
}

/** What a ticket is remembered by: never the ticket itself. */
export function ticketHash(value: string): string {
  return hash('sha256', value, 'base64')
}
