import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const signature = fileURLToPath(
  new URL('./packages/coatcheck/src/tokens/signature.node.ts', import.meta.url),
)

const errorWords = fileURLToPath(
  new URL('./packages/coatcheck/src/core/error-words.ts', import.meta.url),
)

const base64url = fileURLToPath(
  new URL('./packages/coatcheck/src/core/base64url.ts', import.meta.url),
)

export default defineConfig({
  resolve: {
    alias: { '#base64url': base64url, '#signature': signature, '#error-words': errorWords },
  },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
