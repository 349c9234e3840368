import type { World } from '../test/support/world.ts'
import { addLatency, createPlainClient, LATENCY_MS, openByQueue, recordOf } from './contest.ts'
import { type Figure, median, timeOf } from './figures.ts'

const BATCHES = 30
/** As serverless.yml has it. */
const BATCH_SIZE = 10

/** Records a second of one container that gets one batch after the other, each record a new consumer. */
export const measureBatches = async (world: World): Promise<readonly Figure[]> => {
  const service = world.createService()
  const openPlain = createPlainClient(world)
  const ours = () =>
    openByQueue(
      service,
      Array.from({ length: BATCH_SIZE }, () => recordOf()),
    )
  // All at once too: a loop that awaits each record would be ten times slower.
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
      what: `queue, batches of ${BATCH_SIZE}, ${LATENCY_MS} ms a call`,
      unit: 'records/s',
      ours: perSecond(times.ours),
      plain: perSecond(times.plain),
    },
  ]
}
