import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { ReadSecret } from '../account/secrets.ts'
import type { Queues } from '../aws/queues.ts'
import type { StateTable } from '../aws/state-table.ts'
import type { Outbound } from '../net/outbound.ts'

/** What a test or the simulated world replaces: outbound calls, AWS operations, the clock, and randomness. */
export interface Seams {
  readonly outbound: Outbound
  readonly table: StateTable
  readonly queues: Queues
  readonly readSecret: ReadSecret
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Takes milliseconds. */
  readonly sleep: (ms: number) => Promise<void>
  readonly uuid: () => string
  /** From 0 up to, but not including, 1. */
  readonly random: () => number
}

/** The clock and the randomness of a deployed function. */
export const system: Pick<Seams, 'now' | 'sleep' | 'uuid' | 'random'> = {
  now: Date.now,
  sleep: (ms) => setTimeout(ms),
  uuid: randomUUID,
  random: Math.random,
}
