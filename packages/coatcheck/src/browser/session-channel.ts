/** The name of the channel and of the lock: one for all tabs of this origin. */
export const SESSION_CHANNEL = 'coatcheck-session'

/**
 * Over it the tabs of a browser tell each other to look again, and never more: any script of this origin can
 * write to it. `hello`: a page was opened. `changed`: the session is another one. `used`: it was used. Any
 * other word: why it ended.
 */
export function openChannel(): BroadcastChannel | undefined {
  try {
    return new BroadcastChannel(SESSION_CHANNEL)
  } catch {
    // An old browser has none; one that keeps no cookies refuses it.
    return undefined
  }
}
