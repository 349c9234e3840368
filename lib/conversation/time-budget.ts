import type { Step } from './protocol.ts'

/*
 * How one attempt's time is divided. All values are in milliseconds.
 *
 * A form must be answered long before API Gateway gives up, so LivePerson gets a part of the time and the
 * rest is kept for handing the request over. A record has more time, but must end before Lambda ends the
 * invocation.
 */

/** Kept free at the end of a form's invocation, to hand the request over. */
const FORM_RESERVE_MS = 4000
/** The longest that LivePerson may take for one record. */
const RECORD_MS = 25_000
/** Kept free at the end of a record's invocation, to write the outcome. */
const RECORD_RESERVE_MS = 2000
/** A record isn't started with less than this left. */
const MIN_FOR_RECORD_MS = 8000
/** A wait must leave a create at least this much. */
const MIN_FOR_CREATE_MS = 1500
/** What a call after the create may take, even past the deadline. */
const MESSAGE_MS = 3000
/** Kept free after that call, to write the outcome. */
const WRITE_MS = 1500

/**
 * The pauses between a form's claims while another attempt holds the request. Then a queue keeps this copy.
 */
export const FORM_HELD_WAITS_MS: readonly number[] = [150, 350, 700]

/**
 * LivePerson's recommended first wait after 5xx. By then the attempt that hands over has released its claim.
 */
export const HAND_OVER_DELAY_MS = 5000

/** The longest wait inside a function for a turn or a repeat, in milliseconds. */
export const LONGEST_WAIT_MS = 2000

/** How long a message waits for a conversation whose id nobody knows, in milliseconds. */
export const ID_MISSING_MS = 15 * 60_000

/** How long one attempt may take. Both are in milliseconds since the epoch. */
export interface TimeBudget {
  /** When LivePerson must have answered. */
  readonly deadline: number
  /** When Lambda will have ended this invocation. */
  readonly aliveUntil: number
}

/** Returns the time budget of a form. */
export const formBudget = (startedAt: number, aliveUntil: number, formDeadlineMs: number): TimeBudget => ({
  deadline: Math.min(startedAt + formDeadlineMs, aliveUntil - FORM_RESERVE_MS),
  aliveUntil,
})

/** Returns the time budget of a record, or undefined if too little time is left to start it. */
export const recordBudget = (startedAt: number, aliveUntil: number): TimeBudget | undefined =>
  startedAt + MIN_FOR_RECORD_MS > aliveUntil
    ? undefined
    : { deadline: Math.min(startedAt + RECORD_MS, aliveUntil - RECORD_RESERVE_MS), aliveUntil }

/** Returns whether a wait leaves enough time for a create. */
export const hasTimeFor = (
  { ms }: Extract<Step, { kind: 'wait' }>,
  { deadline }: TimeBudget,
  now: number,
): boolean => now + ms + MIN_FOR_CREATE_MS <= deadline

/**
 * Returns the deadline of a call after a create: the attempt's own, or 3 s from now if that is later. The
 * extra time ends 1.5 s before the invocation does.
 */
export const messageDeadline = ({ deadline, aliveUntil }: TimeBudget, now: number): number =>
  Math.max(deadline, Math.min(now + MESSAGE_MS, aliveUntil - WRITE_MS))
