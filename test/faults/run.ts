import { parseArgs } from 'node:util'
import { answerHelp } from '../../tools/help.ts'
import { deploy } from '../security/deployment.ts'
import { runFrozen } from './frozen.ts'
import { type Report, runMachine, type Safeguard } from './machine.ts'
import { runSignals } from './signals.ts'

process.env.LOG_LEVEL ??= 'SILENT'
process.env.POWERTOOLS_METRICS_DISABLED ??= 'true'
answerHelp(`npm run test:faults -- [--seed <number> …] [--requests <count>] [--kills <count>] [--freezes <count>]

Runs the fault machine over real HTTP, and kills and freezes processes that run the packaged service. The
first part of the script runs copies at once, and has no options.

  --seed       may be given several times. Default 1, 2, 3
  --requests   default 2000
  --kills      default 40
  --freezes    default 20
  --without    a safeguard to leave out`)

const { values } = parseArgs({
  options: {
    seed: { type: 'string', multiple: true, default: ['1', '2', '3'] },
    requests: { type: 'string', default: '2000' },
    kills: { type: 'string', default: '40' },
    freezes: { type: 'string', default: '20' },
    without: { type: 'string' },
  },
})

type Handlers = Awaited<ReturnType<typeof deploy>>['handlers']

/**
 * `npm run test:faults -- --seed 7 --requests 500 --kills 5 --freezes 5`: runs the fault machine over real
 * HTTP, kills and freezes processes that run the packaged service, and prints the figures.
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
  if (values.without === undefined) failed = !(await stopProcesses()) || failed
  // Killed containers leave timers behind. Don't wait for them.
  process.exit(failed ? 1 : 0)
}

/** Returns whether no process that was killed or frozen broke a promise. */
const stopProcesses = async (): Promise<boolean> => {
  const deployed = await deploy()
  try {
    const isGood = await sendSignals(deployed.handlers)
    return (await freezeContainers(deployed.handlers)) && isGood
  } finally {
    await deployed.remove()
  }
}

const sendSignals = async (handlers: Handlers): Promise<boolean> => {
  const startedAt = Date.now()
  const [kills, freezes] = [Number(values.kills), Number(values.freezes)]
  const { findings, signals, conversations } = await runSignals({
    seed: values.seed[0] ?? '1',
    kills,
    freezes,
    handlers,
  })
  const seconds = (Date.now() - startedAt) / 1000
  console.log(`\n${kills} processes killed, ${freezes} frozen, ${seconds.toFixed(0)} s`)
  console.log(`  signals: ${list(signals)}`)
  console.log(`  LivePerson has ${conversations} conversations`)
  console.log(`  findings: ${findings.length}`)
  for (const finding of findings) console.log(`    ${finding}`)
  return findings.length === 0
}

const freezeContainers = async (handlers: Handlers): Promise<boolean> => {
  const { findings, requests, resets, statuses } = await runFrozen({
    freezesMs: [3000, 8000],
    containers: 4,
    handlers,
  })
  console.log(`\n4 containers frozen for 3 s and for 8 s, ${requests} requests, ${resets} connections reset`)
  console.log(`  statuses: ${list(statuses)}`)
  console.log(`  findings: ${findings.length}`)
  for (const finding of findings) console.log(`    ${finding}`)
  return findings.length === 0 && resets > 0
}

const isGood = ({ findings, struck, requests, struckRequests }: Report) =>
  findings.length === 0 &&
  struckRequests >= 0.2 * requests &&
  (requests < 2000 || Object.values(struck).every((times) => times >= 5))

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
