import type { SessionContents } from './contents.ts'

/** How long a session lasts, in milliseconds. */
export interface Lifetime {
  /** From the last request. */
  readonly idleMs: number
  /** From sign-in. */
  readonly absoluteMs: number
}

/** The same in seconds, as options say it. */
export interface LifetimeOptions {
  /** Default: 1800; for remembered sessions fourteen days. */
  readonly idleSeconds?: number | undefined
  /** Default: 43200; for remembered sessions thirty days. */
  readonly absoluteSeconds?: number | undefined
}

/** The lifetimes that a site gives. */
export interface Lifetimes {
  readonly usual: Lifetime
  /** For who asked to stay signed in; `undefined` where nobody is offered it. */
  readonly remembered: Lifetime | undefined
  /** What a session was promised, as far as the site still gives it. */
  of(contents: Pick<SessionContents, 'remembered'>): Lifetime
  /** Whether what ended then was the absolute end, as far as the columns of a row tell. */
  isAbsoluteEnd(createdAt: number, expiresAt: number): boolean
}

const DAY = 86_400
const USUAL = { idleSeconds: 1800, absoluteSeconds: 43_200 }
const REMEMBERED = { idleSeconds: 14 * DAY, absoluteSeconds: 30 * DAY }

/** Lifetimes from options. */
export function createLifetimes(
  options: LifetimeOptions & { readonly remembered?: LifetimeOptions | undefined },
): Lifetimes {
  const usual = toLifetime(options, USUAL)
  const remembered =
    options.remembered === undefined ? undefined : toLifetime(options.remembered, REMEMBERED)
  const all = remembered === undefined ? [usual] : [usual, remembered]
  const longest = Math.max(...all.map(({ absoluteMs }) => absoluteMs))
  return {
    usual,
    remembered,
    of: (contents) => (contents.remembered === true ? (remembered ?? usual) : usual),
    isAbsoluteEnd: (createdAt, expiresAt) =>
      expiresAt >= createdAt + longest ||
      all.some(({ absoluteMs }) => expiresAt === createdAt + absoluteMs),
  }
}

/** What is wrong with lifetimes, a line each. */
export function lifetimeFaults(
  options: LifetimeOptions & { readonly remembered?: LifetimeOptions | undefined },
): readonly string[] {
  const { remembered } = options
  return [
    ...faultsOf('sessions', toSeconds(options, USUAL)),
    ...(remembered === undefined
      ? []
      : faultsOf('sessions.remembered', toSeconds(remembered, REMEMBERED))),
  ]
}

function faultsOf(
  at: string,
  { idleSeconds, absoluteSeconds }: Required<LifetimeOptions>,
): readonly string[] {
  const faults: string[] = []
  for (const [name, value] of Object.entries({ idleSeconds, absoluteSeconds })) {
    if (!Number.isFinite(value) || Number(value) < 1) {
      faults.push(`${at}.${name} (${value}) must be a number of seconds, at least 1`)
    }
  }
  if (Number(idleSeconds) > Number(absoluteSeconds)) {
    faults.push(
      `${at}.idleSeconds (${idleSeconds}) must not exceed ${at}.absoluteSeconds (${absoluteSeconds}): lower one`,
    )
  }
  return faults
}

function toSeconds(options: LifetimeOptions, otherwise: typeof USUAL): typeof USUAL {
  const { idleSeconds = otherwise.idleSeconds, absoluteSeconds = otherwise.absoluteSeconds } =
    options
  return { idleSeconds, absoluteSeconds }
}

function toLifetime(options: LifetimeOptions, otherwise: typeof USUAL): Lifetime {
  const { idleSeconds, absoluteSeconds } = toSeconds(options, otherwise)
  return { idleMs: idleSeconds * 1000, absoluteMs: absoluteSeconds * 1000 }
}
