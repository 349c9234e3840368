import type { Step } from './protocol.ts'

/*
 * Every deadline of a request. All values are in milliseconds.
 *
 * A form must be answered long before API Gateway gives up, so LivePerson gets a part of the time and the rest is kept for
 * handing the request over. A record has more time, but must end before its container does.
 */

/** Kept free at the end of a form's container, to hand the request over. */
const FORM_RESERVE_MS = 4000
/** The longest that LivePerson may take for one record. */
const RECORD_MS = 25_000
/** Kept free at the end of a record's container, to write the outcome. */
const RECORD_RESERVE_MS = 2000
/** A record isn't started with less than this left. */
const LEAST_FOR_RECORD_MS = 8000
/** A create isn't repeated with less than this left. */
const LEAST_FOR_CREATE_MS = 1500
/** What the first message may take if the conversation took all the time. */
const MESSAGE_MS = 3000
/** Kept free after the first message, to write the outcome. */
const WRITE_MS = 1500

/** How long a form waits for another attempt that holds its claim, before a queue keeps this copy. */
export const FORM_HELD_WAITS_MS: readonly number[] = [150, 350, 700]

/** LivePerson's recommended first wait after 5xx. By then the attempt that hands over has released its claim. */
export const HAND_OVER_DELAY_MS = 5000

/** How long one attempt may take. Both are in milliseconds since the epoch. */
export interface TimeBudget {
  /** When LivePerson must have answered. */
  readonly deadline: number
  /** When the container is certain to have stopped. */
  readonly aliveUntil: number
}

/** Returns the time budget of a form. */
export const formBudget = (startedAt: number, aliveUntil: number, formDeadlineMs: number): TimeBudget => ({
  deadline: Math.min(startedAt + formDeadlineMs, aliveUntil - FORM_RESERVE_MS),
  aliveUntil,
})

/** Returns the time budget of a record, or undefined if too little time is left to start it. */
export const recordBudget = (startedAt: number, aliveUntil: number): TimeBudget | undefined =>
  startedAt + LEAST_FOR_RECORD_MS > aliveUntil
    ? undefined
    : { deadline: Math.min(startedAt + RECORD_MS, aliveUntil - RECORD_RESERVE_MS), aliveUntil }

/** Returns whether a wait leaves enough time for the step after it. */
export const hasTimeFor = (
  { ms, before }: Extract<Step, { kind: 'wait' }>,
  { deadline }: TimeBudget,
  now: number,
): boolean => before === 'claim' || now + ms + LEAST_FOR_CREATE_MS <= deadline

/** Returns when the calls after a create must have ended: later than the deadline if the create used it up. */
export const messageDeadline = ({ deadline, aliveUntil }: TimeBudget, now: number): number =>
  Math.max(deadline, Math.min(now + MESSAGE_MS, aliveUntil - WRITE_MS))
