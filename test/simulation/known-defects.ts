import type { Fault } from './faults.ts'

/** A known defect of the service that is not fixed yet. */
export interface KnownDefect {
  readonly name: string
  /** The faults that show the defect. A usual run leaves them out. */
  readonly faults: readonly Fault[]
  /**
   * Set if almost every fault shows the defect. Then the faults still strike, but the promises are not
   * checked.
   */
  readonly isUnchecked?: true
  /** The promises that the defect breaks. */
  readonly breaks: readonly string[]
}

/** A test checks that each fault still shows its defect. Delete the row when the defect is fixed. */
export const KNOWN_DEFECTS: readonly KnownDefect[] = [
  {
    name: 'an answer that LivePerson doesn’t document ends a request for good',
    faults: ['HTML 403', 'bare 404', 'JSON 403 Forbidden', 'unknown wording', 'unknown item code'],
    breaks: ['a refusal is one of LivePerson’s'],
  },
  {
    name: 'a message that was certainly not sent is dropped',
    faults: [
      'SEND: 429',
      'SEND: 429 with Retry-After',
      'SEND: HTML 403',
      'SEND: bare 404',
      'SEND: JSON 403 Forbidden',
      'SEND: unknown wording',
      'SEND: unknown item code',
      'SEND: ConsumerJWS revoked',
      'SEND: AppJWT expired',
      'agent closes at once',
      'frozen past the lease',
    ],
    isUnchecked: true,
    breaks: ['a message that was certainly not sent is sent later or accounted for'],
  },
  {
    name: 'a message is dropped without a reason if the answer to its create was lost',
    faults: ['reset after', 'silent after', 'slow', 'half an answer', '502 after', 'HTML 200 after'],
    isUnchecked: true,
    breaks: ['a message whose conversation isn’t known is accounted for'],
  },
  {
    name: 'an event without an account opens a second conversation after the accounts are reordered',
    faults: ['deploy'],
    breaks: ['at most one conversation per request'],
  },
  {
    name: 'a form that is repeated after a deploy with another formula is refused as a reused id',
    faults: ['deploy of a new key formula'],
    breaks: ['nothing else is refused'],
  },
  {
    name: 'an account in trouble holds up the events of the others',
    faults: ['account in trouble'],
    breaks: ['one account’s trouble costs the others nothing'],
  },
]

export const UNCHECKED: readonly string[] = KNOWN_DEFECTS.filter(({ isUnchecked }) => isUnchecked).flatMap(
  ({ breaks }) => breaks,
)

export const SWITCHED_OFF: readonly Fault[] = KNOWN_DEFECTS.filter(({ isUnchecked }) => !isUnchecked).flatMap(
  ({ faults }) => faults,
)
