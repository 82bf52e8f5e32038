export { type SqliteStoreOptions, sqliteStore } from './sessions/stores/sqlite.ts'
export type {
  SqliteDatabase,
  SqliteStatement,
  SqliteValue,
} from './sessions/stores/sqlite-client.ts'
