import type { CounterEvent } from './options.ts'

/** What listens to one kind of event. */
export type EventListener<T extends CounterEvent['type']> = (
  event: Extract<CounterEvent, { readonly type: T }>,
) => void

/** Tells events to whoever wants to know. */
export interface EventHub {
  emit(event: CounterEvent): void
  on<T extends CounterEvent['type']>(type: T, listener: EventListener<T>): () => void
}

/**
 * A hub in front of `onEvent`. A listener that throws is a fault of its own: it stops neither the request nor
 * other listeners, and is told as `listener.failed`.
 */
export function createEventHub(onEvent: ((event: CounterEvent) => void) | undefined): EventHub {
  const listeners = new Map<string, Set<(event: never) => void>>()

  function emit(event: CounterEvent): void {
    const failed = [...(listeners.get(event.type) ?? [])].filter((listener) => {
      return !call(() => listener(event as never))
    })
    call(() => onEvent?.(event))
    if (failed.length > 0 && event.type !== 'listener.failed') {
      emit({ type: 'listener.failed', event: event.type })
    }
  }

  return {
    emit,
    on: (type, listener) => {
      const ofType = listeners.get(type) ?? new Set()
      listeners.set(type, ofType.add(listener))
      return () => void ofType.delete(listener)
    },
  }
}

function call(listener: () => void): boolean {
  try {
    listener()
    return true
  } catch {
    return false
  }
}
