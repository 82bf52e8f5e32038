export { coatcheck, type ExpressMiddleware } from './adapters/express.ts'
