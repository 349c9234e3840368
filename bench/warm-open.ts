import { randomUUID } from 'node:crypto'
import type { World } from '../test/support/world.ts'
import {
  addLatency,
  closeConversations,
  countCalls,
  createPlainClient,
  LATENCY_MS,
  openByForm,
  openByQueue,
  recordOf,
} from './contest.ts'
import { type Figure, median, timeOf } from './figures.ts'

const ROUNDS = 40

/** Upstream calls and time of one open in a warm container, for a new and a known consumer; a plain client's beside it. */
export const measureWarmOpens = async (world: World): Promise<readonly Figure[]> => {
  const service = world.createService()
  const openPlain = createPlainClient(world)
  const known = randomUUID()
  const ours = {
    new: () => openByForm(service),
    known: () => openByQueue(service, [recordOf(known)]),
  }
  const plain = { new: () => openPlain(), known: () => openPlain(known) }

  for (const open of [ours.new, ours.known, plain.new]) await open()
  const figures: Figure[] = []
  for (const consumer of ['new', 'known'] as const) {
    const callsOf = async (open: () => Promise<unknown>) => {
      closeConversations(world)
      return (await countCalls(world, open)).all
    }
    figures.push({
      what: `calls to LivePerson per warm open, ${consumer} consumer`,
      unit: 'calls',
      ours: await callsOf(ours[consumer]),
      plain: await callsOf(plain[consumer]),
    })
  }

  addLatency(world)
  for (const consumer of ['new', 'known'] as const) {
    const times = await timeInTurn(world, ours[consumer], plain[consumer])
    figures.push({
      what: `warm open, ${consumer} consumer, ${LATENCY_MS} ms a call`,
      unit: 'ms',
      ours: median(times.ours),
      plain: median(times.plain),
    })
  }
  return figures
}

/** A B A B: whatever else the machine does strikes both. */
const timeInTurn = async (world: World, ours: () => Promise<unknown>, plain: () => Promise<unknown>) => {
  const times = { ours: [] as number[], plain: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    closeConversations(world)
    times.ours.push(await timeOf(ours))
    closeConversations(world)
    times.plain.push(await timeOf(plain))
  }
  return times
}
