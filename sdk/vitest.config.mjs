import { defineConfig } from 'vitest/config'

// A loaded machine of two cores is no reason to fail: nothing here waits for real time.
export default defineConfig({ test: { include: ['test/*.test.mjs'], testTimeout: 60000, hookTimeout: 60000 } })
