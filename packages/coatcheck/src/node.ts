export {
  createNodeHandler,
  headOf,
  type NodeHandler,
  type NodeHandlerOptions,
} from './adapters/node.ts'
export type { Dispatcher } from './adapters/node-dispatch.ts'
