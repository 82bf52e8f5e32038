/** What tabs tell each other. Never a token: every script of this origin can listen. */
export type TabMessage =
  /** Look again. */
  | { readonly kind: 'changed' }
  /** This person signed out of this sign-in, at this time: a message can come late. */
  | {
      readonly kind: 'signed_out'
      readonly subject: string | undefined
      readonly grant: string
      readonly at: number
    }

/** The other tabs of this browser, at this origin. */
export interface Tabs {
  tell(message: TabMessage): void
  close(): void
}

/** Joins the other tabs. What they say is no more than a hint: whatever does not look like one is passed over. */
export function joinTabs(name: string, onMessage: (message: TabMessage) => void): Tabs {
  const channel = new BroadcastChannel(name)
  let isOpen = true
  channel.onmessage = ({ data }: MessageEvent<TabMessage | undefined>) => {
    if (data?.kind === 'changed' || data?.kind === 'signed_out') onMessage(data)
  }
  return {
    // What is still under way when a page has closed its client ends without telling.
    tell: (message) => {
      if (isOpen) channel.postMessage(message)
    },
    close: () => {
      isOpen = false
      channel.close()
    },
  }
}
