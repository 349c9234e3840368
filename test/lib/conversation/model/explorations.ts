import type { Bounds, Configuration } from './state.ts'

/** The bounds for each door. */
export type DoorBounds = Readonly<Record<Configuration['door'], Bounds>>

const TWO_ATTEMPTS: Bounds = { attempts: 2, alive: 2, closings: 1, others: 1, repeats: 1, replays: 1 }

/**
 * The bounds of `npm test`: two attempts, which can overlap. The queue delivers a record twice, so nobody has
 * to repeat it.
 */
export const SHORT: DoorBounds = { form: TWO_ATTEMPTS, queue: { ...TWO_ATTEMPTS, repeats: 0 } }

/**
 * The bounds of `npm run test:model`: two attempts that can overlap, and another one before, between or after
 * them.
 */
export const LONG: DoorBounds = {
  form: { ...TWO_ATTEMPTS, attempts: 3 },
  queue: { ...TWO_ATTEMPTS, attempts: 3 },
}

const DOORS = ['form', 'queue'] as const

/** Returns every configuration within some bounds. */
export const configurations = (bounds: DoorBounds): readonly Configuration[] => [
  ...DOORS.flatMap((door) =>
    (['repeat', 'hold'] as const).flatMap((onLostAnswer) =>
      [false, true].map((hasMessage) => ({ door, onLostAnswer, hasMessage, bounds: bounds[door] })),
    ),
  ),
  ...DOORS.map((door) => ({
    door,
    onLostAnswer: 'repeat' as const,
    hasMessage: true,
    isIdTaken: true,
    bounds: bounds[door],
  })),
]
