import { defineConfig } from 'vitest/config'

/** Tests with a command of their own, by the variable that it sets: one is timed, the others take a minute. */
const SEPARATE = {
  BROWSER: ['test/browser/**'],
  GROWTH: ['test/security/growth.test.ts'],
  PAUSE: ['test/local/pause.test.ts'],
  PERMISSIONS: ['test/permissions/**', 'test/packaged-metrics.test.ts'],
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: Object.entries(SEPARATE).flatMap(([name, paths]) =>
      process.env[name] === undefined ? paths : [],
    ),
    pool: 'forks',
    // Most of them wait for time-outs and sockets, not for a processor.
    maxWorkers: 4,
    env: { LOG_LEVEL: 'SILENT', POWERTOOLS_METRICS_DISABLED: 'true' },
    testTimeout: 90_000,
    hookTimeout: 60_000,
    coverage: {
      provider: 'v8',
      include: ['functions/**/*.ts', 'lib/**/*.ts'],
      reporter: ['text'],
    },
  },
})
