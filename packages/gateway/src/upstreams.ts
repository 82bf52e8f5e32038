import type { NodeHandlerOptions } from 'coatcheck/node'
import { Agent } from 'undici'

// Slow clients hold one each while they send and receive: a few dozen must not hold up the rest.
const CALL_CONNECTIONS = 512

/** The connections to upstreams. */
export type Upstreams = NonNullable<NodeHandlerOptions['dispatcher']> & { destroy(): Promise<void> }

/**
 * Connections to upstreams: a bounded number for calls, none of them pipelined, since one slow answer would
 * hold up those behind it; and others for event streams and sockets, which never end by themselves: the
 * last one would hold up every call.
 */
export function createUpstreams(): Upstreams {
  const calls = new Agent({ connections: CALL_CONNECTIONS, pipelining: 1 })
  const streams = new Agent({ pipelining: 1 })
  return {
    dispatch: (options, handler) => {
      const agent = options.bodyTimeout === 0 ? streams : calls
      return agent.dispatch(options, handler)
    },
    destroy: async () => {
      await Promise.all([calls.destroy(), streams.destroy()])
    },
  }
}
