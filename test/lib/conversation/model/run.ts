/**
 * Explores every configuration and prints what was found: `npm run test:model`. Takes about ten minutes and 6
 * GB.
 *
 * Options: `--short` for the bounds of `npm test`; `--every-order` for all orders, also those that reach
 * nothing new; `--only three` for the explorations of that name.
 */
import { parseArgs } from 'node:util'
import { answerHelp } from '../../../../tools/help.ts'
import { configurations, LONG, SHORT } from './explorations.ts'
import { INVARIANT_NAMES } from './invariants.ts'
import { PROTOCOL } from './load-protocol.ts'
import { describeBounds, describeConfiguration, describeExploration, printTrace } from './print.ts'
import { explore, type Finding } from './search.ts'
import { initialWorld } from './world.ts'

answerHelp(`npm run test:model -- [--short] [--every-order] [--only <name>]

Explores every configuration and prints what was found. Takes about ten minutes and 6 GB.

  --short         the bounds of npm test
  --every-order   all orders, also those that reach nothing new
  --only          the explorations of that name`)

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    'every-order': { type: 'boolean', default: false },
    only: { type: 'string' },
  },
})
const kinds = (values.short ? SHORT : LONG).filter(({ name }) => name === (values.only ?? name))
const isExhaustive = values['every-order']

for (const { name, bounds } of kinds) console.log(`Bounds, ${name}: ${describeBounds(bounds)}`)
console.log('Everything else is explored to closure.')
console.log(`Invariants, checked in every state and on every transition: ${INVARIANT_NAMES.length}`)
for (const name of INVARIANT_NAMES) console.log(`  ${name}`)
console.log()

const traces: string[] = []
for (const configuration of configurations(kinds)) {
  const startedAt = performance.now()
  const exploration = explore(PROTOCOL, { ...configuration, isExhaustive })
  const seconds = (performance.now() - startedAt) / 1000
  console.log(describeExploration(configuration, exploration, seconds))
  const initial = initialWorld(configuration)
  const print = ({ invariant, detail, trace, times }: Finding) =>
    `${invariant}: ${detail} (${times} times; ${describeConfiguration(configuration)})\n${printTrace(initial, trace)}\n`
  traces.push(...exploration.findings.map(print))
}

if (traces.length > 0) {
  console.log(`\n${traces.join('\n')}`)
  process.exitCode = 1
}
