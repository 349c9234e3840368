import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  begin,
  type Facts,
  isFinal,
  type Known,
  learn,
  merge,
  NOTHING,
  next,
  type Outcome,
  outcomeOf,
  type Policy,
  type Seen,
  type Step,
} from '../../../lib/conversation/protocol.ts'
import { LivePersonUnavailableError, toError } from '../../../lib/errors/errors.ts'
import { anyFacts } from '../../support/any-facts.ts'

const LP_CONSUMER_ID = 'lp-consumer-1'
const UNAVAILABLE = toError('liveperson_unavailable')
const REFUSED = toError('liveperson_rejected')
const OURS_FAILED = toError('service_unavailable')
const MISCONFIGURED = toError('invalid_config')
const ID_TAKEN = toError('request_id_reused')

/** Facts of attempts that are close together, so that a merge has something to decide. */
const anyNearFacts = anyFacts.map(
  (facts): Facts => ({ ...facts, claim: { ...facts.claim, attempt: facts.claim.attempt % 3 } }),
)

const factsWith = (members: Partial<Facts>): Facts => ({ ...NOTHING, ...members })

describe('a merge', () => {
  test('is the same in any order', () => {
    fc.assert(
      fc.property(anyNearFacts, anyNearFacts, (a, b) => {
        expect(merge(a, b)).toEqual(merge(b, a))
      }),
    )
  })

  test('is the same in any grouping', () => {
    fc.assert(
      fc.property(anyNearFacts, anyNearFacts, anyNearFacts, (a, b, c) => {
        expect(merge(merge(a, b), c)).toEqual(merge(a, merge(b, c)))
      }),
    )
  })

  test('with the same facts, or with none, changes nothing', () => {
    fc.assert(
      fc.property(anyNearFacts, (facts) => {
        expect(merge(facts, facts)).toEqual(facts)
        expect(merge(facts, NOTHING)).toEqual(facts)
      }),
    )
  })

  test.each<[string, Partial<Facts>, Partial<Facts>, Partial<Facts>]>([
    [
      'keeps the later attempt',
      { claim: { attempt: 1, state: 'queued', code: 'internal_error' } },
      { claim: { attempt: 2, state: 'held' } },
      { claim: { attempt: 2, state: 'held' } },
    ],
    [
      'keeps the end of an attempt',
      { claim: { attempt: 2, state: 'held' } },
      { claim: { attempt: 2, state: 'failed', code: 'internal_error' } },
      { claim: { attempt: 2, state: 'failed', code: 'internal_error' } },
    ],
    [
      'keeps a doubt',
      { conversation: { kind: 'in_doubt' } },
      { conversation: { kind: 'none' } },
      { conversation: { kind: 'in_doubt' } },
    ],
    [
      'takes an outcome over a doubt',
      { conversation: { kind: 'in_doubt' } },
      { conversation: { kind: 'existing' } },
      { conversation: { kind: 'existing' } },
    ],
    [
      'takes what was opened over what was held',
      { conversation: { kind: 'held' } },
      { conversation: { kind: 'opened', conversationId: 'c-1' } },
      { conversation: { kind: 'opened', conversationId: 'c-1' } },
    ],
    [
      'adds an id',
      { conversation: { kind: 'opened' } },
      { conversation: { kind: 'opened', conversationId: 'c-1' } },
      { conversation: { kind: 'opened', conversationId: 'c-1' } },
    ],
    [
      'of two ids keeps the first in order',
      { conversation: { kind: 'existing', conversationId: 'c-1' } },
      { conversation: { kind: 'existing', conversationId: 'c-2' } },
      { conversation: { kind: 'existing', conversationId: 'c-1' } },
    ],
    [
      'of two refusals keeps the first code in order',
      { conversation: { kind: 'refused', code: 'invalid_config' } },
      { conversation: { kind: 'refused', code: 'liveperson_rejected' } },
      { conversation: { kind: 'refused', code: 'invalid_config' } },
    ],
    ['keeps a sent message', { message: 'sent' }, { message: 'in_doubt' }, { message: 'sent' }],
    ['keeps a message in doubt', { message: 'in_doubt' }, { message: 'not_sent' }, { message: 'in_doubt' }],
    ['keeps the consumer', { lpConsumerId: 'lp-1' }, {}, { lpConsumerId: 'lp-1' }],
  ])('%s', (_, a, b, expected) => {
    expect(merge(factsWith(a), factsWith(b))).toEqual(factsWith(expected))
  })
})

