import { describe, expect, it } from 'vitest'
import { createEventHub } from './event-hub.ts'
import type { CounterEvent } from './options.ts'

const CREATED: CounterEvent = { type: 'session.created', session: 'abcdefgh', subject: 'ann' }

describe('createEventHub', () => {
  it('tells each listener of its type, until it stops, and onEvent of all', () => {
    const all: string[] = []
    const created: string[] = []
    const hub = createEventHub((event) => all.push(event.type))
    const stop = hub.on('session.created', ({ subject }) => created.push(subject))
    hub.emit(CREATED)
    hub.emit({ type: 'renewal.resumed' })
    stop()
    hub.emit(CREATED)
    expect(all).toEqual(['session.created', 'renewal.resumed', 'session.created'])
    expect(created).toEqual(['ann'])
  })

  it('lets a listener that throws stop neither the others nor its caller, and says so', () => {
    const all: string[] = []
    const heard: string[] = []
    const hub = createEventHub((event) => all.push(event.type))
    hub.on('session.created', () => {
      throw new Error('no disk')
    })
    hub.on('session.created', ({ session }) => heard.push(session))
    hub.on('listener.failed', () => {
      throw new Error('again')
    })
    hub.emit(CREATED)
    expect(heard).toEqual(['abcdefgh'])
    expect(all).toEqual(['session.created', 'listener.failed'])
  })

  it('bears an onEvent that throws', () => {
    const hub = createEventHub(() => {
      throw new Error('no disk')
    })
    expect(() => hub.emit(CREATED)).not.toThrow()
  })
})
