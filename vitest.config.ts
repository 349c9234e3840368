import { defineConfig } from 'vitest/config'

/** Tests that have a command of their own, and that `npm test` leaves out. They run where they are named. */
const SEPARATE = [
  'test/bench/run.test.ts',
  'test/browser',
  'test/cli/commands/doctor.test.ts',
  'test/docs',
  'test/faults',
  'test/lib/aws/sdk-compared.test.ts',
  'test/local/pause.test.ts',
  'test/packaged-metrics.test.ts',
  'test/permissions',
  'test/security/canary.test.ts',
  'test/security/growth.test.ts',
  'test/simulation/outage.test.ts',
  'test/simulation/queue-compared.test.ts',
  'test/simulation/scripts-compared.test.ts',
  'test/simulation/state-table-compared.test.ts',
  'test/trials',
]

const isNamed = (path: string): boolean => process.argv.slice(2).some((argument) => argument.startsWith(path))

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: SEPARATE.filter((path) => !isNamed(path)).map((path) =>
      path.endsWith('.ts') ? path : `${path}/**`,
    ),
    pool: 'forks',
    // Most of them wait for time-outs and sockets, not for a processor.
    maxWorkers: 4,
    env: {
      LOG_LEVEL: 'SILENT',
      POWERTOOLS_METRICS_DISABLED: 'true',
      // Lambda sets it in every invocation.
      _X_AMZN_TRACE_ID: 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=557abcec3ee5a047;Sampled=0',
    },
    testTimeout: 90_000,
    hookTimeout: 60_000,
    coverage: {
      provider: 'v8',
      include: ['functions/**/*.ts', 'lib/**/*.ts'],
      reporter: ['text'],
    },
  },
})
