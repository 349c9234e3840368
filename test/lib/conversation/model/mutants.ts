import { BAD_DAYS, FOUND_LATER, NEIGHBOURS, OVERLAP, QUIET } from './explorations.ts'
import type { InvariantName } from './invariants.ts'
import type { Change } from './load-protocol.ts'
import type { Configuration, Flaw } from './state.ts'

/** A protocol, or an environment, that is wrong in one way, and the invariant that has to notice. */
export interface Mutant {
  readonly name: string
  readonly wrong: Change | Flaw
  readonly configuration: Configuration
  readonly invariant: InvariantName
}

const FACTS = 'facts.ts'
const PROTOCOL = 'protocol.ts'

const EVENT: Configuration = {
  name: 'quiet',
  door: 'queue',
  onLostAnswer: 'repeat',
  hasMessage: true,
  bounds: QUIET,
}
const HELD_EVENT: Configuration = { ...EVENT, onLostAnswer: 'hold' }
const FORM: Configuration = { ...EVENT, door: 'form' }
const HELD_FORM: Configuration = { ...FORM, onLostAnswer: 'hold' }
const BAD_EVENT: Configuration = { ...EVENT, name: 'bad days', bounds: BAD_DAYS }
const EVENT_AMONG_OTHERS: Configuration = { ...EVENT, name: 'neighbours', bounds: NEIGHBOURS }
/** Bounds in which two answers are excused that name two conversations. */
export const EXCUSING_FORM: Configuration = {
  ...FORM,
  name: 'neighbours',
  bounds: { ...NEIGHBOURS, repeats: 1, tellings: 1 },
}
const OVERLAPPING_EVENT: Configuration = { ...EVENT, name: 'overlap', bounds: OVERLAP }
const FOUND_EVENT: Configuration = { ...EVENT, name: 'found later', bounds: FOUND_LATER }
const FOUND_HELD_EVENT: Configuration = { ...FOUND_EVENT, onLostAnswer: 'hold' }

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a create whose answer was lost is repeated at once',
    wrong: {
      file: PROTOCOL,
      find: "case 'create_in_doubt':\n      return update(",
      replace:
        "case 'create_in_doubt':\n      if (facts) return update({ failure: seen.error })\n      return update(",
    },
    configuration: { ...EVENT_AMONG_OTHERS, onLostAnswer: 'hold' },
    invariant: 'a request becomes at most one conversation',
  },
  {
    name: 'a refusal after a lost answer is final',
    wrong: {
      file: FACTS,
      find: "if (kinds.includes('in_doubt') && kinds.includes('refused')) return { kind: 'unknown' }",
      replace: '',
    },
    configuration: EVENT,
    invariant: 'a rejected request has no conversation',
  },
  {
    name: 'the death of the attempt before is ignored',
    wrong: {
      file: FACTS,
      find: "facts.claim.state === 'held' ? withAdded(facts, { conversation: { kind: 'in_doubt' } }) : facts",
      replace: 'facts',
    },
    configuration: EVENT,
    invariant: 'after a doubt, nothing is called rejected',
  },
  {
    name: 'a create that was not carried out counts as in doubt',
    wrong: {
      file: PROTOCOL,
      find: 'const again = seen.repeatable',
      replace:
        "if (!seen.repeatable) return update({ create: 'ended' }, { conversation: { kind: 'in_doubt' } })\n      const again = seen.repeatable",
    },
    configuration: HELD_EVENT,
    invariant: 'an unknown outcome has a doubt',
  },
  {
    name: 'a message is sent again after an unknown answer',
    wrong: {
      file: PROTOCOL,
      find: "return add({}, facts.conversation.kind === 'in_doubt' ? { kind: 'opened' } : settled)",
      replace: 'return add({ refused: message.tried }, settled)',
    },
    configuration: EVENT,
    invariant: 'a message is sent at most once',
  },
  {
    name: 'a message that a dead attempt may have sent is sent again',
    wrong: {
      file: PROTOCOL,
      find: 'withHeldClaim(withDoubtOfDeath(before))',
      replace:
        'withHeldClaim(withDoubtOfDeath({ ...before, message: { ...before.message, refused: before.message.tried } }))',
    },
    configuration: EVENT,
    invariant: 'a message is sent at most once',
  },
  {
    name: 'an attempt does not notice that it lost its claim',
    wrong: {
      file: PROTOCOL,
      find: "const isLost = progress.claim === 'claimed' && ledger.claim.attempt > facts.claim.attempt",
      replace: 'const isLost = false',
    },
    configuration: OVERLAPPING_EVENT,
    invariant: 'a message is sent at most once',
  },
  {
    name: 'an unknown answer to a message counts as sent',
    wrong: {
      file: PROTOCOL,
      find: "return add({}, facts.conversation.kind === 'in_doubt' ? { kind: 'opened' } : settled)",
      replace: 'return add({ sent: true }, settled)',
    },
    configuration: EVENT,
    invariant: 'a message that was not sent is not called sent',
  },
  {
    name: 'an unknown answer to a message counts as not sent',
    wrong: {
      file: PROTOCOL,
      find: "return add({}, facts.conversation.kind === 'in_doubt' ? { kind: 'opened' } : settled)",
      replace: "return add({ refused: message.tried, dropped: 'given_up' }, settled)",
    },
    configuration: EVENT,
    invariant: 'a message that was sent is not called not sent',
  },
  {
    name: 'a message is dropped without a reason',
    wrong: {
      file: FACTS,
      find: "return { messageStatus: 'not_sent', ...given({ messageCode: message.dropped }) }",
      replace: "return { messageStatus: 'not_sent' }",
    },
    configuration: EVENT_AMONG_OTHERS,
    invariant: 'a message that is not sent has a reason',
  },
  {
    name: 'a message that is owed is called unknown',
    wrong: {
      file: FACTS,
      find: "case 'owed':\n      return { messageStatus: 'pending' }",
      replace: "case 'owed':\n      return { messageStatus: 'unknown' }",
    },
    configuration: FORM,
    invariant: 'a message that may have been sent was tried',
  },
  {
    name: 'a record is deleted though its message is owed',
    wrong: {
      file: PROTOCOL,
      find: "endKept(progress.handOver === 'done' ? 'in_hand_over' : 'in_record', known, policy)",
      replace: "endKept('in_hand_over', known, policy)",
    },
    configuration: EVENT,
    invariant: 'a pending message is kept',
  },
  {
    name: 'a form that could not be handed over is called queued',
    wrong: {
      file: PROTOCOL,
      find: "return releaseOr('failed', known) ?? endFailed(known)",
      replace: "return releaseOr('queued', known) ?? endFailed(known)",
    },
    configuration: FORM,
    invariant: 'a queued request is in a queue',
  },
  {
    name: 'a failed form is told that it is queued',
    wrong: {
      file: PROTOCOL,
      find: "case 'untried':\n        return handOver(known)",
      replace:
        "case 'untried':\n        return releaseOr('queued', known) ?? endKept('in_hand_over', known, policy)",
    },
    configuration: FORM,
    invariant: 'an accepted request is kept or finished',
  },
  {
    name: 'the outcome is not written',
    wrong: {
      file: PROTOCOL,
      find: "return isRecorded && !isCarried ? afterRecorded(known, policy) : { kind: 'record', facts: settled }",
      replace: 'return finishWith(settled, known, policy)',
    },
    configuration: FORM,
    invariant: 'a final answer is recorded or kept',
  },
  {
    name: 'the sender is told the id of another conversation',
    wrong: {
      file: PROTOCOL,
      find: 'const outcome = outcomeOf(facts, hasMessage)',
      replace: "const outcome = { ...outcomeOf(facts, hasMessage), conversationId: 'other-9' }",
    },
    configuration: EXCUSING_FORM,
    invariant: 'an answer comes true',
  },
  {
    name: 'a repeat does not learn that the request opened an earlier conversation',
    wrong: 'the consumer keeps only the last opener',
    configuration: EXCUSING_FORM,
    invariant: 'an answer comes true',
  },
  {
    name: 'a copy is answered as if it were another request',
    wrong: {
      file: PROTOCOL,
      find: 'const outcome = outcomeOf(facts, hasMessage)',
      replace:
        "const { status, ...told } = outcomeOf(facts, hasMessage)\n  const outcome = { status: progress.claim === 'final' ? 'existing' : status, ...told }",
    },
    configuration: { ...EXCUSING_FORM, hasMessage: false },
    invariant: 'answers and status do not contradict each other',
  },
  {
    name: "an open conversation is always this request's",
    wrong: {
      file: PROTOCOL,
      find: "kind: facts.conversation.kind === 'in_doubt' ? 'opened' : 'existing' },\n  idMissingSince",
      replace: "kind: facts.conversation.kind === 'in_doubt' ? 'opened' : 'opened' },\n  idMissingSince",
    },
    configuration: EVENT_AMONG_OTHERS,
    invariant: 'an outcome does not contradict LivePerson',
  },
  {
    name: "an open conversation after a lost answer is always another's",
    wrong: {
      file: PROTOCOL,
      find: "kind: facts.conversation.kind === 'in_doubt' ? 'opened' : 'existing' },\n  idMissingSince",
      replace: "kind: facts.conversation.kind === 'in_doubt' ? 'existing' : 'existing' },\n  idMissingSince",
    },
    configuration: { ...EVENT, hasMessage: false },
    invariant: 'an outcome does not contradict LivePerson',
  },
  {
    name: 'a lost answer counts as not sent',
    wrong: {
      file: PROTOCOL,
      find: "{ conversation: { kind: 'in_doubt' }, doubtUntil: seen.at },",
      replace: '{},',
    },
    configuration: EVENT,
    invariant: 'a lost answer is not counted as not sent',
  },
  {
    name: 'a record does not write the status',
    wrong: 'a record forgets the status',
    configuration: EVENT,
    invariant: 'the stored status is the outcome of the facts',
  },
  {
    name: 'a claim leaves the status as it is',
    wrong: 'a claim keeps the status',
    configuration: EVENT,
    invariant: 'the stored status is the outcome of the facts',
  },
  {
    name: 'a form with an unknown outcome is not quarantined',
    wrong: {
      file: PROTOCOL,
      find: "if (policy.carrier === 'memory' && facts.conversation.kind === 'unknown' && !isQuarantined(progress))",
      replace: 'if (!facts)',
    },
    configuration: HELD_FORM,
    invariant: 'an unknown outcome is in quarantine',
  },
  {
    name: 'a record is given up after its first failure',
    wrong: { file: PROTOCOL, find: 'if (policy.isTooOld && mayGiveUp', replace: 'if (mayGiveUp' },
    configuration: EVENT,
    invariant: 'a quarantined request has a true reason',
  },
  {
    name: 'a lease never expires',
    wrong: 'leases never expire',
    configuration: EVENT,
    invariant: 'a request is not kept for ever',
  },
  {
    name: "a message is owed though this request's conversation is closed",
    wrong: { file: PROTOCOL, find: "...(isOwnId && { dropped: 'conversation_closed' })", replace: '' },
    configuration: EVENT_AMONG_OTHERS,
    invariant: 'a request is not kept for ever',
  },
  {
    name: 'an open conversation is not looked up',
    wrong: {
      file: PROTOCOL,
      find: "case 'untried':\n      return lookUpOrKeep(known, policy)",
      replace: "case 'untried':\n      return keepForLater(known, policy)",
    },
    configuration: EVENT,
    invariant: 'a request is not kept for ever',
  },
  {
    name: 'a replay is given up because of earlier deaths',
    wrong: {
      file: PROTOCOL,
      find: "code === 'interrupted' ? withoutDeaths(released) : released",
      replace: 'released',
    },
    configuration: BAD_EVENT,
    invariant: 'a replay finishes what was given up',
  },
  {
    name: 'an unknown outcome replaces an open conversation',
    wrong: {
      file: FACTS,
      find: "['none', 'in_doubt', 'refused', 'unknown', 'existing', 'opened']",
      replace: "['none', 'in_doubt', 'refused', 'existing', 'opened', 'unknown']",
    },
    configuration: { ...OVERLAPPING_EVENT, onLostAnswer: 'hold', hasMessage: false },
    invariant: 'a finished outcome only becomes more precise',
  },
  {
    name: 'a record replaces what the ledger holds',
    wrong: 'a record replaces the item',
    configuration: OVERLAPPING_EVENT,
    invariant: 'facts are not removed',
  },
  {
    name: 'a later writer decides whether the message was sent',
    wrong: { file: FACTS, find: 'sent: a.message.sent || b.message.sent', replace: 'sent: b.message.sent' },
    configuration: EVENT,
    invariant: 'facts are not removed',
  },
  {
    name: 'a release drops what is known',
    wrong: {
      file: PROTOCOL,
      find: '...facts,\n        claim: {\n          attempt: facts.claim.attempt,\n          releases',
      replace: '...NOTHING,\n        claim: {\n          attempt: facts.claim.attempt,\n          releases',
    },
    configuration: EVENT,
    invariant: 'what is written holds all that is known',
  },
  {
    name: 'a merge drops that LivePerson did not accept the message',
    wrong: {
      file: FACTS,
      find: 'refused: Math.max(a.message.refused, b.message.refused)',
      replace: 'refused: Math.min(a.message.refused, b.message.refused)',
    },
    configuration: EVENT,
    invariant: 'the ledger keeps what is written',
  },
  {
    name: 'a merge takes the later writer',
    wrong: {
      file: FACTS,
      find: 'handedOver: a.handedOver || b.handedOver',
      replace: 'handedOver: b.handedOver',
    },
    configuration: FORM,
    invariant: 'a merge is a join',
  },
  {
    name: '`hold` is ignored',
    wrong: {
      file: PROTOCOL,
      find: "onLostAnswer === 'hold' && facts.conversation.kind === 'in_doubt'",
      replace: "onLostAnswer !== 'hold' && facts.conversation.kind === 'in_doubt'",
    },
    configuration: HELD_EVENT,
    invariant: 'hold does not repeat a create in doubt',
  },
  {
    name: 'a held claim is taken all the same',
    wrong: {
      file: PROTOCOL,
      find: 'update({ collisions: progress.collisions + 1, ledger: seen.facts })',
      replace: "update({ claim: 'claimed', ledger: seen.facts })",
    },
    configuration: EVENT,
    invariant: 'a create needs a claim',
  },
  {
    name: 'a conversation that nobody could ask about counts as open',
    wrong: {
      file: PROTOCOL,
      find: "seen.answer === 'open' ? { conversation: lastOf(known) } : {}",
      replace: "seen.answer !== 'closed' ? { conversation: lastOf(known) } : {}",
    },
    configuration: { ...EVENT_AMONG_OTHERS, hasMessage: false },
    invariant: 'a conversation that exists is open',
  },
  {
    name: 'a message of unknown fate ends a doubt about the conversation',
    wrong: {
      file: PROTOCOL,
      find: "return add({}, facts.conversation.kind === 'in_doubt' ? { kind: 'opened' } : settled)",
      replace: 'return add({}, settled)',
    },
    configuration: EVENT_AMONG_OTHERS,
    invariant: 'a conversation that exists is open',
  },
  {
    name: 'a message is sent before that is recorded',
    wrong: {
      file: PROTOCOL,
      find: "if (progress.marked) return { kind: 'send', conversationId }",
      replace: "if (known) return { kind: 'send', conversationId }",
    },
    configuration: EVENT,
    invariant: 'a message is recorded before it is sent',
  },
  {
    name: 'a message is sent though the account is paused',
    wrong: {
      file: PROTOCOL,
      find: "progress.sent !== undefined || policy.admission === 'paused' || isReleased",
      replace: 'progress.sent !== undefined || isReleased',
    },
    configuration: BAD_EVENT,
    invariant: 'a paused account is not called',
  },
  {
    name: 'a record is called too old before it is tried',
    wrong: {
      file: PROTOCOL,
      find: 'if (hasConversation(facts)) return nextMessage(known, policy)\n',
      replace:
        "if (policy.isTooOld && policy.carrier !== 'memory') return giveUp('liveperson_unavailable', known, policy)\n  if (hasConversation(facts)) return nextMessage(known, policy)\n",
    },
    configuration: BAD_EVENT,
    invariant: 'a request is given up after a failed try',
  },
  {
    name: 'a record is done though its message is owed',
    wrong: { file: PROTOCOL, find: '        kept,\n      })', replace: '      })' },
    configuration: EVENT,
    invariant: 'a deleted record is owed nothing',
  },
  {
    name: 'a wait for a held claim is not counted',
    wrong: { file: PROTOCOL, find: '? update({ waits: progress.waits + 1 })', replace: '? known' },
    configuration: FORM,
    invariant: 'every step adds knowledge',
  },
  {
    name: 'a reused id is not understood',
    wrong: {
      file: PROTOCOL,
      find: 'return quarantineOrFail(known, policy)',
      replace: "throw new Error('What is this?')",
    },
    configuration: { ...EVENT, name: 'taken id', isIdTaken: true },
    invariant: 'an attempt always knows what to do',
  },
  {
    name: 'a held claim counts as finished',
    wrong: {
      file: PROTOCOL,
      find: "if (policy.carrier !== 'memory') return done({ kind: 'opening' })",
      replace: "if (policy.carrier !== 'memory') return finishWith(facts, known, policy)",
    },
    configuration: EVENT,
    invariant: 'a finished attempt tells a final outcome',
  },
  {
    name: 'what a person found is not told',
    wrong: {
      file: FACTS,
      find: '(conversation.conversationId ?? settled?.conversationId)',
      replace: 'conversation.conversationId',
    },
    configuration: FOUND_HELD_EVENT,
    invariant: 'a settled outcome names its conversation',
  },
  {
    name: 'a later writer removes what a person found',
    wrong: {
      file: FACTS,
      find: 'settled: leastOf(bySettlement, a.settled, b.settled)',
      replace: 'settled: b.settled',
    },
    configuration: FOUND_HELD_EVENT,
    invariant: 'facts are not removed',
  },
  {
    name: 'the webhook settles a doubt with any conversation of the consumer',
    wrong: 'the webhook takes any conversation',
    configuration: { ...FOUND_EVENT, bounds: { ...FOUND_LATER, others: 1, replays: 0 } },
    invariant: 'an outcome does not contradict LivePerson',
  },
  {
    name: 'a hand-over brings back what was forgotten',
    wrong: {
      file: FACTS,
      find: 'hasConversation(facts) || facts.forgotten?.attempt === forgotten?.attempt',
      replace: 'facts',
    },
    configuration: FOUND_HELD_EVENT,
    invariant: 'a forgotten doubt does not come back',
  },
  {
    name: 'a doubt after what was forgotten is forgotten, too',
    wrong: { file: FACTS, find: '...given({ forgotten: facts.forgotten }), ...added', replace: '...added' },
    configuration: FOUND_HELD_EVENT,
    invariant: 'a lost answer is not counted as not sent',
  },
  {
    name: 'the webhook calls an open conversation closed',
    wrong: 'the webhook calls any conversation closed',
    configuration: FOUND_EVENT,
    invariant: 'a conversation that is called closed is not open',
  },
]
