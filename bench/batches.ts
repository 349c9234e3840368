import { addLatency, createPlainClient, LATENCY_MS, openByQueue, toEvent } from './contest.ts'
import { type Figure, median, timeOf } from './figures.ts'
import type { World } from './world.ts'

const BATCHES = 30
/** As in serverless.yml. */
const BATCH_SIZE = 10

/**
 * Measures the records per second of one container that gets batch after batch, each record for a new
 * consumer.
 */
export const measureBatches = async (world: World): Promise<readonly Figure[]> => {
  const container = world.createContainer()
  const openPlain = createPlainClient(world)
  const newConsumers = () => Array.from({ length: BATCH_SIZE }, () => toEvent())
  const ours = () => openByQueue(container, newConsumers())
  // Concurrent too: a loop that awaits each record would be ten times slower.
  const plain = () => Promise.all(Array.from({ length: BATCH_SIZE }, () => openPlain()))
  await Promise.all([ours(), plain()])

  addLatency(world)
  const times = { ours: [] as number[], plain: [] as number[] }
  for (let batch = 0; batch < BATCHES; batch++) {
    times.ours.push(await timeOf(ours))
    times.plain.push(await timeOf(plain))
  }
  const perSecond = (batches: readonly number[]) => (BATCH_SIZE * 1000) / median(batches)
  return [
    {
      what: `queue, batches of ${BATCH_SIZE}, ${LATENCY_MS} ms per call`,
      unit: 'records/s',
      ours: perSecond(times.ours),
      plain: perSecond(times.plain),
    },
  ]
}
