import * as z from 'zod/mini'
import type { StateTable } from '../aws/state-table.ts'
import { createRefreshing, type Lifetime } from '../net/refreshing.ts'

/**
 * A switch works within a minute in every container, also in one that was idle: no answer is used for longer
 * than 45 s, and reading a new one takes a few seconds at most.
 */
const LIFETIME: Lifetime = { renewAfterMs: 20_000, expireAfterMs: 45_000 }
/** How long a failed read is used. A call then waits for the next one, so it isn't repeated at once. */
const LIFETIME_AFTER_FAILURE: Lifetime = { renewAfterMs: 5_000, expireAfterMs: 20_000 }
/** A container that has never read the switch reads it again before its next attempt. */
const LIFETIME_OF_NOTHING: Lifetime = { renewAfterMs: 0, expireAfterMs: 0 }

const item = z.object({
  paused: z.boolean(),
  pausedAt: z.optional(z.number()),
  resumedAt: z.optional(z.number()),
})

/** Whether an account is paused. The times are in milliseconds since the epoch. */
export interface Pause {
  readonly paused: boolean
  /** When the account was last paused. Undefined: never. */
  readonly pausedAt?: number | undefined
  /** When the account was last resumed. Undefined: never. */
  readonly resumedAt?: number | undefined
}

export interface PauseSwitchOptions {
  readonly table: StateTable
  readonly accountId: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Called each time the table can't be read. */
  readonly onFailed: (error: unknown) => void
}

export type PauseSwitch = ReturnType<typeof createPauseSwitch>

/**
 * Returns an account's switch, as one container sees it. It is kept in memory for at most 45 seconds. While
 * the table can't be read, the last known state applies. If none is known, the account isn't paused, and the
 * next attempt reads again.
 */
export const createPauseSwitch = ({ table, accountId, now, onFailed }: PauseSwitchOptions) => {
  let known: Pause | undefined

  const cache = createRefreshing<{ readonly pause: Pause; readonly lifetime: Lifetime }>({
    read: async () => {
      try {
        known = await readPause(table, accountId)
        return { pause: known, lifetime: LIFETIME }
      } catch (error) {
        onFailed(error)
        return known
          ? { pause: known, lifetime: LIFETIME_AFTER_FAILURE }
          : { pause: { paused: false }, lifetime: LIFETIME_OF_NOTHING }
      }
    },
    lifetimeOf: ({ lifetime }) => lifetime,
    pauseMs: 5_000,
    now,
  })

  return {
    /** Returns whether the account is paused. Never throws. */
    isPaused: async (): Promise<boolean> => (await cache.get()).pause.paused,

    /** Reads the switch into memory. A starting container does this. Never throws. */
    load: async (): Promise<void> => {
      await cache.get()
    },

    /** Returns when the latest pause began and ended, as far as this container knows. */
    latest: (): Pick<Pause, 'pausedAt' | 'resumedAt'> => known ?? {},
  }
}

/**
 * Reads an account's switch from the table. An account without one isn't paused. Costs 1 read unit.
 *
 * @throws {ServiceUnavailableError} The table can't be read.
 */
export const readPause = async (table: StateTable, accountId: string): Promise<Pause> =>
  z.safeParse(item, await table.get(keyOf(accountId))).data ?? { paused: false }

/**
 * Pauses or resumes an account. Returns whether that changed anything. An account that is paused already
 * keeps the time of its pause.
 *
 * @param now Milliseconds since the epoch.
 * @throws {ServiceUnavailableError} DynamoDB failed.
 */
export const setPaused = async (
  table: StateTable,
  accountId: string,
  paused: boolean,
  now: number,
): Promise<boolean> => {
  const { applied } = await table.update({
    pk: keyOf(accountId),
    set: paused ? { paused, pausedAt: now } : { paused, resumedAt: now },
    condition: paused ? 'attribute_not_exists(#paused) OR #paused <> :wanted' : '#paused = :other',
    values: paused ? { wanted: true } : { other: true },
  })
  return applied
}

const keyOf = (accountId: string) => `account#${accountId}`
