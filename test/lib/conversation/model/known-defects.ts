import type { InvariantName, Violation } from './invariants.ts'
import type { Configuration } from './state.ts'

/** Configurations with these members. A configuration whose id is taken is meant only if this says so. */
type Where = Partial<Pick<Configuration, 'door' | 'onLostAnswer' | 'hasMessage' | 'isIdTaken'>>

/** A way in which today's rules break an invariant. */
export interface KnownDefect {
  readonly name: string
  readonly invariant: InvariantName
  readonly detail: string
  /** Where two attempts show it. */
  readonly where: Where
  /** Where three attempts show it. Default: `where`. */
  readonly whereWithThree?: Where
  readonly description: string
}

const ANY: Where = {}
const WITH_MESSAGE: Where = { hasMessage: true }
const FORM: Where = { door: 'form' }
const QUEUE: Where = { door: 'queue' }
const REPEAT: Where = { onLostAnswer: 'repeat' }
const HOLD: Where = { onLostAnswer: 'hold' }

/**
 * Every defect of today's rules that the model checker finds. A test fails if one is missing here, and if one
 * here is found no longer. Once a defect is fixed, delete its rows.
 */
export const KNOWN_DEFECTS: readonly KnownDefect[] = [
  {
    name: 'a refusal after a lost answer',
    invariant: 'a rejected request has no conversation',
    detail: 'the ledger says "rejected"',
    where: REPEAT,
    description:
      'A create was carried out, but its answer was lost. The next one is refused, and that is final.',
  },
  {
    name: 'a refusal after a lost answer, told',
    invariant: 'a rejected request has no conversation',
    detail: 'the sender was told "rejected"',
    where: { ...FORM, ...REPEAT },
    description: 'A sender that is told "rejected" and uses a new id opens a second conversation.',
  },
  {
    name: 'a dropped message',
    invariant: 'a message that was not sent is owed or accounted for',
    detail: 'it is dropped without a reason',
    where: WITH_MESSAGE,
    description:
      'A message that LivePerson certainly did not accept is not sent later. The status gives no reason.',
  },
  {
    name: 'a message sent twice',
    invariant: 'a message is sent at most once',
    detail: 'it was sent twice',
    where: { ...REPEAT, ...WITH_MESSAGE },
    description:
      'An attempt that opens a conversation sends the message, even if an earlier attempt that died may have sent it.',
  },
  {
    name: 'a sent message called not sent, by the ledger',
    invariant: 'a message that was sent is not called not sent',
    detail: 'the ledger says "not sent"',
    where: { ...REPEAT, ...WITH_MESSAGE },
    description: 'An attempt without its lease writes "not sent". Its successor sends the message.',
  },
  {
    name: 'a sent message called not sent, to the sender',
    invariant: 'a message that was sent is not called not sent',
    detail: 'the sender was told "not sent"',
    where: { ...FORM, ...REPEAT, ...WITH_MESSAGE },
    description: 'An attempt answers "not sent". Another attempt sends the message all the same.',
  },
  {
    name: 'a message called sent and not sent',
    invariant: 'answers and status do not contradict each other',
    detail: 'message sent and not sent',
    where: { ...FORM, ...REPEAT, ...WITH_MESSAGE },
    description: 'Two overlapping attempts tell their senders different things about the message.',
  },
  {
    name: 'a record given up silently',
    invariant: 'a record that is given up has a reason',
    detail: 'the redrive policy gives none',
    where: ANY,
    description: 'After maxReceiveCount, the redrive policy moves a record to quarantine without a reason.',
  },
  {
    name: 'a record with a taken id given up silently',
    invariant: 'a record that is given up has a reason',
    detail: 'the redrive policy gives none',
    where: { isIdTaken: true },
    description: 'The quarantine queue keeps failing until maxReceiveCount is reached.',
  },
  {
    name: 'a second conversation by an attempt that lost its lease',
    invariant: 'a request becomes at most one conversation',
    detail: 'a second one was opened',
    where: REPEAT,
    description:
      'An attempt is frozen before its create. Its successor finishes, an agent closes, and it wakes up.',
  },
  {
    name: "another's conversation taken for this request's",
    invariant: 'an outcome does not contradict LivePerson',
    detail: 'opened, but nothing was opened',
    where: REPEAT,
    description:
      "A create is in doubt, but was not carried out. Another request's conversation counts as this one's.",
  },
  {
    name: "this request's conversation taken for another's",
    invariant: 'an outcome does not contradict LivePerson',
    detail: 'existing, but only this request opened one',
    where: { ...FORM, ...REPEAT },
    whereWithThree: REPEAT,
    description:
      'An attempt without its lease finds what its successor opened. Or a refused form hands over no doubt.',
  },
  {
    name: 'an answer that nothing records',
    invariant: 'a final answer is recorded',
    detail: 'nothing holds it',
    where: FORM,
    description:
      'A complete without the lease writes nothing, but the attempt tells its own outcome as final.',
  },
  {
    name: 'an event that nothing holds',
    invariant: 'an accepted request is owed or finished',
    detail: 'nothing holds it any more',
    where: QUEUE,
    whereWithThree: ANY,
    description:
      'A complete without the lease writes nothing, but its record is deleted. The attempt with the lease crashes.',
  },
  {
    name: 'a claim that nobody takes over',
    invariant: 'a claim is not lost for ever',
    detail: 'no attempt can finish it',
    where: QUEUE,
    description:
      'A complete without the lease writes nothing, but its record is deleted. The status stays `opening`.',
  },
  {
    name: 'a held request that nobody looks at',
    invariant: 'a held request is in quarantine',
    detail: 'nobody will look at it',
    where: { ...QUEUE, ...HOLD },
    whereWithThree: HOLD,
    description:
      'A complete without the lease deletes the record. The attempt with the lease holds, and crashes.',
  },
  {
    name: 'opened and rejected',
    invariant: 'answers and status do not contradict each other',
    detail: 'opened and rejected',
    where: { ...FORM, ...REPEAT },
    description:
      'One attempt is refused, and another one opens or finds a conversation. Both tell it as final.',
  },
  {
    name: 'existing and rejected',
    invariant: 'answers and status do not contradict each other',
    detail: 'existing and rejected',
    where: { ...FORM, ...REPEAT },
    whereWithThree: FORM,
    description:
      "One attempt is refused, and another one finds another request's conversation. Both tell it as final.",
  },
  {
    name: 'existing and opened',
    invariant: 'answers and status do not contradict each other',
    detail: 'existing and opened',
    where: { ...FORM, ...REPEAT },
    whereWithThree: FORM,
    description:
      'An outcome goes by the queue or is not recorded. Meanwhile another attempt finds something else.',
  },
  {
    name: 'two conversation ids',
    invariant: 'answers and status do not contradict each other',
    detail: 'two conversation ids',
    where: { ...FORM, ...REPEAT },
    description:
      'An outcome goes by the queue. An agent closes, and another attempt opens a second conversation.',
  },
  {
    name: 'opened and held',
    invariant: 'answers and status do not contradict each other',
    detail: 'opened and outcome_unknown',
    where: { ...FORM, ...HOLD },
    description:
      'An outcome goes by the queue. Meanwhile another attempt finds the claim abandoned, and holds.',
  },
  {
    name: 'existing and held',
    invariant: 'answers and status do not contradict each other',
    detail: 'existing and outcome_unknown',
    where: { ...FORM, ...HOLD },
    description: 'An outcome goes by the queue or is not recorded. Meanwhile another attempt holds.',
  },
  {
    name: 'a late complete over a refusal',
    invariant: 'a final status does not change',
    detail: 'rejected becomes opened',
    where: REPEAT,
    description: 'A complete with a conversationId has no condition. It replaces whatever the ledger holds.',
  },
  {
    name: 'a late complete over an open conversation',
    invariant: 'a final status does not change',
    detail: 'existing becomes opened',
    where: REPEAT,
    whereWithThree: ANY,
    description: 'A complete with a conversationId has no condition. It replaces what another attempt found.',
  },
  {
    name: 'a late complete over a held request',
    invariant: 'a final status does not change',
    detail: 'outcome_unknown becomes opened',
    where: HOLD,
    description: 'A complete with a conversationId has no condition. It replaces `outcome_unknown`.',
  },
  {
    name: 'a late complete over a claim',
    invariant: 'facts are not removed',
    detail: 'the ledger loses a claim',
    where: ANY,
    description: 'A complete with a conversationId has no condition. It replaces the count of attempts.',
  },
  {
    name: 'a late complete over what is known about the message',
    invariant: 'facts are not removed',
    detail: 'the ledger loses the message',
    where: WITH_MESSAGE,
    description: 'A complete with a conversationId has no condition. It replaces the messageStatus.',
  },
  {
    name: 'a release that keeps no outcome',
    invariant: 'the ledger keeps what is written',
    detail: 'a release drops the conversation',
    where: ANY,
    description: 'A release stores whether a create may have been carried out, not what came of it.',
  },
  {
    name: 'a release that keeps no message',
    invariant: 'the ledger keeps what is written',
    detail: 'a release drops the message',
    where: WITH_MESSAGE,
    description: 'A release stores whether the message may have been accepted, not that it was or was not.',
  },
  {
    name: 'a release that keeps no consumer',
    invariant: 'the ledger keeps what is written',
    detail: "a release drops the consumer's id",
    where: ANY,
    description: 'A release does not store it. The next attempt gets it again.',
  },
  {
    name: 'a rejection that keeps no message',
    invariant: 'the ledger keeps what is written',
    detail: 'a complete drops the message',
    where: WITH_MESSAGE,
    description: 'A rejected request has no messageStatus, even if the message may have been accepted.',
  },
  {
    name: 'a hand-over without the refusal',
    invariant: 'what is written holds all that is known',
    detail: 'hand_over lacks the conversation',
    where: FORM,
    description:
      'A refusal that the ledger did not take is not handed over, and neither is a doubt from before it.',
  },
]

/** Returns the known defects that a configuration shows. */
export const knownDefectsOf = (configuration: Configuration): readonly KnownDefect[] =>
  KNOWN_DEFECTS.filter(({ where, whereWithThree = where }) =>
    matches(configuration, configuration.bounds.attempts > 2 ? whereWithThree : where),
  )

const matches = (configuration: Configuration, where: Where): boolean =>
  (where.door ?? configuration.door) === configuration.door &&
  (where.onLostAnswer ?? configuration.onLostAnswer) === configuration.onLostAnswer &&
  (where.hasMessage ?? configuration.hasMessage) === configuration.hasMessage &&
  (where.isIdTaken ?? false) === (configuration.isIdTaken ?? false)

/** Returns whether a violation is one of a known defect. */
export const isOf = (violation: Violation, { invariant, detail }: KnownDefect): boolean =>
  violation.invariant === invariant && violation.detail === detail
