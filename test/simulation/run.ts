import { parseArgs } from 'node:util'
import { ALL_FAULTS, type Fault } from './faults.ts'
import { type Finding, GLOBAL_INVARIANTS, INVARIANTS, WATCHED_INVARIANTS } from './invariants.ts'
import { REPLAY_INVARIANTS } from './replay-invariants.ts'
import { shrink } from './shrink.ts'
import { type Report, type SimulationOptions, simulate } from './simulate.ts'
import { toTimeline } from './trace.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '3' },
    requests: { type: 'string', default: '10000' },
    intensity: { type: 'string', default: '1' },
    hold: { type: 'boolean', default: false },
    'no-webhooks': { type: 'boolean', default: false },
    day: { type: 'boolean', default: false },
    'no-faults': { type: 'boolean', default: false },
    only: { type: 'string', multiple: true, default: [] },
    without: { type: 'string', multiple: true, default: [] },
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
  --intensity N   multiplies the odds of every fault (default 1)
  --day           100,000 CRM events spread over one day, without faults
  --hold          the first account uses onLostAnswer: hold
  --no-webhooks   LivePerson sends no pushes
  --no-faults     no fault strikes
  --only FAULT    only this fault strikes. Repeat the option for several
  --without FAULT this fault doesn't strike. Repeat the option for several
  --shrink        shrinks the first finding of each broken promise and prints its timeline
  --json          prints one line of JSON per seed`)
  process.exit(0)
}

for (const name of ['seed', 'seeds', 'requests', 'intensity'] as const)
  if (!/^[1-9]\d{0,8}$/.test(values[name]))
    throw new Error(`--${name} must be a positive whole number, not ${values[name]}`)

process.env.LOG_LEVEL = 'INFO'

const total: Record<string, number> = {}
const findings: Record<string, number> = {}
const peaks = { containers: 0, inFlight: 0 }
let requests = 0
let virtualMs = 0
let reopened = 0
const untold = { closings: 0, outcomes: 0 }
let mistaken = 0
const startedAt = process.hrtime.bigint()

const first = Number(values.seed)
for (let seed = first; seed < first + Number(values.seeds); seed++) {
  const options = optionsOf(String(seed))
  const report = await simulate(options)
  add(report)
  print(report)
  if (!values.shrink) continue
  for (const finding of firstOfEach(report.findings)) {
    const { faults, report: shrunk, runs } = await shrink(options, report, finding)
    console.log(`\n${finding.invariant}: ${finding.key} ${finding.detail}`)
    console.log(`shrunk to ${faults.length} faults in ${runs} runs:`)
    for (const { fault, point } of faults) console.log(`  ${fault} at ${point}`)
    console.log(toTimeline(shrunk.events, () => true))
  }
}
summarize()

function optionsOf(seed: string): SimulationOptions {
  const only = values.only.map(toFault)
  if (values.day) return { seed, requests: 100_000, span: 'day', without: ALL_FAULTS }
  return {
    seed,
    requests: Number(values.requests),
    intensity: Number(values.intensity),
    onLostAnswer: values.hold ? 'hold' : 'repeat',
    webhooks: !values['no-webhooks'],
    without: values['no-faults']
      ? ALL_FAULTS
      : only.length > 0
        ? ALL_FAULTS.filter((fault) => !only.includes(fault))
        : values.without.map(toFault),
  }
}

/** Returns the first finding of each broken promise. */
function firstOfEach(findings: readonly Finding[]): readonly Finding[] {
  return [...Map.groupBy(findings, ({ invariant }) => invariant).values()].flatMap(([first]) => first ?? [])
}

function toFault(name: string): Fault {
  const fault = ALL_FAULTS.find((each) => each === name)
  if (fault) return fault
  throw new Error(`Unknown fault ${name}. Faults: ${ALL_FAULTS.join(', ')}`)
}

function add(report: Report): void {
  for (const { fault } of report.struck) total[fault] = (total[fault] ?? 0) + 1
  for (const { invariant } of report.findings) findings[invariant] = (findings[invariant] ?? 0) + 1
  peaks.containers = Math.max(peaks.containers, report.peaks.containers)
  peaks.inFlight = Math.max(peaks.inFlight, report.peaks.inFlight)
  requests += report.requests
  virtualMs += report.virtualMs
  reopened += report.reopened
  untold.closings += report.untold.closings
  untold.outcomes += report.untold.outcomes
  mistaken += report.mistaken
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
  console.log(`  ledger: ${list(states)}; messages: ${list(report.messages)}`)
  console.log(`  quarantine: ${list(quarantined)}; the replay opened ${report.replayed}`)
  for (const { invariant, key, detail } of findings.slice(0, 5))
    console.log(`  ${invariant}: ${key} ${detail}`)
}

function list(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}

function summarize(): void {
  if (Object.keys(findings).length > 0) process.exitCode = 1
  if (values.json) return
  const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9
  console.log(`
${requests} requests, ${(requests / seconds).toFixed(0)} per second, in ${seconds.toFixed(0)} s
${(virtualMs / 3_600_000).toFixed(1)} hours of virtual time
at most ${peaks.containers} containers and ${peaks.inFlight} requests in flight at once
${[INVARIANTS, GLOBAL_INVARIANTS, REPLAY_INVARIANTS].flatMap(Object.keys).length + WATCHED_INVARIANTS.length} invariants
${reopened} requests with a second conversation, because an agent closed the first before the repeat
${untold.closings} closings not told: the attempt died or its write failed, and no copy came later
${untold.outcomes} outcomes not settled: the attempts died before they had LivePerson's id of the consumer
${mistaken} requests that name another's conversation: an agent closed their own before the repeat`)
  console.log('faults that struck:')
  for (const [fault, count] of Object.entries(total).toSorted(([, a], [, b]) => b - a))
    console.log(`  ${String(count).padStart(8)}  ${fault}`)
  console.log(Object.keys(findings).length === 0 ? '0 findings' : 'findings:')
  for (const [invariant, count] of Object.entries(findings))
    console.log(`  ${String(count).padStart(8)}  ${invariant}`)
}
