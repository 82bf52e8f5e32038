/** What tabs tell each other. Never a token: every script of this origin can listen. */
export type TabMessage =
  /** Look again. */
  | { readonly kind: 'changed' }
  /** This person signed out. */
  | { readonly kind: 'signed_out'; readonly subject: string }

/** The other tabs of this browser, at this origin. */
export interface Tabs {
  tell(message: TabMessage): void
  close(): void
}

/** Joins the other tabs. What they say is no more than a hint: whatever does not look like one is passed over. */
export function joinTabs(name: string, onMessage: (message: TabMessage) => void): Tabs {
  const channel = new BroadcastChannel(name)
  channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    const { kind, subject } = (data ?? {}) as Readonly<Record<string, unknown>>
    if (kind === 'changed') onMessage({ kind })
    if (kind === 'signed_out' && typeof subject === 'string') onMessage({ kind, subject })
  })
  return {
    tell: (message) => channel.postMessage(message),
    close: () => channel.close(),
  }
}
