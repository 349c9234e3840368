import type { Fault } from './faults.ts'

/** A defect of the service that is known and not yet fixed. */
export interface KnownDefect {
  readonly name: string
  /** The faults that show it. A run leaves them out until the defect is fixed; then its row goes. */
  readonly faults: readonly Fault[]
  /** The promises that it breaks. */
  readonly breaks: readonly string[]
}

/** Each row switches off the faults that show the defect, and a test shows that each of them still does. */
export const KNOWN_DEFECTS: readonly KnownDefect[] = [
  {
    name: 'an answer that LivePerson doesn’t document ends a request for good',
    faults: ['HTML 403', 'bare 404', 'JSON 403 Forbidden', 'unknown wording', 'unknown item code'],
    breaks: ['a refusal is one of LivePerson’s'],
  },
  {
    name: 'an event without an account opens a second conversation after the accounts are reordered',
    faults: ['deploy'],
    breaks: ['at most one conversation per request'],
  },
]

export const SWITCHED_OFF: readonly Fault[] = KNOWN_DEFECTS.flatMap(({ faults }) => faults)
