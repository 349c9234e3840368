import { parseArgs } from 'node:util'
import { type Report, runMachine, type Safeguard } from './machine.ts'

process.env.LOG_LEVEL ??= 'SILENT'
process.env.POWERTOOLS_METRICS_DISABLED ??= 'true'
const { values } = parseArgs({
  options: {
    seed: { type: 'string', multiple: true, default: ['1', '2', '3'] },
    requests: { type: 'string', default: '10000' },
    without: { type: 'string' },
  },
})

/**
 * `npm run test:faults -- --seed 7 --requests 2000`: runs the fault machine at full length and prints its
 * figures.
 */
const main = async () => {
  let failed = false
  for (const seed of values.seed) {
    const startedAt = Date.now()
    const report = await runMachine({
      seed,
      requests: Number(values.requests),
      ...(values.without !== undefined && { without: values.without as Safeguard }),
      onProgress: (done, of) => {
        if (process.stderr.isTTY) process.stderr.write(`\rseed ${seed}: ${done} of ${of} requests`)
      },
    })
    print(seed, report, (Date.now() - startedAt) / 1000)
    failed ||= !isGood(report)
  }
  // Killed containers leave timers behind. Don't wait for them.
  process.exit(failed ? 1 : 0)
}

const isGood = ({ findings, struck, requests, struckRequests }: Report) =>
  findings.length === 0 &&
  struckRequests >= 0.2 * requests &&
  (requests < 10_000 || Object.values(struck).every((times) => times >= 50))

const print = (seed: string, report: Report, seconds: number) => {
  const { findings, requests, struckRequests, invocations, conversations, states, answers, struck } = report
  console.log(`\nseed ${seed}: ${requests} requests, ${invocations} invocations, ${seconds.toFixed(0)} s`)
  console.log(`  struck: ${struckRequests} requests (${((100 * struckRequests) / requests).toFixed(1)} %)`)
  console.log(`  LivePerson has ${conversations} conversations; quarantine ${report.quarantined}`)
  console.log(`  states: ${list(states)}`)
  console.log(`  answers: ${list(answers)}`)
  for (const [name, times] of Object.entries(struck).sort())
    console.log(`  ${String(times).padStart(6)}  ${name}`)
  console.log(`  processes killed at: ${list(report.killPoints)}`)
  console.log(`  findings: ${findings.length}`)
  for (const finding of findings.slice(0, 30)) console.log(`    ${finding}`)
}

const list = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts)
    .sort()
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')

await main()
