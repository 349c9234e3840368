import { parseArgs } from 'node:util'
import { ALL_FAULTS, type Fault } from './faults.ts'
import { GLOBAL_INVARIANTS, INVARIANTS } from './invariants.ts'
import { SWITCHED_OFF, UNCHECKED } from './known-defects.ts'
import { shrink } from './shrink.ts'
import { type Report, type SimulationOptions, simulate } from './simulate.ts'
import { toTimeline } from './trace.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '3' },
    requests: { type: 'string', default: '10000' },
    hold: { type: 'boolean', default: false },
    day: { type: 'boolean', default: false },
    'all-faults': { type: 'boolean', default: false },
    'no-faults': { type: 'boolean', default: false },
    only: { type: 'string' },
    shrink: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`Runs the simulated world: npm run test:simulation -- [options]
  --seed N        the first seed (default 1)
  --seeds K       the number of seeds (default 3)
  --requests R    requests per seed (default 10000)
  --day           100,000 CRM events spread over one day, without faults
  --hold          the first account uses onLostAnswer: hold
  --all-faults    faults that show known defects strike too, and every promise is checked
  --no-faults     no fault strikes, and every promise is checked
  --only FAULT    only this fault strikes, and every promise is checked
  --shrink        shrinks the first finding of each seed and prints its timeline
  --json          prints one line of JSON per seed`)
  process.exit(0)
}

for (const name of ['seed', 'seeds', 'requests'] as const)
  if (!/^[1-9]\d{0,8}$/.test(values[name]))
    throw new Error(`--${name} must be a positive whole number, not ${values[name]}`)

process.env.LOG_LEVEL = 'INFO'

const total: Record<string, number> = {}
const findings: Record<string, number> = {}
const peaks = { containers: 0, inFlight: 0 }
let requests = 0
let virtualMs = 0
let reopened = 0
const startedAt = process.hrtime.bigint()

const first = Number(values.seed)
for (let seed = first; seed < first + Number(values.seeds); seed++) {
  const options = optionsOf(String(seed))
  const report = await simulate(options)
  add(report)
  print(report)
  const [finding] = report.findings
  if (finding && values.shrink) {
    const { faults, report: shrunk, runs } = await shrink(options, report, finding)
    console.log(`\n${finding.invariant}: ${finding.key} ${finding.detail}`)
    console.log(`shrunk to ${faults.length} faults in ${runs} runs:`)
    for (const { fault, point } of faults) console.log(`  ${fault} at ${point}`)
    console.log(toTimeline(shrunk.events, () => true))
  }
}
summarize()

function optionsOf(seed: string): SimulationOptions {
  const isFault = (name: string): name is Fault => ALL_FAULTS.some((fault) => fault === name)
  const { only } = values
  if (only !== undefined && !isFault(only))
    throw new Error(`Unknown fault ${only}. Faults: ${ALL_FAULTS.join(', ')}`)
  if (values.day) return { seed, requests: 100_000, span: 'day', without: ALL_FAULTS, unchecked: [] }
  const isWhole = values['all-faults'] || values['no-faults'] || only !== undefined
  const left = values['all-faults'] ? [] : values['no-faults'] ? ALL_FAULTS : SWITCHED_OFF
  return {
    seed,
    requests: Number(values.requests),
    onLostAnswer: values.hold ? 'hold' : 'repeat',
    unchecked: isWhole ? [] : UNCHECKED,
    without: only ? ALL_FAULTS.filter((fault) => fault !== only) : left,
  }
}

function add(report: Report): void {
  for (const { fault } of report.struck) total[fault] = (total[fault] ?? 0) + 1
  for (const { invariant } of report.findings) findings[invariant] = (findings[invariant] ?? 0) + 1
  peaks.containers = Math.max(peaks.containers, report.peaks.containers)
  peaks.inFlight = Math.max(peaks.inFlight, report.peaks.inFlight)
  requests += report.requests
  virtualMs += report.virtualMs
  reopened += report.reopened
}

function print(report: Report): void {
  const { seed, findings, digest, conversations, states, answers, quarantined, struck } = report
  if (values.json) {
    const faults: Record<string, number> = {}
    for (const { fault } of struck) faults[fault] = (faults[fault] ?? 0) + 1
    console.log(
      JSON.stringify({
        seed,
        requests: report.requests,
        findings,
        digest,
        conversations,
        states,
        answers,
        quarantined,
        faults,
      }),
    )
    return
  }
  console.log(
    `seed ${seed}: ${report.requests} requests, ${conversations} conversations, ${struck.length} faults, ` +
      `${findings.length} findings, trace ${digest.slice(0, 12)}`,
  )
  for (const { invariant, key, detail } of findings.slice(0, 5))
    console.log(`  ${invariant}: ${key} ${detail}`)
}

function summarize(): void {
  if (Object.keys(findings).length > 0) process.exitCode = 1
  if (values.json) return
  const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9
  console.log(`
${requests} requests, ${(requests / seconds).toFixed(0)} per second, in ${seconds.toFixed(0)} s
${(virtualMs / 3_600_000).toFixed(1)} hours of virtual time
at most ${peaks.containers} containers and ${peaks.inFlight} requests in flight at once
${Object.keys(INVARIANTS).length + Object.keys(GLOBAL_INVARIANTS).length} invariants
${reopened} requests with a second conversation, because an agent closed the first before the repeat`)
  console.log('faults that struck:')
  for (const [fault, count] of Object.entries(total).toSorted(([, a], [, b]) => b - a))
    console.log(`  ${String(count).padStart(8)}  ${fault}`)
  console.log(Object.keys(findings).length === 0 ? '0 findings' : 'findings:')
  for (const [invariant, count] of Object.entries(findings))
    console.log(`  ${String(count).padStart(8)}  ${invariant}`)
}
