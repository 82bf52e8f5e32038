import { spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer as createPlainServer } from 'node:http'
import { createServer, get } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { sampleCertificate } from './certificate.ts'
import { type DataFolder, openDataFolder } from './data-folder.ts'
import { startLoopbackServer } from './loopback-server.ts'

let path: string
let folder: DataFolder

beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'coatcheck-data-')), 'data')
  folder = openDataFolder(path)
})
afterEach(() => {
  folder.release()
  rmSync(path, { recursive: true })
})

describe('openDataFolder', () => {
  it('keeps what was made first, for the owner alone', async () => {
    expect(await folder.keepText('secret', () => 'one')).toBe('one')
    expect(await folder.keepText('secret', () => 'two')).toBe('one')
    expect(await folder.keep('value.json', () => ({ a: 1 }))).toEqual({ a: 1 })
    expect(await folder.keep('value.json', () => ({ a: 2 }))).toEqual({ a: 1 })
    expect(statSync(path).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(path)) {
      expect(statSync(join(path, name)).mode & 0o777, name).toBe(0o600)
    }
  })

  it('is for one start at a time, and free again after release', () => {
    expect(() => openDataFolder(path)).toThrow(/in use by another start: stop it/)
    folder.release()
    folder = openDataFolder(path)
  })

  it('says so when it cannot be written', () => {
    const blocked = join(path, 'blocked')
    mkdirSync(join(blocked, 'lock'), { recursive: true })
    expect(() => openDataFolder(blocked)).toThrow(/cannot be written: check its owner/)
    writeFileSync(join(path, 'file'), '')
    expect(() => openDataFolder(join(path, 'file', 'data'))).toThrow(/cannot be made: choose/)
  })

  it('is free after its process was killed', async () => {
    folder.release()
    const script = `import { openDataFolder } from ${JSON.stringify(import.meta.resolve('./data-folder.ts'))}
openDataFolder(${JSON.stringify(path)}); setInterval(() => {}, 1000)
// That nobody keeps the folder lets go of nothing.
setTimeout(() => { gc(); gc(); console.log('held') }, 50)`
    const args = ['--expose-gc', '--input-type=module-typescript', '-e', script]
    const child = spawn(process.execPath, args)
    onTestFinished(() => void child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    expect(() => openDataFolder(path)).toThrow(/in use/)
    child.kill('SIGKILL')
    await once(child, 'exit')
    folder = openDataFolder(path)
  })
})

describe('startLoopbackServer', () => {
  const answer = () => (_: unknown, response: { end(): void }) => response.end()

  it('keeps its port, and says in one line when somebody else has it', async () => {
    const first = await startLoopbackServer({ folder, name: 'api' }, answer)
    await first.close()
    const second = await startLoopbackServer({ folder, name: 'api' }, answer)
    expect(second.origin).toBe(first.origin)
    const failed = startLoopbackServer({ folder, name: 'api' }, answer)
    await expect(failed).rejects.toThrow(/^Port \d+, which the api of .+ keeps, is taken: [^\n]+$/)
    await second.close()
  })

  it('listens on 127.0.0.1 alone', async () => {
    const { server, origin, close } = await startLoopbackServer({ name: 'api' }, answer)
    expect(server.address()).toMatchObject({ address: '127.0.0.1' })
    const port = Number(new URL(origin).port)
    const other = createPlainServer()
    other.listen({ host: '::1', port, ipv6Only: true })
    await once(other, 'listening')
    other.close()
    await close()
  })
})

describe('sampleCertificate', () => {
  it('is made once, fits its key, and names this machine', async () => {
    const made = await sampleCertificate(folder)
    expect(await sampleCertificate(folder)).toEqual(made)
    expect(statSync(made.file).mode & 0o777).toBe(0o600)
    const pem = readFileSync(made.file, 'utf8')
    const certificate = new X509Certificate(pem)
    expect(certificate.subjectAltName).toBe(
      'DNS:localhost, DNS:app.localhost, DNS:shop.localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    )
    const server = createServer({ key: pem, cert: pem }, (_, response) => response.end('hello'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : undefined
    const [response] = await once(get({ host: 'localhost', port, family: 4, ca: pem }), 'response')
    expect(response.statusCode).toBe(200)
    response.resume()
    server.close()
  })
  it('is made again when it lacks a name', async () => {
    const made = await generate([{ name: 'commonName', value: 'localhost' }], {
      keyType: 'ec',
      extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }],
    })
    await folder.keepText('localhost.pem', () => `${made.cert}\n${made.private}\n`)
    const { file } = await sampleCertificate(folder)
    expect(new X509Certificate(readFileSync(file)).checkHost('app.localhost')).toBeDefined()
  })
})
