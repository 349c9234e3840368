/**
 * Explores every configuration and prints what was found: `npm run test:model`. Takes about ten minutes and 6
 * GB.
 *
 * Options: `--short` for the bounds of `npm test`; `--every-order` for all orders, also those that reach
 * nothing new.
 */
import { parseArgs } from 'node:util'
import { configurations, LONG, SHORT } from './explorations.ts'
import { INVARIANT_NAMES } from './invariants.ts'
import { isOf, knownDefectsOf } from './known-defects.ts'
import { PROTOCOL } from './load-protocol.ts'
import { describeBounds, describeConfiguration, describeExploration, printTrace } from './print.ts'
import { explore, type Finding } from './search.ts'
import { initialWorld } from './world.ts'

const { values } = parseArgs({
  options: { short: { type: 'boolean', default: false }, 'every-order': { type: 'boolean', default: false } },
})
const bounds = values.short ? SHORT : LONG
const isExhaustive = values['every-order']

console.log(`${describeBounds(bounds)}\nEverything else is explored to closure.`)
console.log(`Invariants, checked in every state and on every transition: ${INVARIANT_NAMES.length}`)
for (const name of INVARIANT_NAMES) console.log(`  ${name}`)
console.log()

const shown = new Set<string>()
const traces: string[] = []
let wrong = 0
for (const configuration of configurations(bounds)) {
  const startedAt = performance.now()
  const exploration = explore(PROTOCOL, { ...configuration, isExhaustive })
  const seconds = (performance.now() - startedAt) / 1000
  console.log(describeExploration(configuration, exploration, seconds))
  const initial = initialWorld(configuration)
  const print = ({ invariant, detail, trace, times }: Finding) =>
    `${invariant}: ${detail} (${times} times; ${describeConfiguration(configuration)})\n${printTrace(initial, trace)}\n`
  const known = knownDefectsOf(configuration)
  for (const finding of exploration.findings) {
    const defect = known.find((one) => isOf(finding, one))
    if (!defect) {
      wrong++
      traces.push(`NEW ${print(finding)}`)
    } else if (!shown.has(defect.name)) {
      shown.add(defect.name)
      traces.push(`KNOWN DEFECT ${defect.name}\n${defect.description}\n${print(finding)}`)
    }
  }
  for (const defect of known.filter((one) => !exploration.findings.some((finding) => isOf(finding, one)))) {
    wrong++
    traces.push(`NOT FOUND ANY MORE ${defect.name} (${describeConfiguration(configuration)})\n`)
  }
}

console.log(`\n${traces.join('\n')}`)
if (wrong > 0) process.exitCode = 1
