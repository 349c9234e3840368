import { defineConfig } from 'vitest/config'

/** The tests of the pure parts, for `npm run test:mutation`. None of them opens a socket or starts a process. */
export default defineConfig({
  test: {
    include: [
      'test/lib/conversation/protocol.test.ts',
      'test/lib/liveperson/{payload,answer}.test.ts',
      'test/lib/request/*.test.ts',
      'test/lib/config/routes.test.ts',
    ],
    // The same examples in every run: a mutant is killed always or never.
    setupFiles: ['test/support/fixed-seed.ts'],
    pool: 'threads',
    isolate: false,
    env: { LOG_LEVEL: 'SILENT', POWERTOOLS_METRICS_DISABLED: 'true' },
  },
})
