import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Timed, so it has a command of its own.
    exclude: process.env.GROWTH === undefined ? ['test/security/growth.test.ts'] : [],
    pool: 'forks',
    // Most of them wait for time-outs and sockets, not for a processor.
    maxWorkers: 4,
    env: { LOG_LEVEL: 'SILENT', POWERTOOLS_METRICS_DISABLED: 'true' },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: {
      provider: 'v8',
      include: ['functions/**/*.ts', 'lib/**/*.ts'],
      reporter: ['text'],
    },
  },
})
