export { allowEviction } from './core/unsafe.ts'
export { type RedisStoreOptions, redisStore } from './sessions/stores/redis.ts'
export type {
  IoredisLike,
  NodeRedisLike,
  RedisClient,
} from './sessions/stores/redis-client.ts'
