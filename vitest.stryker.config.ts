import { defineConfig } from 'vitest/config'
import { BaseSequencer } from 'vitest/node'

/** Runs the quickest files first: most mutants fail their first test, and the others are not run then. */
class QuickestFirst extends BaseSequencer {
  override async sort(files: Parameters<BaseSequencer['sort']>[0]) {
    const slowestFirst = await super.sort(files)
    return slowestFirst.toReversed()
  }
}

/**
 * The tests of the modules that `npm run test:mutation` changes. Those that drive both doors are left out:
 * each change would take seconds, and the tests of the modules must notice it alone. So is the comparison of
 * the schema with the simulator, which generates 10,000 values.
 */
export default defineConfig({
  test: {
    include: ['test/lib/{conversation,liveperson,request}/*.test.ts', 'test/lib/config/routes.test.ts'],
    exclude: ['test/**/*-through-doors.test.ts', 'test/lib/request/profile-agreement.test.ts'],
    testTimeout: 60_000,
    // The same examples in every run: a mutant is killed always or never.
    setupFiles: ['test/support/fixed-seed.ts'],
    pool: 'threads',
    isolate: false,
    sequence: { sequencer: QuickestFirst },
    env: { LOG_LEVEL: 'SILENT', POWERTOOLS_METRICS_DISABLED: 'true' },
  },
})
