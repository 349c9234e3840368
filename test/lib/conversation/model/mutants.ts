import { SHORT } from './explorations.ts'
import type { InvariantName } from './invariants.ts'
import type { Change } from './load-protocol.ts'
import type { Bounds, Configuration, Flaw } from './state.ts'

/** A protocol, or an environment, that is wrong in one way, and the invariant that has to notice. */
export interface Mutant {
  readonly name: string
  readonly wrong: Change | Flaw
  readonly configuration: Configuration
  readonly invariant: InvariantName
}

/** One attempt at a time. Most known defects need two. */
const inTurn = (bounds: Bounds): Bounds => ({ ...bounds, alive: 1 })

const OVERLAPPING_FORM: Configuration = {
  door: 'form',
  onLostAnswer: 'repeat',
  hasMessage: true,
  bounds: SHORT.form,
}
const OVERLAPPING_EVENT: Configuration = { ...OVERLAPPING_FORM, door: 'queue', bounds: SHORT.queue }
const FORM: Configuration = { ...OVERLAPPING_FORM, bounds: inTurn(SHORT.form) }
const HELD_FORM: Configuration = { ...FORM, onLostAnswer: 'hold' }
const EVENT: Configuration = { ...OVERLAPPING_EVENT, bounds: inTurn(SHORT.queue) }
const HELD_EVENT: Configuration = { ...EVENT, onLostAnswer: 'hold' }

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a lost answer counts as not sent',
    wrong: {
      find: "update({ create: 'ended', failure: seen.error }, { conversation: { kind: 'in_doubt' } })",
      replace: "update({ create: 'ended', failure: seen.error })",
    },
    configuration: EVENT,
    invariant: 'a lost answer is not counted as not sent',
  },
  {
    name: 'a create whose answer was lost is repeated at once',
    wrong: {
      find: "update({ create: 'ended', failure: seen.error }, { conversation: { kind: 'in_doubt' } })",
      replace: 'update({ notCreated: progress.notCreated + 1, failure: seen.error })',
    },
    configuration: HELD_EVENT,
    invariant: 'a request becomes at most one conversation',
  },
  {
    name: 'a lease never expires',
    wrong: 'leases never expire',
    configuration: { ...EVENT, hasMessage: false },
    invariant: 'a claim is not lost for ever',
  },
  {
    name: 'a write needs no lease',
    wrong: 'writes need no lease',
    configuration: OVERLAPPING_EVENT,
    invariant: 'a final status does not change',
  },
  {
    name: 'the status forgets the conversation',
    wrong: { find: 'conversationId: conversation.conversationId,', replace: '' },
    configuration: EVENT,
    invariant: 'a status does not forget the conversation',
  },
  {
    name: 'a release drops what is known',
    wrong: {
      find: 'return { ...facts, claim: { attempt: facts.claim.attempt, state,',
      replace: 'return { ...NOTHING, claim: { attempt: facts.claim.attempt, state,',
    },
    configuration: EVENT,
    invariant: 'what is written holds all that is known',
  },
  {
    name: 'a hand-over carries no facts',
    wrong: {
      find: "return { kind: 'hand_over', facts: released('queued', { ...known, facts }) }",
      replace: "return { kind: 'hand_over', facts: NOTHING }",
    },
    configuration: EVENT,
    invariant: 'what is written holds all that is known',
  },
  {
    name: 'a message is sent again after an unknown answer',
    wrong: {
      find: "progress.sent === undefined && facts.message !== 'sent'",
      replace: "facts.message !== 'sent'",
    },
    configuration: { ...HELD_EVENT, bounds: { ...HELD_EVENT.bounds, attempts: 1 } },
    invariant: 'a message is sent at most once',
  },
  {
    name: '`hold` is ignored',
    wrong: { find: "onLostAnswer === 'hold' && facts", replace: "onLostAnswer !== 'hold' && facts" },
    configuration: HELD_EVENT,
    invariant: 'hold does not repeat a create in doubt',
  },
  {
    name: 'the death of the attempt before is ignored',
    wrong: { find: "const died = before.claim.state === 'held'", replace: 'const died = false' },
    configuration: EVENT,
    invariant: 'an outcome does not contradict LivePerson',
  },
  {
    name: 'a held claim is taken all the same',
    wrong: {
      find: 'update({ collisions: progress.collisions + 1 })',
      replace: "update({ claim: 'claimed' })",
    },
    configuration: EVENT,
    invariant: 'a create needs a claim',
  },
  {
    name: "an open conversation after a lost answer is always another's",
    wrong: {
      find: "conversation.kind === 'in_doubt' ? { kind: 'opened' } : { kind: 'existing' }",
      replace: "({ kind: conversation.kind === 'in_doubt' ? 'existing' : 'existing' })",
    },
    configuration: EVENT,
    invariant: 'an outcome does not contradict LivePerson',
  },
  {
    name: 'an open conversation is not looked up',
    wrong: {
      find: "if (lookUp === 'untried') return { kind: 'look_up' }",
      replace: "if (lookUp === 'untried') return keepForLater(known, policy)",
    },
    configuration: EVENT,
    invariant: 'a claim is not lost for ever',
  },
  {
    name: 'a held form is not quarantined',
    wrong: {
      find: "policy.carrier === 'memory' && facts.conversation.kind === 'held' && progress.quarantine !== 'done'",
      replace: 'false',
    },
    configuration: HELD_FORM,
    invariant: 'a held request is in quarantine',
  },
  {
    name: 'the outcome is not written',
    wrong: {
      find: "if (progress.complete === undefined) return { kind: 'complete', facts }",
      replace: 'if (progress.complete === undefined) return finishWith(facts, known, policy)',
    },
    configuration: FORM,
    invariant: 'a final answer is recorded',
  },
  {
    name: 'a merge takes the later writer',
    wrong: {
      find: 'if (a.kind !== b.kind) return later(CONVERSATIONS, a.kind, b.kind) === a.kind ? a : b',
      replace: 'if (a.kind !== b.kind) return b',
    },
    configuration: EVENT,
    invariant: 'facts are not removed',
  },
  {
    name: 'a failed form is told that it is queued',
    wrong: {
      find: `return {
        kind: 'hand_over',
        facts: withoutRefusal(released('queued', known), progress),
        error: progress.failure,
      }`,
      replace: "return release('queued', known) ?? endQueued(progress)",
    },
    configuration: FORM,
    invariant: 'an accepted request is owed or finished',
  },
  {
    name: 'a request in doubt is called refused',
    wrong: {
      find: "return { status: 'rejected', code: 'outcome_unknown' }",
      replace: "return { status: 'rejected', code: 'liveperson_rejected' }",
    },
    configuration: HELD_EVENT,
    invariant: 'a rejected request has no conversation',
  },
  {
    name: 'an unknown answer to a message counts as sent',
    wrong: { find: "unknown: 'in_doubt' } as const", replace: "unknown: 'sent' } as const" },
    configuration: EVENT,
    invariant: 'a message that was not sent is not called sent',
  },
  {
    name: 'an unknown answer to a message counts as not sent',
    wrong: { find: "unknown: 'in_doubt' } as const", replace: "unknown: 'not_sent' } as const" },
    configuration: HELD_EVENT,
    invariant: 'a message that was sent is not called not sent',
  },
  {
    name: 'a create that was not carried out counts as in doubt',
    wrong: {
      find: "case 'not_created': {",
      replace:
        "case 'not_created': {\n      if (!seen.repeatable) return update({ create: 'ended' }, { conversation: { kind: 'in_doubt' } })",
    },
    configuration: HELD_EVENT,
    invariant: 'a quarantined request has a true reason',
  },
  {
    name: 'a form is told its own outcome, not what the ledger holds',
    wrong: {
      find: "const recorded = complete === undefined || complete === 'failed' ? (final ?? facts) : complete",
      replace: 'const recorded = facts',
    },
    configuration: { ...OVERLAPPING_FORM, onLostAnswer: 'hold' },
    invariant: 'answers and status do not contradict each other',
  },
  {
    name: 'a held claim counts as finished',
    wrong: {
      find: "if (policy.carrier === 'record' || progress.handOver === 'done') return done({ kind: 'opening' })",
      replace:
        'if (progress.collisions > 0) return finishWith(facts, { facts, carried: facts, progress }, policy)',
    },
    configuration: EVENT,
    invariant: 'a finished attempt tells a final outcome',
  },
  {
    name: 'a wait for a held claim is not counted',
    wrong: { find: 'update({ waits: progress.waits + 1 })', replace: 'known' },
    configuration: FORM,
    invariant: 'every step adds knowledge',
  },
  {
    name: 'a failure is forgotten',
    wrong: {
      find: "return update({ claim: failure.retryable ? 'failed' : 'refused', failure })",
      replace: "return update({ claim: failure.retryable ? 'failed' : 'refused' })",
    },
    configuration: EVENT,
    invariant: 'an attempt always knows what to do',
  },
  {
    name: 'a complete drops the doubt about the message',
    wrong: {
      find: "if (progress.complete === undefined) return { kind: 'complete', facts }",
      replace:
        "if (progress.complete === undefined) return { kind: 'complete', facts: { ...facts, message: 'unsent' } }",
    },
    configuration: EVENT,
    invariant: 'what is written holds all that is known',
  },
]