describe('the outcome', () => {
  test.each<[string, Partial<Facts>, Outcome]>([
    ['of a new request is opening', {}, { status: 'opening' }],
    ['of a held claim is opening', { claim: { attempt: 1, state: 'held' } }, { status: 'opening' }],
    [
      'of a released claim is queued, with the reason',
      { claim: { attempt: 1, state: 'queued', code: 'liveperson_unavailable' } },
      { status: 'queued', code: 'liveperson_unavailable' },
    ],
    [
      'of a released claim is failed, with the reason',
      { claim: { attempt: 1, state: 'failed', code: 'service_unavailable' } },
      { status: 'failed', code: 'service_unavailable' },
    ],
    [
      'of a create in doubt is that of its claim',
      { claim: { attempt: 1, state: 'queued' }, conversation: { kind: 'in_doubt' } },
      { status: 'queued' },
    ],
    [
      'of a refused request is rejected',
      { conversation: { kind: 'refused', code: 'liveperson_rejected' } },
      { status: 'rejected', code: 'liveperson_rejected' },
    ],
    [
      'of a held request is rejected as unknown',
      { conversation: { kind: 'held' } },
      { status: 'rejected', code: 'outcome_unknown' },
    ],
    [
      'names the conversation that was opened',
      { conversation: { kind: 'opened', conversationId: 'c-1' }, message: 'sent' },
      { status: 'opened', conversationId: 'c-1', messageStatus: 'sent' },
    ],
    [
      'of an open conversation without an id is existing',
      { conversation: { kind: 'existing' }, message: 'unsent' },
      { status: 'existing', messageStatus: 'not_sent' },
    ],
    [
      'says that a message was not sent',
      { conversation: { kind: 'existing' }, message: 'not_sent' },
      { status: 'existing', messageStatus: 'not_sent' },
    ],
    [
      'says that a message may have been sent',
      { conversation: { kind: 'opened' }, message: 'in_doubt' },
      { status: 'opened', messageStatus: 'unknown' },
    ],
  ])('%s', (_, facts, expected) => {
    expect(outcomeOf(factsWith(facts), true)).toEqual(expected)
    expect(outcomeOf(factsWith(facts), false)).toEqual({ ...expected, messageStatus: undefined })
  })

  test('is final once it is known what became of the conversation', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { status } = outcomeOf(facts, true)
        expect(isFinal(facts)).toBe(status !== 'opening' && status !== 'queued' && status !== 'failed')
      }),
    )
  })

  test('stays final with more knowledge', () => {
    fc.assert(
      fc.property(anyNearFacts, anyNearFacts, (a, b) => {
        expect(isFinal(merge(a, b))).toBe(isFinal(a) || isFinal(b))
      }),
    )
  })
})

