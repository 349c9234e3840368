import { randomUUID } from 'node:crypto'
import {
  addLatency,
  closeConversations,
  countCalls,
  createPlainClient,
  LATENCY_MS,
  openByForm,
  openByQueue,
  toEvent,
} from './contest.ts'
import { type Figure, median, timeOf } from './figures.ts'
import type { World } from './world.ts'

const ROUNDS = 40

/** Measures the calls and the time of one open in a warm container, for a new and for a known consumer. */
export const measureWarmOpens = async (world: World): Promise<readonly Figure[]> => {
  const container = world.createContainer()
  const openPlain = createPlainClient(world)
  const known = randomUUID()
  const ours = {
    new: () => openByForm(container),
    known: () => openByQueue(container, [toEvent(known)]),
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
    const times = await timeAlternately(world, ours[consumer], plain[consumer])
    figures.push({
      what: `warm open, ${consumer} consumer, ${LATENCY_MS} ms per call`,
      unit: 'ms',
      ours: median(times.ours),
      plain: median(times.plain),
    })
  }
  return figures
}

/** Alternates between the two, so that other load on the machine affects both. */
const timeAlternately = async (world: World, ours: () => Promise<unknown>, plain: () => Promise<unknown>) => {
  const times = { ours: [] as number[], plain: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    closeConversations(world)
    times.ours.push(await timeOf(ours))
    closeConversations(world)
    times.plain.push(await timeOf(plain))
  }
  return times
}
