import { readFileSync, writeFileSync } from 'node:fs'
import { type Comparison, compare, FULL, QUICK } from './comparison.ts'
import { toRows } from './goals.ts'
import { FULL_GROWTH, measureGrowth, QUICK_GROWTH, toGrowthTable } from './growth.ts'
import { toMemoryTable } from './memory-size.ts'
import { HELP, parseOptions } from './options.ts'
import { toPlot } from './plot.ts'
import { toComparisonTable, toPartsTable } from './table.ts'

const PLOT = new URL('../docs/benchmarks.svg', import.meta.url)

/** `npm run bench`: see {@link HELP}. */
const main = async (args: readonly string[]): Promise<void> => {
  const { help, subject, quick, tls, json, from = '' } = parseOptions(args)
  if (help) return console.log(HELP)
  switch (subject) {
    case 'compare': {
      const comparison = await compare(quick ? QUICK : FULL, tls)
      return console.log(json ? JSON.stringify(comparison) : toReport(comparison))
    }
    case 'growth': {
      const rows = await measureGrowth(quick ? QUICK_GROWTH : FULL_GROWTH)
      return console.log(json ? JSON.stringify(rows) : toGrowthTable(rows))
    }
    case 'memory':
      return console.log(toMemoryTable(readComparison(from)))
    case 'plot':
      return writeFileSync(PLOT, toPlot(toRows(readComparison(from))))
  }
}

const toReport = (comparison: Comparison): string => {
  const { date, node, cores, seconds, latencies, tls, peers } = comparison
  const { livePersonMs, awsMs } = latencies
  const how = `${livePersonMs} ms per LivePerson hop, ${awsMs} ms per AWS call${tls ? ', with TLS' : ''}`
  return [
    toComparisonTable(toRows(comparison)),
    toPartsTable(peers.ours.parts.form),
    `${date}, Node.js ${node}, ${cores} cores, ${how}. Took ${seconds} s.`,
  ].join('\n\n')
}

const readComparison = (file: string): Comparison => JSON.parse(readFileSync(file, 'utf8'))

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
