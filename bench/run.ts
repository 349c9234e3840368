import './quiet.ts'
import { measureBatches } from './batches.ts'
import { measureBurst } from './burst.ts'
import { measureColdStarts } from './cold-start.ts'
import { type Figure, print } from './figures.ts'
import { measureHandlerTime } from './handler-time.ts'
import { measureWarmOpens } from './warm-open.ts'
import { startWorld } from './world.ts'

/**
 * `npm run bench [-- --json]`: compares this service with a plain client in one run on this machine, against
 * the LivePerson simulator. It has no thresholds, since only the ratios are comparable between machines. With
 * `--json`, the last line is one JSON object.
 */
async function main(): Promise<void> {
  const startedAt = performance.now()
  const world = await startWorld()
  const figures: Figure[] = []
  try {
    for (const measure of MEASUREMENTS) {
      figures.push(...(await measure(world)))
      world.livePerson.reset()
    }
  } finally {
    await world.close()
  }
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  print({ seconds, figures }, { json: process.argv.includes('--json') })
}

/** The burst comes first, while the state table is still empty. */
const MEASUREMENTS = [measureBurst, measureHandlerTime, measureWarmOpens, measureBatches, measureColdStarts]

await main()