describe('an attempt', () => {
  /** Returns everything that can come back from a step. */
  const answersTo = (step: Exclude<Step, { kind: 'done' }>, facts: Facts): readonly Seen[] => {
    const failures = [OURS_FAILED, MISCONFIGURED, ID_TAKEN].map(
      (error): Seen => ({ kind: 'failed', step: step.kind, error }),
    )
    switch (step.kind) {
      case 'identify':
        return [{ kind: 'identifying' }]
      case 'claim':
        return [{ kind: 'claimed', before: facts }, { kind: 'held' }, { kind: 'final', facts }, ...failures]
      case 'wait':
        return [
          { kind: 'waited', before: step.before },
          { kind: 'no_time', before: step.before },
        ]
      case 'create':
        return [
          { kind: 'opened', conversationId: 'c-1', lpConsumerId: LP_CONSUMER_ID },
          { kind: 'already_open', lpConsumerId: LP_CONSUMER_ID },
          { kind: 'refused', error: REFUSED },
          { kind: 'create_in_doubt', error: UNAVAILABLE },
          { kind: 'not_created', error: UNAVAILABLE, repeatable: true },
          { kind: 'not_created', error: MISCONFIGURED, repeatable: false },
          ...failures,
        ]
      case 'look_up':
        return [
          { kind: 'known', conversationId: 'c-2', openedByThis: true },
          { kind: 'known', conversationId: 'c-2', openedByThis: false },
          { kind: 'nothing_known' },
          ...failures,
        ]
      case 'ask':
        return [
          { kind: 'asked', answer: 'open' },
          { kind: 'asked', answer: 'closed' },
          { kind: 'asked', answer: 'unsure' },
          ...failures,
        ]
      case 'send':
        return [
          { kind: 'message', answer: 'sent' },
          { kind: 'message', answer: 'closed' },
          { kind: 'message', answer: 'not_sent' },
          { kind: 'message', answer: 'unknown' },
          ...failures,
        ]
      case 'forget':
        return [{ kind: 'forgotten' }, ...failures]
      case 'complete':
        return [{ kind: 'completed', facts: step.facts }, { kind: 'completed', facts }, ...failures]
      case 'release':
        return [{ kind: 'released' }, ...failures]
      case 'hand_over':
        return [{ kind: 'handed_over' }, ...failures]
      case 'quarantine':
        return [{ kind: 'quarantined' }, ...failures]
    }
  }

  const anyPolicy: fc.Arbitrary<Policy> = fc.record({
    hasMessage: fc.boolean(),
    onLostAnswer: fc.constantFrom('repeat', 'hold'),
    carrier: fc.constantFrom('memory', 'record'),
    heldWaitsMs: fc.constantFrom([], [150], [150, 350, 700]),
    repeatAfterMs: fc.constant(1000),
  })

  /** Final facts where the ledger says so, any other facts where it doesn't. */
  const fitting = (seen: Seen): boolean =>
    seen.kind === 'final' || seen.kind === 'completed'
      ? isFinal(seen.facts)
      : seen.kind !== 'claimed' || !isFinal(seen.before)

  /** Makes an attempt in which the n-th answer is picked by the n-th number. */
  const attempt = (
    policy: Policy,
    carried: Facts,
    ledger: readonly Facts[],
    picks: readonly number[],
    each: (before: Known, after: Known) => void,
  ): { readonly steps: readonly Step['kind'][]; readonly isOver: boolean } => {
    let known = begin(carried)
    const steps: Step['kind'][] = []
    for (const pick of picks) {
      const step = next(known, policy)
      steps.push(step.kind)
      if (step.kind === 'done') return { steps, isOver: true }
      const answers = ledger.flatMap((facts) => answersTo(step, facts)).filter(fitting)
      const seen = answers[pick % answers.length]
      if (!seen) throw new Error(`Nothing can come back from ${step.kind}`)
      const after = learn(known, seen)
      each(known, after)
      known = after
    }
    return { steps, isOver: false }
  }

  const anyAttempt = [
    anyPolicy,
    anyNearFacts,
    fc.array(anyNearFacts, { minLength: 3, maxLength: 6 }).map((facts) => [...facts, NOTHING]),
    fc.array(fc.nat(), { minLength: 30, maxLength: 30 }),
  ] as const

  test('always has a next step, and ends', () => {
    fc.assert(
      fc.property(...anyAttempt, (policy, carried, ledger, picks) => {
        fc.pre(ledger.some(isFinal))
        expect(attempt(policy, carried, ledger, picks, () => {}).isOver).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('only adds knowledge', () => {
    fc.assert(
      fc.property(...anyAttempt, (policy, carried, ledger, picks) => {
        fc.pre(ledger.some(isFinal))
        attempt(policy, carried, ledger, picks, (before, after) => {
          expect(merge(after.facts, before.facts)).toEqual(merge(after.facts, after.facts))
          expect(after).not.toEqual(before)
        })
      }),
      { numRuns: 500 },
    )
  })

  const FORM: Policy = {
    hasMessage: true,
    onLostAnswer: 'repeat',
    carrier: 'memory',
    heldWaitsMs: [150, 350],
    repeatAfterMs: 1000,
  }
  const SILENT_FORM: Policy = { ...FORM, hasMessage: false }
  const HELD_FORM: Policy = { ...SILENT_FORM, onLostAnswer: 'hold' }
  const RECORD: Policy = { ...FORM, carrier: 'record', heldWaitsMs: [] }
  const SILENT_RECORD: Policy = { ...RECORD, hasMessage: false }
  const HELD_RECORD: Policy = { ...SILENT_RECORD, onLostAnswer: 'hold' }

  const identifying: Seen = { kind: 'identifying' }
  const claimed: Seen = { kind: 'claimed', before: NOTHING }
  const opened: Seen = { kind: 'opened', conversationId: 'c-1', lpConsumerId: LP_CONSUMER_ID }
  const alreadyOpen: Seen = { kind: 'already_open', lpConsumerId: LP_CONSUMER_ID }
  const lost: Seen = { kind: 'create_in_doubt', error: UNAVAILABLE }
  const refused: Seen = { kind: 'refused', error: REFUSED }
  const busy: Seen = { kind: 'not_created', error: UNAVAILABLE, repeatable: true }
  const failed = (step: Step['kind'], error = OURS_FAILED): Seen => ({ kind: 'failed', step, error })
  const claimedAfter = (facts: Partial<Facts>): Seen => ({ kind: 'claimed', before: factsWith(facts) })
  const sent = (answer: 'sent' | 'closed' | 'not_sent' | 'unknown'): Seen => ({ kind: 'message', answer })
  const asked = (answer: 'open' | 'closed' | 'unsure'): Seen => ({ kind: 'asked', answer })
  const known = (openedByThis: boolean): Seen => ({ kind: 'known', conversationId: 'c-0', openedByThis })

  /** Answers with what the step itself writes. */
  const done = 'done'
  type Answer = Seen | typeof done

  const answerOf = (answer: Answer, step: Step): Seen => {
    if (answer !== done) return answer
    switch (step.kind) {
      case 'identify':
        return identifying
      case 'complete':
        return { kind: 'completed', facts: step.facts }
      case 'release':
        return { kind: 'released' }
      case 'hand_over':
        return { kind: 'handed_over' }
      case 'quarantine':
        return { kind: 'quarantined' }
      case 'forget':
        return { kind: 'forgotten' }
      case 'wait':
        return { kind: 'waited', before: step.before }
      default:
        throw new Error(`${step.kind} needs an answer`)
    }
  }

  /** Returns the steps of an attempt and its result. Each step is followed by its answer. */
  const trace = (policy: Policy, carried: Facts, answers: readonly Answer[]): readonly string[] => {
    let state = begin(carried)
    const lines: string[] = []
    for (const answer of answers) {
      const step = next(state, policy)
      lines.push(describeStep(step))
      state = learn(state, answerOf(answer, step))
    }
    return [...lines, describeStep(next(state, policy))]
  }

  const describeStep = (step: Step): string => {
    switch (step.kind) {
      case 'wait':
        return `wait ${step.ms} before ${step.before}`
      case 'ask':
      case 'send':
      case 'forget':
        return `${step.kind} ${step.conversationId}`
      case 'complete':
      case 'release':
      case 'hand_over':
        return `${step.kind} ${step.facts.claim.state} ${step.facts.conversation.kind} ${step.facts.message}`
      case 'quarantine':
        return `quarantine ${step.code}`
      case 'done':
        return describeEnd(step)
      default:
        return step.kind
    }
  }

  const describeEnd = ({ result }: Extract<Step, { kind: 'done' }>): string => {
    switch (result.kind) {
      case 'finished': {
        const { status, conversationId, code, messageStatus } = result.outcome
        const parts = [status, conversationId, code, messageStatus, result.repeated ? 'repeated' : undefined]
        return parts.filter((part) => part !== undefined).join(' ')
      }
      case 'opening':
        return 'end: opening'
      case 'queued':
      case 'failed':
        return `end: ${result.kind} ${result.error.code}`
    }
  }

  test.each<[string, Policy, readonly Answer[], readonly string[]]>([
    [
      'opens a conversation',
      SILENT_FORM,
      [done, claimed, opened, done],
      ['identify', 'claim', 'create', 'complete held opened unsent', 'opened c-1'],
    ],
    [
      'opens a conversation and sends the message',
      FORM,
      [done, claimed, opened, sent('sent'), done],
      ['identify', 'claim', 'create', 'send c-1', 'complete held opened sent', 'opened c-1 sent'],
    ],
    [
      'sends the message of a conversation that it opened, even if an earlier attempt may have sent it',
      RECORD,
      [done, claimedAfter({ claim: { attempt: 1, state: 'held' } }), opened, sent('sent'), done],
      ['identify', 'claim', 'create', 'send c-1', 'complete held opened sent', 'opened c-1 sent'],
    ],
    [
      'repeats a create once that LivePerson certainly did not carry out',
      SILENT_FORM,
      [done, claimed, busy, done, busy, done, done],
      [
        'identify',
        'claim',
        'create',
        'wait 1000 before create',
        'create',
        'hand_over queued none unsent',
        'release queued none unsent',
        'end: queued liveperson_unavailable',
      ],
    ],
    [
      'leaves a repeat to the queue if there is no time',
      SILENT_RECORD,
      [done, claimed, busy, { kind: 'no_time', before: 'create' }, done],
      [
        'identify',
        'claim',
        'create',
        'wait 1000 before create',
        'release queued none unsent',
        'end: queued liveperson_unavailable',
      ],
    ],
    [
      'hands a create in doubt over',
      SILENT_FORM,
      [done, claimed, lost, done, done],
      [
        'identify',
        'claim',
        'create',
        'hand_over queued in_doubt unsent',
        'release queued in_doubt unsent',
        'end: queued liveperson_unavailable',
      ],
    ],
    [
      'tells the sender to retry if no queue takes the request',
      SILENT_FORM,
      [done, claimed, lost, failed('hand_over'), done],
      [
        'identify',
        'claim',
        'create',
        'hand_over queued in_doubt unsent',
        'release failed in_doubt unsent',
        'end: failed liveperson_unavailable',
      ],
    ],
    [
      'tells the sender at once if only an operator can fix it',
      SILENT_FORM,
      [done, claimed, { kind: 'not_created', error: MISCONFIGURED, repeatable: false }, done],
      ['identify', 'claim', 'create', 'release failed none unsent', 'end: failed invalid_config'],
    ],
    [
      'quarantines a held form before the ledger says so',
      HELD_FORM,
      [done, claimed, lost, done, done],
      [
        'identify',
        'claim',
        'create',
        'quarantine outcome_unknown',
        'complete held held unsent',
        'rejected outcome_unknown',
      ],
    ],
    [
      'quarantines a held record after the ledger says so',
      HELD_RECORD,
      [done, claimed, lost, done, done],
      [
        'identify',
        'claim',
        'create',
        'complete held held unsent',
        'quarantine outcome_unknown',
        'rejected outcome_unknown',
      ],
    ],
    [
      'does not repeat what an attempt that died may have created, if the account holds',
      HELD_RECORD,
      [done, claimedAfter({ claim: { attempt: 1, state: 'held' } }), done, done],
      [
        'identify',
        'claim',
        'complete held held in_doubt',
        'quarantine outcome_unknown',
        'rejected outcome_unknown',
      ],
    ],
    [
      'rejects a refused record',
      SILENT_RECORD,
      [done, claimed, { kind: 'refused', error: REFUSED }, done, done],
      [
        'identify',
        'claim',
        'create',
        'complete held refused unsent',
        'quarantine liveperson_rejected',
        'rejected liveperson_rejected',
      ],
    ],
    [
      'keeps a rejected record until it is in quarantine',
      SILENT_RECORD,
      [done, claimed, { kind: 'refused', error: REFUSED }, done, failed('quarantine')],
      [
        'identify',
        'claim',
        'create',
        'complete held refused unsent',
        'quarantine liveperson_rejected',
        'end: queued service_unavailable',
      ],
    ],
    [
      "finds another's conversation and sends the message into it",
      RECORD,
      [done, claimed, alreadyOpen, known(false), sent('sent'), done],
      [
        'identify',
        'claim',
        'create',
        'look_up',
        'send c-0',
        'complete held existing sent',
        'existing c-0 sent',
      ],
    ],
    [
      'asks whether a conversation is open if there is nothing to send',
      SILENT_RECORD,
      [done, claimed, alreadyOpen, known(false), asked('open'), done],
      ['identify', 'claim', 'create', 'look_up', 'ask c-0', 'complete held existing unsent', 'existing c-0'],
    ],
    [
      'forgets a conversation that is closed',
      SILENT_RECORD,
      [done, claimed, alreadyOpen, known(false), asked('closed'), done, done],
      [
        'identify',
        'claim',
        'create',
        'look_up',
        'ask c-0',
        'forget c-0',
        'complete held existing unsent',
        'existing',
      ],
    ],
    [
      'takes an unknown open conversation for its own if a create is in doubt',
      SILENT_RECORD,
      [
        done,
        claimedAfter({ claim: { attempt: 1, state: 'queued' }, conversation: { kind: 'in_doubt' } }),
        alreadyOpen,
        { kind: 'nothing_known' },
        done,
      ],
      ['identify', 'claim', 'create', 'look_up', 'complete held opened unsent', 'opened'],
    ],
    [
      'finds the conversation that an earlier attempt opened',
      RECORD,
      [done, claimedAfter({ claim: { attempt: 1, state: 'held' } }), alreadyOpen, known(true), done],
      ['identify', 'claim', 'create', 'look_up', 'complete held opened in_doubt', 'opened c-0 unknown'],
    ],
    [
      'waits for a held claim, then has a queue keep the copy',
      SILENT_FORM,
      [done, { kind: 'held' }, done, { kind: 'held' }, done, { kind: 'held' }, done],
      [
        'identify',
        'claim',
        'wait 150 before claim',
        'claim',
        'wait 350 before claim',
        'claim',
        'hand_over none none unsent',
        'end: opening',
      ],
    ],
    [
      'leaves a held claim to the next delivery of its record',
      SILENT_RECORD,
      [done, { kind: 'held' }],
      ['identify', 'claim', 'end: opening'],
    ],
    [
      'answers a finished request from the ledger',
      FORM,
      [
        done,
        {
          kind: 'final',
          facts: factsWith({ conversation: { kind: 'opened', conversationId: 'c-1' }, message: 'sent' }),
        },
      ],
      ['identify', 'claim', 'opened c-1 sent repeated'],
    ],
    [
      'quarantines the record of a request that was rejected before',
      SILENT_RECORD,
      [done, { kind: 'final', facts: factsWith({ conversation: { kind: 'held' } }) }, done],
      ['identify', 'claim', 'quarantine outcome_unknown', 'rejected outcome_unknown repeated'],
    ],
    [
      'quarantines a record whose id has other content',
      SILENT_RECORD,
      [done, failed('claim', ID_TAKEN), done],
      ['identify', 'claim', 'quarantine request_id_reused', 'end: failed request_id_reused'],
    ],
    [
      'refuses a form whose id has other content',
      SILENT_FORM,
      [done, failed('claim', ID_TAKEN)],
      ['identify', 'claim', 'end: failed request_id_reused'],
    ],
    [
      'hands over what it could not claim',
      SILENT_FORM,
      [done, failed('claim'), done],
      ['identify', 'claim', 'hand_over none none unsent', 'end: queued service_unavailable'],
    ],
    [
      'is finished if a queue takes the outcome that the ledger did not',
      RECORD,
      [done, claimed, opened, sent('unknown'), failed('complete'), done],
      [
        'identify',
        'claim',
        'create',
        'send c-1',
        'complete held opened in_doubt',
        'hand_over queued opened in_doubt',
        'opened c-1 unknown',
      ],
    ],
    [
      'tells what the ledger holds if another attempt was first',
      FORM,
      [
        done,
        claimed,
        alreadyOpen,
        { kind: 'nothing_known' },
        { kind: 'completed', facts: factsWith({ conversation: { kind: 'opened', conversationId: 'c-9' } }) },
      ],
      ['identify', 'claim', 'create', 'look_up', 'complete held existing unsent', 'opened c-9 not_sent'],
    ],
    [
      'is retried if the last known conversation could not be looked up',
      SILENT_RECORD,
      [done, claimed, alreadyOpen, failed('look_up'), done],
      [
        'identify',
        'claim',
        'create',
        'look_up',
        'release queued none unsent',
        'end: queued service_unavailable',
      ],
    ],
    [
      'is retried if a closed conversation could not be forgotten',
      SILENT_RECORD,
      [done, claimed, alreadyOpen, known(false), asked('closed'), failed('forget'), done],
      [
        'identify',
        'claim',
        'create',
        'look_up',
        'ask c-0',
        'forget c-0',
        'release queued none unsent',
        'end: queued service_unavailable',
      ],
    ],
    [
      'forgets a conversation that refuses the message because it is closed',
      RECORD,
      [done, claimed, alreadyOpen, known(false), sent('closed'), done, done],
      [
        'identify',
        'claim',
        'create',
        'look_up',
        'send c-0',
        'forget c-0',
        'complete held existing not_sent',
        'existing not_sent',
      ],
    ],
    [
      'asks instead of sending a message that may have been sent before',
      RECORD,
      [
        done,
        claimedAfter({ claim: { attempt: 1, state: 'held' } }),
        alreadyOpen,
        known(false),
        asked('open'),
        done,
      ],
      [
        'identify',
        'claim',
        'create',
        'look_up',
        'ask c-0',
        'complete held existing in_doubt',
        'existing c-0 unknown',
      ],
    ],
    [
      'names no conversation if LivePerson does not say whether it is open',
      SILENT_RECORD,
      [done, claimed, alreadyOpen, known(false), asked('unsure'), done],
      ['identify', 'claim', 'create', 'look_up', 'ask c-0', 'complete held existing unsent', 'existing'],
    ],
    [
      'names no conversation that may have taken the message',
      RECORD,
      [done, claimed, alreadyOpen, known(false), sent('unknown'), done],
      [
        'identify',
        'claim',
        'create',
        'look_up',
        'send c-0',
        'complete held existing in_doubt',
        'existing unknown',
      ],
    ],
    [
      'does not send a message twice into the conversation that it opened',
      RECORD,
      [done, claimedAfter({ claim: { attempt: 1, state: 'queued' }, message: 'sent' }), opened, done],
      ['identify', 'claim', 'create', 'complete held opened sent', 'opened c-1 sent'],
    ],
    [
      'hands a refusal over as unknown if the ledger did not take it',
      SILENT_FORM,
      [done, claimed, refused, failed('complete'), done, done],
      [
        'identify',
        'claim',
        'create',
        'complete held refused unsent',
        'hand_over queued none unsent',
        'release queued refused unsent',
        'end: queued service_unavailable',
      ],
    ],
    [
      'hands a refusal over in doubt if an earlier create was in doubt',
      SILENT_FORM,
      [
        done,
        claimedAfter({ claim: { attempt: 1, state: 'failed' }, conversation: { kind: 'in_doubt' } }),
        refused,
        failed('complete'),
        done,
        done,
      ],
      [
        'identify',
        'claim',
        'create',
        'complete held refused unsent',
        'hand_over queued in_doubt unsent',
        'release queued refused unsent',
        'end: queued service_unavailable',
      ],
    ],
    [
      'sends no message for a refused form, and does not quarantine it',
      FORM,
      [done, claimed, { kind: 'refused', error: REFUSED }, done],
      ['identify', 'claim', 'create', 'complete held refused unsent', 'rejected liveperson_rejected'],
    ],
  ])('%s', (_, policy, answers, expected) => {
    expect(trace(policy, NOTHING, answers)).toEqual(expected)
  })

  test.each<[string, Policy, Partial<Facts>, readonly Answer[], readonly string[]]>([
    [
      'writes the outcome that a hand-over carries',
      RECORD,
      {
        claim: { attempt: 1, state: 'queued' },
        conversation: { kind: 'opened', conversationId: 'c-1' },
        message: 'sent',
        lpConsumerId: LP_CONSUMER_ID,
      },
      [claimedAfter({ claim: { attempt: 1, state: 'held' } }), done],
      ['claim', 'complete held opened sent', 'opened c-1 sent'],
    ],
    [
      'adds an id that the ledger lacks',
      RECORD,
      {
        conversation: { kind: 'opened', conversationId: 'c-1' },
        message: 'sent',
        lpConsumerId: LP_CONSUMER_ID,
      },
      [{ kind: 'final', facts: factsWith({ conversation: { kind: 'opened' }, message: 'in_doubt' }) }, done],
      ['claim', 'complete none opened sent', 'opened c-1 sent'],
    ],
    [
      'does not doubt an attempt that handed over',
      SILENT_RECORD,
      { claim: { attempt: 1, state: 'queued', code: 'liveperson_unavailable' } },
      [done, claimedAfter({ claim: { attempt: 1, state: 'held' } }), lost, done],
      ['identify', 'claim', 'create', 'release queued in_doubt unsent', 'end: queued liveperson_unavailable'],
    ],
    [
      'keeps a hand-over whose outcome the ledger does not accept',
      SILENT_RECORD,
      { conversation: { kind: 'existing' }, lpConsumerId: LP_CONSUMER_ID },
      [claimed, failed('complete'), done],
      [
        'claim',
        'complete held existing unsent',
        'release queued existing unsent',
        'end: queued service_unavailable',
      ],
    ],
    [
      'keeps what the ledger says about a finished request',
      SILENT_RECORD,
      { conversation: { kind: 'existing' }, lpConsumerId: LP_CONSUMER_ID },
      [
        {
          kind: 'final',
          facts: factsWith({ conversation: { kind: 'refused', code: 'liveperson_rejected' } }),
        },
        done,
      ],
      ['claim', 'quarantine liveperson_rejected', 'rejected liveperson_rejected repeated'],
    ],
    [
      'hands over again what became of the message',
      RECORD,
      { conversation: { kind: 'opened', conversationId: 'c-1' }, lpConsumerId: LP_CONSUMER_ID },
      [claimedAfter({ claim: { attempt: 1, state: 'queued' }, message: 'sent' }), failed('complete'), done],
      ['claim', 'complete held opened sent', 'hand_over queued opened sent', 'opened c-1 sent'],
    ],
    [
      'hands over again that the open conversation is its own',
      SILENT_RECORD,
      { claim: { attempt: 1, state: 'queued' }, conversation: { kind: 'in_doubt' } },
      [
        done,
        claimedAfter({ claim: { attempt: 1, state: 'queued' } }),
        alreadyOpen,
        { kind: 'nothing_known' },
        failed('complete'),
        done,
      ],
      [
        'identify',
        'claim',
        'create',
        'look_up',
        'complete held opened unsent',
        'hand_over queued opened unsent',
        'opened',
      ],
    ],
    [
      'hands over again an id that it did not have',
      SILENT_RECORD,
      { conversation: { kind: 'opened' }, lpConsumerId: LP_CONSUMER_ID },
      [
        claimedAfter({
          claim: { attempt: 1, state: 'queued' },
          conversation: { kind: 'opened', conversationId: 'c-1' },
        }),
        failed('complete'),
        done,
      ],
      ['claim', 'complete held opened unsent', 'hand_over queued opened unsent', 'opened c-1'],
    ],
  ])('of a hand-over %s', (_, policy, carried, answers, expected) => {
    expect(trace(policy, factsWith(carried), answers)).toEqual(expected)
  })

  /** Returns the step that follows the answers. */
  const stepAfter = (policy: Policy, answers: readonly Answer[]): Step => {
    const state = answers.reduce((before, answer) => {
      return learn(before, answerOf(answer, next(before, policy)))
    }, begin())
    return next(state, policy)
  }

  test('that releases its claim says why', () => {
    expect(stepAfter(SILENT_RECORD, [done, claimed, lost])).toMatchObject({
      kind: 'release',
      facts: { claim: { attempt: 1, state: 'queued', code: 'liveperson_unavailable' } },
    })
  })

  test('that quarantines says why, with the error only if it is the reason', () => {
    expect(stepAfter(SILENT_RECORD, [done, claimed, refused, done])).toMatchObject({
      kind: 'quarantine',
      code: 'liveperson_rejected',
      error: REFUSED,
    })
    const held = stepAfter(HELD_RECORD, [done, claimed, lost, done])
    expect(held).toMatchObject({ kind: 'quarantine', code: 'outcome_unknown' })
    expect(held).not.toHaveProperty('error')
  })

  test('that is finished has the error only if it is the reason for the outcome', () => {
    expect(stepAfter(SILENT_FORM, [done, claimed, refused, done])).toMatchObject({
      result: { kind: 'finished', error: REFUSED },
    })
    const repeated = stepAfter(SILENT_FORM, [done, claimed, busy, done, opened, done])
    expect(repeated).toMatchObject({ result: { kind: 'finished', outcome: { status: 'opened' } } })
    expect(repeated).not.toHaveProperty('result.error')
  })

  test('that is finished has no error if there was none', () => {
    expect(stepAfter(SILENT_FORM, [done, claimed, opened, done])).not.toHaveProperty('result.error')
  })

  test.each<[string, readonly Answer[]]>([
    ['opened', [opened]],
    ['already open', [alreadyOpen, { kind: 'nothing_known' }]],
  ])('records the consumer of a conversation that is %s', (_, answers) => {
    expect(stepAfter(SILENT_RECORD, [done, claimed, ...answers])).toMatchObject({
      kind: 'complete',
      facts: { lpConsumerId: LP_CONSUMER_ID },
    })
  })

  test.each<Step['kind']>(['identify', 'wait', 'done'])('has no step %s that can fail', (step) => {
    expect(() => learn(begin(), failed(step))).toThrow(`The step ${step} can't fail`)
  })

  test('waits as long as LivePerson asked before it repeats a create', () => {
    const error = new LivePersonUnavailableError({
      detail: 'LivePerson answered 429.',
      mayHaveExecuted: false,
      retryAfterMs: 4000,
    })
    const answers: readonly Answer[] = [done, claimed, { kind: 'not_created', error, repeatable: true }]
    expect(trace(RECORD, NOTHING, answers).at(-1)).toBe('wait 4000 before create')
  })

  test.each<[Step['kind'], string]>([
    ['create', 'a create in doubt'],
    ['ask', 'an unsure answer'],
    ['send', 'an unknown answer'],
  ])('takes a failed %s for %s', (step) => {
    const state = begin()
    const seen: Readonly<Record<string, Seen>> = {
      create: { kind: 'create_in_doubt', error: OURS_FAILED },
      ask: { kind: 'asked', answer: 'unsure' },
      send: { kind: 'message', answer: 'unknown' },
    }
    expect(learn(state, failed(step))).toEqual(learn(state, seen[step] ?? identifying))
  })
})
