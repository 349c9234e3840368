import { readFileSync, writeFileSync } from 'node:fs'
import { type Comparison, compare, FULL, QUICK } from './comparison.ts'
import { toRows } from './goals.ts'
import { FULL_GROWTH, type GrowthRow, measureGrowth, QUICK_GROWTH, toGrowthTable } from './growth.ts'
import { toMemoryTable } from './memory-size.ts'
import { HELP, parseOptions } from './options.ts'
import { withPart } from './page.ts'
import { toPlot } from './plot.ts'
import { toComparisonTable, toPartsTable } from './table.ts'

const PAGE = new URL('../docs/benchmarks.md', import.meta.url)
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
      return console.log(toMemoryTable(JSON.parse(readFileSync(from, 'utf8'))))
    case 'docs':
      return writeDocs(JSON.parse(readFileSync(from, 'utf8')))
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

/** Writes the figures of a comparison, or of a measurement of growth, into the documents. */
const writeDocs = (measured: Comparison | readonly GrowthRow[]): void => {
  const page = readFileSync(PAGE, 'utf8')
  if ('peers' in measured) {
    const memory = withPart(page, 'memory', toMemoryTable(measured))
    writeFileSync(PAGE, withPart(memory, 'comparison', toReport(measured)))
    writeFileSync(PLOT, toPlot(toRows(measured)))
  } else writeFileSync(PAGE, withPart(page, 'growth', toGrowthTable(measured)))
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
