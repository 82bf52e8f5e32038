import { readdirSync, statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { lookup } from 'mrmime'

/** Answers a request with a file; `false` when there is none of that name. */
export type StaticFiles = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>

const MAX_DEPTH = 32

/**
 * The files of a folder, listed once, so that no request's path ever reaches the file system. Hidden files
 * are left out. A file that has gone or shrunk since, a range that makes no sense and a client that leaves
 * in mid-answer cost nothing but that answer.
 *
 * @see RFC 9110, sections 13.1 and 14
 * @example
 * const serve = createStaticFiles('/srv/pages', [['x-content-type-options', 'nosniff']])
 */
export function createStaticFiles(
  directory: string,
  headers: readonly (readonly [string, string])[],
): StaticFiles {
  const files = new Map<string, string>()
  list(directory, '', files, 0)
  return async (request, response) => {
    const file = find(files, pathOf(request.url ?? '/'))
    if (file === undefined) return false
    const handle = await open(file).catch(() => undefined)
    if (handle === undefined) return false
    try {
      await answer(file, handle, request, response, headers)
    } finally {
      await handle.close().catch(() => {})
    }
    return true
  }
}

function list(folder: string, prefix: string, files: Map<string, string>, depth: number): void {
  if (depth > MAX_DEPTH) return
  for (const name of readdirSync(folder)) {
    if (name.startsWith('.') && name !== '.well-known') continue
    const file = join(folder, name)
    const stats = statSync(file, { throwIfNoEntry: false })
    if (stats?.isDirectory()) list(file, `${prefix}/${name}`, files, depth + 1)
    else if (stats?.isFile()) files.set(`${prefix}/${name}`.normalize(), file)
  }
}

function pathOf(url: string): string {
  const path = url.split('?', 1)[0] ?? '/'
  try {
    return decodeURIComponent(path).normalize()
  } catch {
    return path
  }
}

function find(files: ReadonlyMap<string, string>, path: string): string | undefined {
  const base = path.endsWith('/') ? path.slice(0, -1) : path
  for (const name of [base, `${base}.html`, `${base}.htm`]) {
    const file = files.get(name)
    if (file !== undefined) return file
  }
  return files.get(`${base}/index.html`) ?? files.get(`${base}/index.htm`)
}

async function answer(
  file: string,
  handle: FileHandle,
  request: IncomingMessage,
  response: ServerResponse,
  headers: readonly (readonly [string, string])[],
): Promise<void> {
  const { size, mtime } = await handle.stat()
  const etag = `W/"${size}-${mtime.getTime()}"`
  for (const [name, value] of headers) response.setHeader(name, value)
  response.setHeader('etag', etag)
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304).end()
    return
  }
  response.setHeader('last-modified', mtime.toUTCString())
  response.setHeader('content-type', contentType(file))
  response.setHeader('accept-ranges', 'bytes')
  const range = readRange(request, size)
  if (range === 'unsatisfiable') {
    response.writeHead(416, { 'content-range': `bytes */${size}` }).end()
    return
  }
  const { start, end } = range ?? { start: 0, end: size - 1 }
  if (range !== undefined) response.setHeader('content-range', `bytes ${start}-${end}/${size}`)
  const length = end - start + 1
  response.writeHead(range === undefined ? 200 : 206, { 'content-length': length })
  if (request.method === 'HEAD' || length === 0) {
    response.end()
    return
  }
  const stream = handle.createReadStream({ start, end, autoClose: false })
  try {
    await pipeline(stream, response, { end: false })
  } catch {
    response.destroy()
    return
  }
  // Shrunk meanwhile: what was promised cannot be kept, and only a cut-off connection says so.
  if (stream.bytesRead < length) response.destroy()
  else response.end()
}

function contentType(file: string): string {
  const type = lookup(extname(file)) ?? 'application/octet-stream'
  return /^text\/|javascript$|json$|\+xml$/.test(type) ? `${type}; charset=utf-8` : type
}

// One range, or none at all: everything else may be ignored. Our entity tags are weak: If-Range never fits.
function readRange(
  request: IncomingMessage,
  size: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  if (request.method !== 'GET' || request.headers['if-range'] !== undefined) return undefined
  const parts = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(request.headers.range ?? '')
  if (parts === null) return undefined
  const [, first = '', last = ''] = parts
  if (first === '' && last === '') return undefined
  if (first === '') {
    const suffix = Math.min(Number(last), size)
    return suffix === 0 ? 'unsatisfiable' : { start: size - suffix, end: size - 1 }
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < start) return undefined
  return start >= size ? 'unsatisfiable' : { start, end }
}
