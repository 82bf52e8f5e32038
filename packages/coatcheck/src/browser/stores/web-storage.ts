import type { OpenTokenStore } from '../token-store.ts'

/** Opens one key of Web Storage. The storage is looked up each time: where it is forbidden, looking throws. */
export function openWebStorage(storage: () => Storage, key: string): OpenTokenStore {
  return {
    read: () => {
      try {
        return storage().getItem(key) ?? undefined
      } catch {
        return undefined
      }
    },
    write: (text) => {
      try {
        storage().setItem(key, text)
        return { ok: true }
      } catch (error) {
        const isFull = error instanceof DOMException && /quota/i.test(error.name)
        return {
          ok: false,
          reason: isFull ? 'quota_exceeded' : 'storage_unavailable',
          detail: `Web Storage did not take ${key.length + text.length} characters.`,
        }
      }
    },
    remove: () => {
      try {
        storage().removeItem(key)
      } catch {
        // What cannot be reached holds nothing of ours.
      }
    },
  }
}

/** Web Storage holds about five million characters a site, in two bytes each. */
export const WEB_STORAGE_BYTES = 10_485_760
