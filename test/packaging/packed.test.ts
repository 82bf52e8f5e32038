import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type DevProvider, startDevProvider } from '@coatcheck/dev'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, temporaryFolder } from '../support/dev-process.ts'
import { send } from '../support/send.ts'
import { apiCall, listen, signInOverHttp } from '../support/stack.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = temporaryFolder()
const modules = join(folder.path, 'node_modules')

// The packed library as a user gets it, beside the packages that it and the example depend on.
beforeAll(() => {
  mkdirSync(join(modules, 'coatcheck'), { recursive: true })
  const packed = execFileSync(
    'npm',
    ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder.path],
    {
      cwd: join(root, 'packages/coatcheck'),
      encoding: 'utf8',
    },
  )
  const file = packed.trim().split('\n').at(-1) ?? ''
  execFileSync('tar', [
    'xzf',
    join(folder.path, file),
    '--strip-components=1',
    '-C',
    join(modules, 'coatcheck'),
  ])
  for (const name of ['oauth4webapi', 'tldts', 'tldts-core', 'express', '@types'])
    symlinkSync(join(root, 'node_modules', name), join(modules, name))
  writeFileSync(join(folder.path, 'package.json'), '{"type":"module","private":true}')
})
afterAll(() => folder.remove())

const SERVER = [
  'coatcheck',
  'coatcheck/ring',
  'coatcheck/node',
  'coatcheck/express',
  'coatcheck/memory-store',
  'coatcheck/sqlite-store',
  'coatcheck/testing',
]
const PAGE = ['coatcheck/tokens', 'coatcheck/session-client']

describe('the packed library', () => {
  it('holds no test, no source and nothing of this repository beyond its dist', () => {
    const files = execFileSync('find', [join(modules, 'coatcheck'), '-type', 'f'], {
      encoding: 'utf8',
    })
    expect(files).not.toMatch(/\.test\.|hostile|tsbuildinfo|\/src\//)
    expect(files).toMatch(/LICENSE/)
    expect(files).toMatch(/README\.md/)
  })

  it('imports in Node, every subpath', () => {
    const code = [...SERVER, ...PAGE].map((name) => `await import('${name}')`).join('; ')
    execFileSync(process.execPath, ['--input-type=module', '-e', code], { cwd: folder.path })
  })

  it('is bundled for a browser where it is meant for one, and throws a sentence where it is not', async () => {
    const bundle = async (name: string): Promise<string> => {
      const { outputFiles } = await build({
        stdin: { contents: `export * from '${name}'`, resolveDir: folder.path },
        bundle: true,
        write: false,
        format: 'esm',
        platform: 'browser',
        logLevel: 'silent',
      })
      return outputFiles[0]?.text ?? ''
    }
    for (const name of PAGE) expect(await bundle(name)).not.toMatch(/node:|is for servers/)
    for (const name of SERVER) {
      const text = await bundle(name)
      expect(text, name).toContain('is for servers')
      expect(text.length, name).toBeLessThan(1000)
    }
  })

  it('compiles in a project that checks library types and has no driver', () => {
    const imports = [...SERVER, ...PAGE].map(
      (name, index) => `import * as m${index} from '${name}'\nconsole.log(m${index})`,
    )
    writeFileSync(join(folder.path, 'consumer.ts'), imports.join('\n'))
    writeFileSync(
      join(folder.path, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          target: 'ES2023',
          lib: ['ES2023', 'DOM'],
          module: 'NodeNext',
          strict: true,
          noEmit: true,
          skipLibCheck: false,
          exactOptionalPropertyTypes: true,
          types: ['node'],
        },
        include: ['consumer.ts'],
      }),
    )
    const tsc = join(root, 'node_modules/.bin/tsc')
    const check = (): string => {
      try {
        return execFileSync(tsc, ['-p', folder.path], { encoding: 'utf8' })
      } catch (error) {
        return String((error as { readonly stdout: string }).stdout)
      }
    }
    expect(check()).toBe('')
  })
})

describe('quickstarts/express, from the packed library', () => {
  let provider: DevProvider
  let child: ChildProcess
  let stack: Parameters<typeof signInOverHttp>[0]
  const seen: (string | undefined)[] = []

  beforeAll(async () => {
    const port = await freePort()
    const origin = `http://localhost:${port}`
    provider = await startDevProvider({ clientOrigin: origin })
    const upstream = await listen((request, response) => {
      seen.push(request.headers.authorization)
      response.end('{}')
    })
    cpSync(join(root, 'quickstarts/express'), folder.path, { recursive: true })
    child = spawn(process.execPath, ['server.js'], {
      cwd: folder.path,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        ISSUER: provider.issuer,
        CLIENT_ID: provider.clientId,
        CLIENT_SECRET: provider.clientSecret,
        API: `http://127.0.0.1:${upstream.port}/`,
        PORT: String(port),
      },
    })
    await once(child.stdout ?? child, 'data')
    stack = { origin, provider, cookieName: `__Host-Http-coatcheck-${port}` } as typeof stack
  })
  afterAll(async () => {
    child?.kill()
    await provider?.close()
  })

  it('signs in, knows who asks, calls the API, and signs out', async () => {
    const ticket = await signInOverHttp(stack)
    const me = await send(`${stack.origin}/me`, {
      headers: { cookie: ticket, 'sec-fetch-site': 'same-origin' },
    })
    expect(await me.json()).toEqual({ subject: 'u-ada-1815' })
    expect(
      (
        await send(`${stack.origin}/me`, {
          headers: { cookie: ticket, 'sec-fetch-site': 'cross-site' },
        })
      ).status,
    ).toBe(401)
    expect((await apiCall(stack, ticket, '/api/x')).status).toBe(200)
    expect(seen[0]).toMatch(/^Bearer /)
    expect(await (await send(`${stack.origin}/`)).text()).toContain('Express behind Coatcheck')
    await send(`${stack.origin}/auth/sign-out`, {
      method: 'POST',
      headers: { origin: stack.origin, cookie: ticket },
    })
    expect((await apiCall(stack, ticket, '/api/x')).status).toBe(401)
  })
})
