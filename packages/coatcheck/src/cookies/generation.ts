import type { RandomSource } from '../core/random.ts'

/** How many letters a generation has. */
export const GENERATION_LENGTH = 12

const TIME_LETTERS = 7
const ALPHABET = '0123456789abcdefghijklmnopqrstuv'

/**
 * A name for the chunks of one value, so that chunks of two values never mix: the second, then 25 random bits.
 *
 * @example
 * newGeneration(1_800_000_000_000, systemRandom) // '0troblsXXXXX', each X at random
 */
export function newGeneration(nowMs: number, random: RandomSource): string {
  const seconds = Math.max(0, Math.floor(nowMs / 1000))
  const time = seconds.toString(36).padStart(TIME_LETTERS, '0').slice(-TIME_LETTERS)
  const letters = [...random(GENERATION_LENGTH - TIME_LETTERS)].map((byte) => ALPHABET[byte & 31])
  return time + letters.join('')
}

/** When a generation says that it was made, in milliseconds since 1970: a hint, anyone can write it. */
export function generationTime(generation: string): number {
  return Number.parseInt(generation.slice(0, TIME_LETTERS), 36) * 1000
}

/** Whether text has the form of a generation. */
export function isGeneration(text: string): boolean {
  return /^[0-9a-z]{12}$/.test(text)
}
