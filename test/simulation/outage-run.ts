import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { type OutageCase, type OutageFigures, runCase } from './outage.ts'
import { ALONE, CASES, missedGoals, type NamedCase } from './outage-cases.ts'
import type { Percentiles } from './outage-figures.ts'

const { values } = parseArgs({
  options: {
    case: { type: 'string', multiple: true, default: [] },
    processes: { type: 'string', default: '2' },
    seed: { type: 'string', default: '1' },
    'events-per-day': { type: 'string' },
    worker: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const HEADER = [
  'case',
  'requests',
  'quarantined',
  'not once',
  'creates/request',
  'calls/s',
  'backlog',
  'drained',
  '÷ ideal',
  'healthy p50',
  'p99',
  'max',
  'forms p50',
  'p99',
  'parkings',
  'result',
]

if (values.help) {
  console.log(`Runs outages and floods in the simulated world: npm run test:outage -- [options]
  --case NAME         only this case, and ${ALONE}. Repeat the option for several
  --processes N       how many cases run at the same time (default 2)
  --seed TEXT         the seed of every case (default 1)
  --events-per-day N  CRM events of the account, for quicker runs (default 100000)
Cases: ${CASES.map(({ name }) => name).join(', ')}`)
} else if (values.worker === undefined) await runAll()
else console.log(JSON.stringify(await runCase(givenOf(find(values.worker)))))

function find(name: string): NamedCase {
  const found = CASES.find((each) => each.name === name)
  if (found) return found
  throw new Error(`Unknown case ${name}. Cases: ${CASES.map((each) => each.name).join(', ')}`)
}

function givenOf({ given }: NamedCase): OutageCase {
  const perDay = values['events-per-day']
  const isSlower = perDay !== undefined && given.outage !== undefined
  return { ...given, seed: values.seed, ...(isSlower && { eventsPerDay: Number(perDay) }) }
}

async function runAll(): Promise<void> {
  const startedAt = performance.now()
  const chosen = values.case.length > 0 ? [find(ALONE), ...values.case.map(find)] : CASES
  const waiting = [...new Set(chosen)].toSorted((a, b) => b.weight - a.weight)
  const done = new Map<NamedCase, OutageFigures>()
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const figures = await runInProcess(next)
      done.set(next, figures)
      console.error(
        toRow(next, figures, []).join('  '),
        `after ${Math.round(figures.cpu)} s of processor time`,
      )
    }
  }
  await Promise.all(Array.from({ length: Number(values.processes) }, work))

  const alone = done.get(find(ALONE))?.healthy.p99 ?? 0
  const rows = [...new Set(chosen)].flatMap((each) => {
    const figures = done.get(each)
    return figures
      ? [{ each, figures, missed: each.isOnlyPrinted ? [] : missedGoals(each, figures, alone) }]
      : []
  })
  console.log(toTable([HEADER, ...rows.map(({ each, figures, missed }) => toRow(each, figures, missed))]))
  for (const { each, figures, missed } of rows) {
    for (const goal of missed) console.log(`${each.name} misses: ${goal}`)
    for (const broken of figures.broken.slice(0, 3)) console.log(`${each.name}: ${broken}`)
    const { messages, sentTwice } = figures
    if (each.given.messages) console.log(`${each.name}: messages ${list(messages)}, sent twice ${sentTwice}`)
  }
  const minutes = (performance.now() - startedAt) / 60_000
  console.log(
    `\n${rows.length} cases in ${minutes.toFixed(0)} min. The healthy account must stay below ${(2 * alone + 1).toFixed(2)} s.`,
  )
  if (rows.some(({ missed }) => missed.length > 0)) process.exitCode = 1
}

/** Virtual time belongs to a whole process. */
function runInProcess({ name }: NamedCase): Promise<OutageFigures> {
  const perDay = values['events-per-day']
  const options = ['--seed', values.seed, ...(perDay === undefined ? [] : ['--events-per-day', perDay])]
  const child = spawn(
    process.execPath,
    [...process.execArgv, process.argv[1] ?? '', '--worker', name, ...options],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(output))
      else reject(new Error(`${name} ended with ${code}`))
    })
  })
}

function toRow({ name, given, isOnlyPrinted }: NamedCase, figures: OutageFigures, missed: readonly string[]) {
  const { outage, flood, forms, healthyPerDay } = given
  const hasBacklog = outage !== undefined || flood !== undefined
  return [
    name,
    `${figures.requests}`,
    `${figures.quarantined}`,
    `${figures.notOnce}`,
    hasBacklog ? figures.createsPerRequest.toFixed(3) : '',
    outage ? figures.callsPerSecond.toFixed(2) : '',
    hasBacklog ? `${figures.backlog}` : '',
    hasBacklog ? `${Math.round(figures.drained)} s` : '',
    hasBacklog ? (figures.drained / figures.ideal).toFixed(3) : '',
    ...(healthyPerDay === undefined ? ['', '', ''] : toSeconds(figures.healthy, ['p50', 'p99', 'max'])),
    ...(forms === undefined ? ['', ''] : toSeconds(figures.forms, ['p50', 'p99'])),
    `${figures.parkings}`,
    isOnlyPrinted ? 'no goal' : missed.length === 0 ? 'ok' : `misses ${missed.length}`,
  ]
}

function toSeconds(percentiles: Percentiles, names: readonly ('p50' | 'p99' | 'max')[]): readonly string[] {
  return names.map((name) => `${percentiles[name].toFixed(2)} s`)
}

function toTable(rows: readonly (readonly string[])[]): string {
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join('  '),
    )
    .join('\n')
}

function list(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}
