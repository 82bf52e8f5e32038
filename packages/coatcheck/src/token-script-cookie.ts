export { type ScriptCookieOptions, scriptCookieStore } from './browser/stores/script-cookie.ts'
