import { describe, expect, test } from 'vitest'
import {
  deathsOf,
  type Facts,
  forgottenAt,
  type Message,
  merge,
  NOTHING,
} from '../../../lib/conversation/facts.ts'
import { begin, learn, next, type Policy, type Seen, type Step } from '../../../lib/conversation/protocol.ts'
import { type AppError, LivePersonUnavailableError, toError } from '../../../lib/errors/errors.ts'
import { C1, factsWith, held, IN_DOUBT, message, OWED, queued, SENT } from '../../support/some-facts.ts'

const LP_CONSUMER_ID = 'lp-consumer-1'
const UNAVAILABLE = toError('liveperson_unavailable')
const REFUSED = toError('liveperson_rejected')
const RAREED = toError('service_unavailable')
const MISCONFIGURED = toError('invalid_config')
const ID_TAKEN = toError('request_id_reused')
const NOW = 1_800_000_000_000

describe('a doubt that a person has found to be nothing', () => {
  const unknown = factsWith({
    claim: { attempt: 1, releases: 1, state: 'done' },
    conversation: { kind: 'unknown' },
  })
  const forgotten = forgottenAt(unknown, NOW, 'not in LivePerson')

  test('does not come back with a hand-over', () => {
    const known = learn(begin(unknown), { kind: 'claimed', before: forgotten })
    expect(known.facts.conversation).toEqual({ kind: 'none' })
  })

  test('does not hide the doubt of a later attempt', () => {
    const known = learn(begin(), { kind: 'claimed', before: forgotten })
    const doubted = learn(known, {
      kind: 'create_in_doubt',
      error: UNAVAILABLE,
      isAccountInTrouble: false,
    })
    expect(doubted.facts.conversation).toEqual({ kind: 'in_doubt' })
    expect(merge(forgotten, doubted.facts).conversation).toEqual({ kind: 'in_doubt' })
    const dead = learn(begin(), { kind: 'claimed', before: { ...known.facts } })
    expect(dead.facts.conversation).toEqual({ kind: 'in_doubt' })
  })
})

describe('an attempt', () => {
  const FORM: Policy = {
    hasMessage: true,
    onLostAnswer: 'repeat',
    carrier: 'memory',
    admission: 'granted',
    isTooOld: false,
    maxDeaths: 5,
    isolateAfterDeaths: 2,
    isRedelivered: false,
    isWornOut: false,
    heldWaitsMs: [150, 350],
    repeatAfterMs: 1000,
    maxWaitMs: 2000,
  }
  const EVENT: Policy = { ...FORM, carrier: 'event', heldWaitsMs: [], repeatAfterMs: undefined }
  const HAND_OVER: Policy = { ...EVENT, carrier: 'hand_over' }
  const silent = (policy: Policy): Policy => ({ ...policy, hasMessage: false })
  const hold = (policy: Policy): Policy => ({ ...silent(policy), onLostAnswer: 'hold' })
  const old = (policy: Policy): Policy => ({ ...policy, isTooOld: true })
  const heldBack = (policy: Policy): Policy => ({ ...policy, admission: 'held_back' })
  const paused = (policy: Policy): Policy => ({ ...policy, admission: 'paused' })
  const redelivered = (policy: Policy): Policy => ({ ...policy, isRedelivered: true })
  const wornOut = (policy: Policy): Policy => ({ ...policy, isRedelivered: true, isWornOut: true })

  const claimed: Seen = { kind: 'claimed', before: NOTHING }
  const claimedAfter = (facts: Partial<Facts>): Seen => ({ kind: 'claimed', before: factsWith(facts) })
  const heldBy = (facts: Partial<Facts> = {}): Seen => ({
    kind: 'held',
    facts: factsWith({ claim: held(), ...facts }),
  })
  const final = (facts: Partial<Facts>): Seen => ({ kind: 'final', facts: factsWith(facts) })
  const opened: Seen = {
    kind: 'opened',
    conversationId: 'c-1',
    lpConsumerId: LP_CONSUMER_ID,
    at: NOW,
  }
  const alreadyOpen: Seen = { kind: 'already_open', lpConsumerId: LP_CONSUMER_ID, at: NOW }
  const trouble = (isAccountInTrouble = false, error: AppError = UNAVAILABLE) => ({
    error,
    isAccountInTrouble,
  })
  const lost: Seen = { kind: 'create_in_doubt', ...trouble() }
  const refused: Seen = { kind: 'refused', error: REFUSED }
  const busy: Seen = { kind: 'not_created', ...trouble(), repeatable: true }
  const down: Seen = { kind: 'not_created', ...trouble(true), repeatable: false }
  const failed = (step: Step['kind'], error: AppError = RAREED): Seen => ({
    kind: 'failed',
    step,
    error,
  })
  const sent = (answer: 'sent' | 'closed' | 'unknown'): Seen => ({ kind: 'message', answer })
  const owed = (isAccountInTrouble = false): Seen => ({
    kind: 'message',
    answer: 'owed',
    ...trouble(isAccountInTrouble),
  })
  const asked = (answer: 'open' | 'closed' | 'unsure'): Seen => ({ kind: 'asked', answer })
  const known = (isOwn: boolean): Seen =>
    isOwn
      ? { kind: 'own', conversationId: 'c-0' }
      : { kind: 'known', conversationId: 'c-0', openedBy: 'other' }
  const nothing = (isOverdue = false): Seen => ({ kind: 'nothing_known', at: NOW, isOverdue })
  const recorded = (facts: Partial<Facts>): Seen => ({ kind: 'recorded', facts: factsWith(facts) })

  /** Answers that everything went well, and that the ledger holds what was written. */
  const done = 'done'
  type Answer = Seen | typeof done

  const answerOf = (answer: Answer, step: Step): Seen => {
    if (answer !== done) return answer
    switch (step.kind) {
      case 'identify':
        return { kind: 'identifying' }
      case 'record':
        return { kind: 'recorded', facts: step.facts }
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

  const messageIn = ({ message: { sent, tried, refused, dropped } }: Facts): string => {
    if (sent) return 'sent'
    if (tried > refused) return 'in_doubt'
    return dropped ?? (tried > 0 ? 'owed' : 'unsent')
  }

  const describeStep = (step: Step): string => {
    switch (step.kind) {
      case 'wait':
        return `wait ${step.ms} before ${step.before}`
      case 'ask':
      case 'send':
      case 'forget':
        return `${step.kind} ${step.conversationId}`
      case 'record':
      case 'hand_over':
        return `${step.kind} ${step.facts.claim.state} ${step.facts.conversation.kind} ${messageIn(step.facts)}`
      case 'quarantine':
        return `quarantine ${step.code}`
      case 'done':
        return describeEnd(step)
      default:
        return step.kind
    }
  }

  const describeEnd = ({ result }: Extract<Step, { kind: 'done' }>): string => {
    const parts = (...members: readonly (string | undefined)[]): string =>
      members.filter((part) => part !== undefined).join(' ')
    switch (result.kind) {
      case 'finished': {
        const { status, conversationId, code, messageStatus, messageCode } = result.outcome
        const told = parts(status, conversationId, code, messageStatus, messageCode)
        return parts(told, result.repeated ? 'repeated' : undefined, result.kept)
      }
      case 'opening':
        return 'end: opening'
      case 'queued':
        return parts('end: queued', result.kept, result.error?.code)
      case 'failed':
        return parts('end: failed', result.code)
    }
  }

  /** Returns the steps of an attempt and its result. Each step but the last is followed by its answer. */
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

  type Row = readonly [name: string, policy: Policy, answers: readonly Answer[], steps: readonly string[]]

  const START = ['identify', 'claim'] as const
  const CREATE = [...START, 'create'] as const
  const ALREADY_OPEN = [...CREATE, 'look_up'] as const

  const USUAL: readonly Row[] = [
    [
      'opens a conversation',
      silent(FORM),
      [done, claimed, opened, done],
      [...CREATE, 'record done opened unsent', 'opened c-1'],
    ],
    [
      'opens a conversation and sends the message, once the ledger knows that it is about to',
      FORM,
      [done, claimed, opened, done, sent('sent'), done],
      [...CREATE, 'record held opened in_doubt', 'send c-1', 'record done opened sent', 'opened c-1 sent'],
    ],
    [
      'says that a message may have been sent, and leaves it at that',
      FORM,
      [done, claimed, opened, done, sent('unknown'), done],
      [
        ...CREATE,
        'record held opened in_doubt',
        'send c-1',
        'record done opened in_doubt',
        'opened c-1 unknown',
      ],
    ],
    [
      'repeats a create once that LivePerson certainly did not carry out',
      silent(FORM),
      [done, claimed, busy, done, busy, done, done],
      [
        ...CREATE,
        'wait 1000 before create',
        'create',
        'hand_over queued none unsent',
        'record queued none unsent',
        'end: queued in_hand_over liveperson_unavailable',
      ],
    ],
    [
      'leaves a repeat to the queue if there is no time',
      silent(FORM),
      [done, claimed, busy, { kind: 'no_time', before: 'create' }, done, done],
      [
        ...CREATE,
        'wait 1000 before create',
        'hand_over queued none unsent',
        'record queued none unsent',
        'end: queued in_hand_over liveperson_unavailable',
      ],
    ],
    [
      'leaves the repeat of a record to its queue',
      silent(EVENT),
      [done, claimed, busy, done],
      [...CREATE, 'record queued none unsent', 'end: queued in_record liveperson_unavailable'],
    ],
    [
      'answers a finished request from the ledger',
      FORM,
      [done, final({ conversation: C1, message: SENT })],
      [...START, 'opened c-1 sent repeated'],
    ],
    [
      'rejects a refused form',
      FORM,
      [done, claimed, refused, done],
      [...CREATE, 'record done refused unsent', 'rejected liveperson_rejected'],
    ],
    [
      'rejects a refused record, and quarantines it',
      silent(EVENT),
      [done, claimed, refused, done, done],
      [
        ...CREATE,
        'record done refused unsent',
        'quarantine liveperson_rejected',
        'rejected liveperson_rejected',
      ],
    ],
    [
      'keeps a rejected record until it is in quarantine',
      silent(EVENT),
      [done, claimed, refused, done, failed('quarantine')],
      [
        ...CREATE,
        'record done refused unsent',
        'quarantine liveperson_rejected',
        'end: queued in_record liveperson_rejected',
      ],
    ],
  ]

  const DOUBT: readonly Row[] = [
    [
      'hands a create in doubt over',
      silent(FORM),
      [done, claimed, lost, done, done],
      [
        ...CREATE,
        'hand_over queued in_doubt unsent',
        'record queued in_doubt unsent',
        'end: queued in_hand_over liveperson_unavailable',
      ],
    ],
    [
      'does not reject what LivePerson refuses after a lost answer: a record',
      silent(EVENT),
      [done, claimedAfter({ claim: queued(), conversation: { kind: 'in_doubt' } }), refused, done, done],
      [
        ...CREATE,
        'record done unknown unsent',
        'quarantine outcome_unknown',
        'outcome_unknown outcome_unknown',
      ],
    ],
    [
      'does not reject what LivePerson refuses after a lost answer: a form',
      silent(FORM),
      [done, claimedAfter({ claim: queued(), conversation: { kind: 'in_doubt' } }), refused, done, done],
      [
        ...CREATE,
        'quarantine outcome_unknown',
        'record done unknown unsent',
        'outcome_unknown outcome_unknown',
      ],
    ],
    [
      'does not reject what LivePerson refuses after an attempt that died',
      silent(EVENT),
      [done, claimedAfter({ claim: held() }), refused, done, done],
      [
        ...CREATE,
        'record done unknown unsent',
        'quarantine outcome_unknown',
        'outcome_unknown outcome_unknown',
      ],
    ],
    [
      'does not tell a form that it is rejected if neither quarantine nor queue took it',
      silent(FORM),
      [
        done,
        claimedAfter({ claim: queued(), conversation: { kind: 'in_doubt' } }),
        refused,
        failed('quarantine'),
        failed('hand_over'),
        done,
      ],
      [
        ...CREATE,
        'quarantine outcome_unknown',
        'hand_over queued in_doubt unsent',
        'record failed unknown unsent',
        'end: failed outcome_unknown',
      ],
    ],
    [
      'quarantines a held form before the ledger says so',
      hold(FORM),
      [done, claimed, lost, done, done],
      [
        ...CREATE,
        'quarantine outcome_unknown',
        'record done unknown unsent',
        'outcome_unknown outcome_unknown',
      ],
    ],
    [
      'quarantines a held record after the ledger says so',
      hold(EVENT),
      [done, claimed, lost, done, done],
      [
        ...CREATE,
        'record done unknown unsent',
        'quarantine outcome_unknown',
        'outcome_unknown outcome_unknown',
      ],
    ],
    [
      'does not repeat what an attempt that died may have created, if the account holds',
      hold(EVENT),
      [done, claimedAfter({ claim: held() }), done, done],
      [
        ...START,
        'record done unknown unsent',
        'quarantine outcome_unknown',
        'outcome_unknown outcome_unknown',
      ],
    ],
    [
      'repeats what was certainly not carried out, even if the account holds',
      hold(EVENT),
      [done, claimedAfter({ claim: queued() }), opened, done],
      [...CREATE, 'record done opened unsent', 'opened c-1'],
    ],
    [
      'quarantines a form of unknown outcome only once',
      silent(FORM),
      [done, final({ claim: { ...queued(), state: 'done' }, conversation: { kind: 'unknown' } })],
      [...START, 'outcome_unknown outcome_unknown repeated'],
    ],
    [
      'quarantines a form of unknown outcome if its attempt was not done with it',
      silent(FORM),
      [done, final({ claim: { ...queued(), state: 'failed' }, conversation: { kind: 'unknown' } }), done],
      [...START, 'quarantine outcome_unknown', 'outcome_unknown outcome_unknown repeated'],
    ],
    [
      'quarantines the record of a request whose outcome was unknown before',
      silent(EVENT),
      [done, final({ claim: { ...queued(), state: 'done' }, conversation: { kind: 'unknown' } }), done],
      [...START, 'quarantine outcome_unknown', 'outcome_unknown outcome_unknown repeated'],
    ],
    [
      'takes the open conversation for its own after 15 minutes, if a create is in doubt and the last one closed',
      silent(EVENT),
      [
        done,
        { kind: 'claimed', before: factsWith({ claim: queued(), conversation: { kind: 'in_doubt' } }) },
        alreadyOpen,
        { kind: 'known_closed', at: NOW, isOverdue: true },
        done,
        done,
      ],
      [
        'identify',
        'claim',
        'create',
        'look_up',
        'record held opened unsent',
        'record done opened unsent',
        'opened',
      ],
    ],
    [
      'takes an unknown open conversation for its own if a create is in doubt',
      silent(EVENT),
      [
        done,
        claimedAfter({ claim: queued(), conversation: { kind: 'in_doubt' } }),
        alreadyOpen,
        nothing(),
        done,
        done,
      ],
      [...ALREADY_OPEN, 'record held opened unsent', 'record done opened unsent', 'opened'],
    ],
    [
      'hands a refusal over as nothing if the ledger did not take it',
      silent(FORM),
      [done, claimed, refused, failed('record'), done],
      [
        ...CREATE,
        'record done refused unsent',
        'hand_over queued none unsent',
        'end: queued in_hand_over liveperson_rejected',
      ],
    ],
    [
      'hands an unknown outcome over as a doubt if the ledger did not take it',
      silent(FORM),
      [
        done,
        claimedAfter({ claim: queued(), conversation: { kind: 'in_doubt' } }),
        refused,
        done,
        failed('record'),
        done,
      ],
      [
        ...CREATE,
        'quarantine outcome_unknown',
        'record done unknown unsent',
        'hand_over queued in_doubt unsent',
        'end: queued in_hand_over liveperson_rejected',
      ],
    ],
  ]

  const MESSAGES: readonly Row[] = [
    [
      'tells a form that the conversation is open, and has a queue keep the owed message',
      FORM,
      [done, claimed, opened, done, owed(), done, done],
      [
        ...CREATE,
        'record held opened in_doubt',
        'send c-1',
        'hand_over queued opened owed',
        'record queued opened owed',
        'opened c-1 pending in_hand_over',
      ],
    ],
    [
      'keeps the record of an owed message',
      EVENT,
      [done, claimed, opened, done, owed(), done],
      [
        ...CREATE,
        'record held opened in_doubt',
        'send c-1',
        'record queued opened owed',
        'opened c-1 pending in_record',
      ],
    ],
    [
      'moves an owed message to the hand-over queue if SEND is in trouble',
      EVENT,
      [done, claimed, opened, done, owed(true), done, done],
      [
        ...CREATE,
        'record held opened in_doubt',
        'send c-1',
        'hand_over queued opened owed',
        'record queued opened owed',
        'opened c-1 pending in_hand_over',
      ],
    ],
    [
      'sends an owed message without another create',
      EVENT,
      [done, claimedAfter({ claim: queued(), conversation: C1, message: OWED }), done, sent('sent'), done],
      [...START, 'record held opened in_doubt', 'send c-1', 'record done opened sent', 'opened c-1 sent'],
    ],
    [
      'never sends a message that an attempt that died may have sent',
      EVENT,
      [done, claimedAfter({ claim: held(), conversation: C1, message: IN_DOUBT }), done],
      [...START, 'record done opened in_doubt', 'opened c-1 unknown'],
    ],
    [
      'opens nothing new if its own conversation was closed before its message went out',
      EVENT,
      [done, claimedAfter({ claim: queued(), conversation: C1, message: OWED }), done, sent('closed'), done],
      [
        ...START,
        'record held opened in_doubt',
        'send c-1',
        'record done opened conversation_closed',
        'opened c-1 not_sent conversation_closed',
      ],
    ],
    [
      'does not send a message unless the ledger knows that it is about to',
      EVENT,
      [done, claimed, opened, failed('record'), done],
      [
        ...CREATE,
        'record held opened in_doubt',
        'hand_over queued opened unsent',
        'opened c-1 pending in_hand_over',
      ],
    ],
    [
      'does not send a message that another attempt was about to send',
      EVENT,
      [done, claimed, opened, recorded({ claim: held(2, 0), conversation: C1, message: IN_DOUBT })],
      [...CREATE, 'record held opened in_doubt', 'end: opening'],
    ],
    [
      'marks a message again if the mark turns out to be that of a former attempt, which was refused',
      EVENT,
      [
        done,
        claimed,
        opened,
        recorded({ claim: held(), conversation: C1, message: OWED }),
        done,
        sent('sent'),
        done,
      ],
      [
        ...CREATE,
        'record held opened in_doubt',
        'record held opened in_doubt',
        'send c-1',
        'record done opened sent',
        'opened c-1 sent',
      ],
    ],
    [
      'does not call LivePerson for an owed message while the account is paused',
      paused(EVENT),
      [claimedAfter({ claim: queued(), conversation: C1, message: OWED }), done, done],
      [
        'claim',
        'hand_over queued opened owed',
        'record queued opened owed',
        'opened c-1 pending in_hand_over',
      ],
    ],
    [
      'is failed for a form whose owed message no queue takes, so that its sender repeats it',
      FORM,
      [done, claimed, opened, done, owed(), failed('hand_over'), done],
      [
        ...CREATE,
        'record held opened in_doubt',
        'send c-1',
        'hand_over queued opened owed',
        'record failed opened owed',
        'end: failed liveperson_unavailable',
      ],
    ],
  ]

  const FOUND: readonly Row[] = [
    [
      "finds another's conversation and sends the message into it",
      EVENT,
      [done, claimed, alreadyOpen, known(false), done, sent('sent'), done],
      [
        ...ALREADY_OPEN,
        'record held none in_doubt',
        'send c-0',
        'record done existing sent',
        'existing c-0 sent',
      ],
    ],
    [
      "keeps the request for a message that another's conversation did not take",
      EVENT,
      [done, claimed, alreadyOpen, known(false), done, owed(), done],
      [
        ...ALREADY_OPEN,
        'record held none in_doubt',
        'send c-0',
        'record queued none owed',
        'end: queued in_record liveperson_unavailable',
      ],
    ],
    [
      "opens a new one if another's conversation is closed",
      EVENT,
      [
        done,
        claimed,
        alreadyOpen,
        known(false),
        done,
        sent('closed'),
        done,
        opened,
        done,
        sent('sent'),
        done,
      ],
      [
        ...ALREADY_OPEN,
        'record held none in_doubt',
        'send c-0',
        'forget c-0',
        'create',
        'record held opened in_doubt',
        'send c-1',
        'record done opened sent',
        'opened c-1 sent',
      ],
    ],
    [
      'keeps the message if an earlier conversation is closed, and the id of its own is unknown',
      EVENT,
      [
        done,
        claimedAfter({ conversation: { kind: 'opened' }, lpConsumerId: LP_CONSUMER_ID, claim: queued() }),
        known(false),
        done,
        sent('closed'),
        done,
        { kind: 'known_closed', at: NOW, isOverdue: false },
        done,
      ],
      [
        ...START,
        'look_up',
        'record held opened in_doubt',
        'send c-0',
        'forget c-0',
        'look_up',
        'record queued opened owed',
        'opened pending in_record',
      ],
    ],
    [
      'opens a new one if the conversation is closed and there is nothing to send',
      silent(EVENT),
      [done, claimed, alreadyOpen, known(false), asked('closed'), done, opened, done],
      [...ALREADY_OPEN, 'ask c-0', 'forget c-0', 'create', 'record done opened unsent', 'opened c-1'],
    ],
    [
      'waits while LivePerson calls a closed conversation open, as during a survey',
      EVENT,
      [
        done,
        claimed,
        alreadyOpen,
        known(false),
        done,
        sent('closed'),
        done,
        alreadyOpen,
        { kind: 'known_closed', at: NOW, isOverdue: false },
        done,
      ],
      [
        ...ALREADY_OPEN,
        'record held none in_doubt',
        'send c-0',
        'forget c-0',
        'create',
        'look_up',
        'record queued none owed',
        'end: queued in_record',
      ],
    ],
    [
      'opens a new one at most twice',
      silent(EVENT),
      [
        done,
        claimed,
        ...Array.from(
          { length: 3 },
          () => [alreadyOpen, known(false), asked('closed'), done] as const,
        ).flat(),
        done,
      ],
      [
        ...START,
        ...Array.from({ length: 3 }, () => ['create', 'look_up', 'ask c-0', 'forget c-0']).flat(),
        'record queued none unsent',
        'end: queued in_record',
      ],
    ],
    [
      'asks whether a conversation is open if there is nothing to send',
      silent(EVENT),
      [done, claimed, alreadyOpen, known(false), asked('open'), done],
      [...ALREADY_OPEN, 'ask c-0', 'record done existing unsent', 'existing c-0'],
    ],
    [
      'names no conversation if LivePerson does not say whether it is open',
      silent(EVENT),
      [done, claimed, alreadyOpen, known(false), asked('unsure'), done, done],
      [...ALREADY_OPEN, 'ask c-0', 'record held existing unsent', 'record done existing unsent', 'existing'],
    ],
    [
      'asks instead of sending a message that may have been sent before',
      EVENT,
      [
        done,
        claimedAfter({ claim: held(), message: IN_DOUBT }),
        alreadyOpen,
        known(false),
        asked('open'),
        done,
      ],
      [...ALREADY_OPEN, 'ask c-0', 'record done existing in_doubt', 'existing c-0 unknown'],
    ],
    [
      'finds the conversation that an earlier attempt opened',
      EVENT,
      [done, claimedAfter({ claim: held() }), alreadyOpen, known(true), done, sent('sent'), done],
      [
        ...ALREADY_OPEN,
        'record held opened in_doubt',
        'send c-0',
        'record done opened sent',
        'opened c-0 sent',
      ],
    ],
    [
      'waits for the id of the open conversation if a message is owed',
      EVENT,
      [done, claimed, alreadyOpen, nothing(), done],
      [...ALREADY_OPEN, 'record queued none unsent', 'end: queued in_record'],
    ],
    [
      'does not wait for the id if there is nothing to send',
      silent(EVENT),
      [done, claimed, alreadyOpen, nothing(), done, done],
      [...ALREADY_OPEN, 'record held existing unsent', 'record done existing unsent', 'existing'],
    ],
    [
      'ends without its message if the id is missing for too long',
      EVENT,
      [done, claimed, alreadyOpen, nothing(true), done, done, done],
      [
        ...ALREADY_OPEN,
        'record held existing unsent',
        'record held existing conversation_unknown',
        'record done existing conversation_unknown',
        'existing not_sent conversation_unknown',
      ],
    ],
    [
      'ends without its message if the id of its own conversation is missing for too long',
      EVENT,
      [
        done,
        claimedAfter({ claim: queued(), conversation: { kind: 'opened' }, lpConsumerId: 'lp-1' }),
        nothing(true),
        done,
        done,
      ],
      [
        ...START,
        'look_up',
        'record held opened conversation_unknown',
        'record done opened conversation_unknown',
        'opened not_sent conversation_unknown',
      ],
    ],
    [
      'sends the message once the id is known',
      EVENT,
      [
        done,
        claimedAfter({ claim: queued(), conversation: { kind: 'opened' }, lpConsumerId: 'lp-1' }),
        known(false),
        done,
        sent('sent'),
        done,
      ],
      [
        ...START,
        'look_up',
        'record held opened in_doubt',
        'send c-0',
        'record done opened sent',
        'opened sent',
      ],
    ],
    [
      'ends if another attempt was about to send the message to a conversation whose id nobody knows',
      EVENT,
      [
        done,
        claimed,
        alreadyOpen,
        nothing(true),
        recorded({ claim: held(), conversation: { kind: 'existing' }, message: IN_DOUBT }),
        done,
      ],
      [...ALREADY_OPEN, 'record held existing unsent', 'record done existing in_doubt', 'existing unknown'],
    ],
    [
      'is retried if the last known conversation could not be looked up',
      silent(EVENT),
      [done, claimed, alreadyOpen, failed('look_up'), done],
      [...ALREADY_OPEN, 'record queued none unsent', 'end: queued in_record service_unavailable'],
    ],
    [
      'is retried if a closed conversation could not be forgotten',
      silent(EVENT),
      [done, claimed, alreadyOpen, known(false), asked('closed'), failed('forget'), done],
      [
        ...ALREADY_OPEN,
        'ask c-0',
        'forget c-0',
        'record queued none unsent',
        'end: queued in_record service_unavailable',
      ],
    ],
    [
      'names the conversation that may have taken the message',
      EVENT,
      [done, claimed, alreadyOpen, known(false), done, sent('unknown'), done],
      [
        ...ALREADY_OPEN,
        'record held none in_doubt',
        'send c-0',
        'record done existing in_doubt',
        'existing c-0 unknown',
      ],
    ],
  ]

  const OTHERS: readonly Row[] = [
    [
      'waits for a held claim, then has a queue keep the copy',
      silent(FORM),
      [done, heldBy(), done, heldBy(), done, heldBy(), done, done],
      [
        ...START,
        'wait 150 before claim',
        'claim',
        'wait 350 before claim',
        'claim',
        'hand_over none none unsent',
        'record none none unsent',
        'end: opening',
      ],
    ],
    [
      'does not record the copy twice',
      { ...silent(FORM), heldWaitsMs: [] },
      [done, heldBy({ handedOver: true }), done],
      [...START, 'hand_over none none unsent', 'end: opening'],
    ],
    [
      'does not wait for a held claim without time',
      silent(FORM),
      [done, heldBy(), { kind: 'no_time', before: 'claim' }, done, done],
      [
        ...START,
        'wait 150 before claim',
        'hand_over none none unsent',
        'record none none unsent',
        'end: opening',
      ],
    ],
    [
      'fails if no queue keeps the copy of a held form',
      { ...silent(FORM), heldWaitsMs: [] },
      [done, heldBy(), failed('hand_over')],
      [...START, 'hand_over none none unsent', 'end: failed service_unavailable'],
    ],
    [
      'leaves a held claim to the next delivery of its record',
      silent(EVENT),
      [done, heldBy()],
      [...START, 'end: opening'],
    ],
    [
      'tells what the ledger holds if a later attempt has finished the request',
      FORM,
      [
        done,
        claimed,
        lost,
        done,
        recorded({ claim: { ...held(2, 1), state: 'done' }, conversation: C1, message: SENT }),
      ],
      [...CREATE, 'hand_over queued in_doubt unsent', 'record queued in_doubt unsent', 'opened c-1 sent'],
    ],
    [
      'hands over what it knows if a later attempt has claimed the request',
      silent(FORM),
      [done, claimed, refused, recorded({ claim: held(2, 0) }), done, done],
      [
        ...CREATE,
        'record done refused unsent',
        'hand_over held none unsent',
        'record none none unsent',
        'end: opening',
      ],
    ],
    [
      'quarantines a form whose refusal meets the doubt of a later attempt',
      silent(FORM),
      [done, claimed, refused, recorded({ claim: held(2, 0), conversation: { kind: 'unknown' } }), done],
      [
        ...CREATE,
        'record done refused unsent',
        'quarantine outcome_unknown',
        'outcome_unknown outcome_unknown',
      ],
    ],
    [
      'quarantines a record whose id has other content',
      silent(EVENT),
      [done, failed('claim', ID_TAKEN), done],
      [...START, 'quarantine request_id_reused', 'end: failed request_id_reused'],
    ],
    [
      'keeps a record whose id has other content until it is in quarantine',
      silent(EVENT),
      [done, failed('claim', ID_TAKEN), failed('quarantine')],
      [...START, 'quarantine request_id_reused', 'end: queued in_record request_id_reused'],
    ],
    [
      'refuses a form whose id has other content',
      silent(FORM),
      [done, failed('claim', ID_TAKEN)],
      [...START, 'end: failed request_id_reused'],
    ],
    [
      'hands over what it could not claim',
      silent(FORM),
      [done, failed('claim'), done],
      [...START, 'hand_over none none unsent', 'end: queued in_hand_over service_unavailable'],
    ],
    [
      'leaves a record that it could not claim to its queue',
      silent(EVENT),
      [done, failed('claim')],
      [...START, 'end: queued in_record service_unavailable'],
    ],
    [
      'hands over a form although only an operator can fix the cause',
      silent(FORM),
      [
        done,
        claimed,
        { kind: 'not_created', ...trouble(false, MISCONFIGURED), repeatable: false },
        done,
        done,
      ],
      [
        ...CREATE,
        'hand_over queued none unsent',
        'record queued none unsent',
        'end: queued in_hand_over invalid_config',
      ],
    ],
    [
      'tells the sender to retry if no queue takes the request',
      silent(FORM),
      [done, claimed, lost, failed('hand_over'), done],
      [
        ...CREATE,
        'hand_over queued in_doubt unsent',
        'record failed in_doubt unsent',
        'end: failed liveperson_unavailable',
      ],
    ],
    [
      'is finished if a queue takes the outcome that the ledger did not',
      silent(EVENT),
      [done, claimed, opened, failed('record'), done],
      [...CREATE, 'record done opened unsent', 'hand_over done opened unsent', 'opened c-1'],
    ],
    [
      'keeps the record if neither ledger nor queue takes its outcome',
      silent(EVENT),
      [done, claimed, opened, failed('record'), failed('hand_over')],
      [...CREATE, 'record done opened unsent', 'hand_over done opened unsent', 'opened c-1 in_record'],
    ],
  ]

  const NOT_NOW: readonly Row[] = [
    [
      'answers a form at once if no call is free, without LivePerson',
      heldBack(silent(FORM)),
      [claimed, done, done],
      ['claim', 'hand_over queued none unsent', 'record queued none unsent', 'end: queued in_hand_over'],
    ],
    [
      'answers a form at once if its account is paused, without LivePerson',
      paused(silent(FORM)),
      [claimed, done, done],
      ['claim', 'hand_over queued none unsent', 'record queued none unsent', 'end: queued in_hand_over'],
    ],
    [
      'answers a finished request although its account is paused',
      paused(FORM),
      [final({ conversation: C1, message: SENT })],
      ['claim', 'opened c-1 sent repeated'],
    ],
    [
      'parks an event in the hand-over queue',
      heldBack(silent(EVENT)),
      [claimed, done, done],
      ['claim', 'hand_over queued none unsent', 'record queued none unsent', 'end: queued in_hand_over'],
    ],
    [
      'keeps an event that could not be parked',
      paused(silent(EVENT)),
      [claimed, failed('hand_over'), done],
      [
        'claim',
        'hand_over queued none unsent',
        'record queued none unsent',
        'end: queued in_record service_unavailable',
      ],
    ],
    [
      'parks a hand-over again without the ledger',
      heldBack(silent(HAND_OVER)),
      [done],
      ['hand_over none none unsent', 'end: queued in_hand_over'],
    ],
    [
      'keeps a hand-over that could not be parked',
      paused(silent(HAND_OVER)),
      [failed('hand_over')],
      ['hand_over none none unsent', 'end: queued in_record service_unavailable'],
    ],
    [
      'parks a record if the whole account is in trouble',
      silent(EVENT),
      [done, claimed, down, done, done],
      [
        ...CREATE,
        'hand_over queued none unsent',
        'record queued none unsent',
        'end: queued in_hand_over liveperson_unavailable',
      ],
    ],
    [
      'leaves a record in its queue if the failure is its own',
      silent(HAND_OVER),
      [done, claimed, lost, done],
      [...CREATE, 'record queued in_doubt unsent', 'end: queued in_record liveperson_unavailable'],
    ],
  ]

  const GIVEN_UP: readonly Row[] = [
    [
      'gives an old record up after another failure, with the last code',
      old(silent(EVENT)),
      [done, claimed, down, done, done],
      [
        ...CREATE,
        'record given_up none unsent',
        'quarantine liveperson_unavailable',
        'end: failed liveperson_unavailable',
      ],
    ],
    [
      'opens an old record if LivePerson is back',
      old(silent(EVENT)),
      [done, claimed, opened, done],
      [...CREATE, 'record done opened unsent', 'opened c-1'],
    ],
    [
      'does not give up an old record whose account is paused',
      paused(old(silent(EVENT))),
      [claimed, done, done],
      ['claim', 'hand_over queued none unsent', 'record queued none unsent', 'end: queued in_hand_over'],
    ],
    [
      'does not give up an old record untried',
      heldBack(old(silent(HAND_OVER))),
      [done],
      ['hand_over none none unsent', 'end: queued in_hand_over'],
    ],
    [
      'never gives up a form: its sender waits for the answer',
      old(silent(FORM)),
      [done, claimed, lost, done, done],
      [
        ...CREATE,
        'hand_over queued in_doubt unsent',
        'record queued in_doubt unsent',
        'end: queued in_hand_over liveperson_unavailable',
      ],
    ],
    [
      'calls an old record that may have reached LivePerson unknown',
      old(silent(EVENT)),
      [done, claimed, lost, done, done, done],
      [
        ...CREATE,
        'record held unknown unsent',
        'record done unknown unsent',
        'quarantine outcome_unknown',
        'outcome_unknown outcome_unknown',
      ],
    ],
    [
      'gives up an old message, and not its conversation',
      old(EVENT),
      [done, claimedAfter({ claim: queued(), conversation: C1, message: OWED }), done, owed(), done, done],
      [
        ...START,
        'record held opened in_doubt',
        'send c-1',
        'record held opened given_up',
        'record done opened given_up',
        'opened c-1 not_sent given_up',
      ],
    ],
    [
      'keeps an old record whose end the ledger did not take',
      old(silent(EVENT)),
      [done, claimed, lost, failed('record'), done],
      [
        ...CREATE,
        'record held unknown unsent',
        'hand_over queued in_doubt unsent',
        'end: queued in_hand_over liveperson_unavailable',
      ],
    ],
    [
      'keeps an old record until it is in quarantine',
      old(silent(EVENT)),
      [done, claimed, down, done, failed('quarantine')],
      [
        ...CREATE,
        'record given_up none unsent',
        'quarantine liveperson_unavailable',
        'end: queued in_record liveperson_unavailable',
      ],
    ],
    [
      'is not made after five that died',
      silent(EVENT),
      [done, claimedAfter({ claim: held(5, 0) }), done, done],
      [...START, 'record given_up in_doubt unsent', 'quarantine interrupted', 'end: failed interrupted'],
    ],
    [
      'is made after four that died',
      silent(EVENT),
      [done, claimedAfter({ claim: held(4, 0) }), opened, done],
      [...CREATE, 'record done opened unsent', 'opened c-1'],
    ],
    [
      'is made after any number that released their claim',
      silent(EVENT),
      [done, claimedAfter({ claim: queued(500) }), opened, done],
      [...CREATE, 'record done opened unsent', 'opened c-1'],
    ],
    [
      'is made for a form, however many died',
      silent(FORM),
      [done, claimedAfter({ claim: held(5, 0) }), opened, done],
      [...CREATE, 'record done opened unsent', 'opened c-1'],
    ],
    [
      'of a record whose attempts died gives up its message, and not its conversation',
      EVENT,
      [done, claimedAfter({ claim: held(5, 0), conversation: C1, message: OWED }), done, done],
      [
        ...START,
        'record held opened given_up',
        'record done opened given_up',
        'opened c-1 not_sent given_up',
      ],
    ],
    [
      'isolates a record that is too old, and whose attempts died, before it is tried',
      old(redelivered(silent(EVENT))),
      [done, claimedAfter({ claim: held(2, 0) }), done, done],
      [
        ...START,
        'hand_over queued in_doubt unsent',
        'record queued in_doubt unsent',
        'end: queued in_hand_over',
      ],
    ],
    [
      'sends a record anew that was delivered too often',
      wornOut(silent(EVENT)),
      [done, claimed, busy, done, done],
      [
        ...CREATE,
        'hand_over queued none unsent',
        'record queued none unsent',
        'end: queued in_hand_over liveperson_unavailable',
      ],
    ],
    [
      'sends a record anew that was delivered too often, even if it never gets a claim',
      wornOut(silent(EVENT)),
      [done, failed('claim'), done],
      [...START, 'hand_over none none unsent', 'end: queued in_hand_over service_unavailable'],
    ],
    [
      'opens a conversation for a record that was delivered too often, if it can',
      wornOut(silent(EVENT)),
      [done, claimed, opened, done],
      [...CREATE, 'record done opened unsent', 'opened c-1'],
    ],
    [
      'does not give up what killed its container while the account is paused',
      paused(silent(EVENT)),
      [claimedAfter({ claim: held(5, 0) }), done, done],
      [
        'claim',
        'hand_over queued in_doubt unsent',
        'record queued in_doubt unsent',
        'end: queued in_hand_over',
      ],
    ],
  ]

  const RARE: readonly Row[] = [
    [
      'has lost its claim after its try, and the ledger does not take the hand-over',
      FORM,
      [
        ...[done, claimed, opened],
        recorded({ claim: held(2, 0), conversation: C1, message: IN_DOUBT }),
        ...[done, failed('record')],
      ] as const,
      [
        ...CREATE,
        'record held opened in_doubt',
        'hand_over held opened in_doubt',
        'record none none unsent',
        'end: opening',
      ],
    ],
    [
      'has found another attempt at work, and the ledger does not take the hand-over',
      FORM,
      [done, heldBy(), { kind: 'no_time', before: 'claim' }, done, failed('record')],
      [
        ...START,
        'wait 150 before claim',
        'hand_over none none unsent',
        'record none none unsent',
        'end: opening',
      ],
    ],
    [
      'has found another attempt at work, which has told a person by now',
      FORM,
      [
        ...[done, heldBy(), { kind: 'no_time', before: 'claim' }, done],
        recorded({ claim: { ...held(), state: 'done' }, conversation: { kind: 'unknown' } }),
      ] as const,
      [
        ...START,
        'wait 150 before claim',
        'hand_over none none unsent',
        'record none none unsent',
        'outcome_unknown outcome_unknown',
      ],
    ],
    [
      'of a paused account has died',
      paused(hold(FORM)),
      [claimedAfter({ claim: held() })],
      ['claim', 'hand_over queued in_doubt unsent'],
    ],
    [
      'could not quarantine an unknown outcome of an account in trouble',
      hold(HAND_OVER),
      [done, claimed, { kind: 'create_in_doubt', ...trouble(true) }, done, failed('quarantine')],
      [
        ...CREATE,
        'record done unknown unsent',
        'quarantine outcome_unknown',
        'end: queued in_record liveperson_unavailable',
      ],
    ],
    [
      'does not know whether it has the claim',
      silent(HAND_OVER),
      [done, { kind: 'failed', step: 'claim', error: RAREED, isInDoubt: true }],
      [...START, 'hand_over none none unsent'],
    ],
    [
      'was interrupted too often, and the ledger does not take that',
      EVENT,
      [done, claimedAfter({ claim: held(5, 0) }), failed('record')],
      [...START, 'record given_up in_doubt unsent', 'hand_over queued in_doubt unsent'],
    ],
    [
      'is too old, and could not look up which conversation is open',
      old(silent(EVENT)),
      [done, claimed, alreadyOpen, failed('look_up')],
      [...ALREADY_OPEN, 'record held existing unsent'],
    ],
    [
      'sent its message to the open conversation, which its create in doubt may have opened',
      EVENT,
      [
        done,
        claimedAfter({ claim: queued(), conversation: { kind: 'in_doubt' } }),
        ...[alreadyOpen, known(false), done, sent('unknown'), done],
      ] as const,
      [
        ...ALREADY_OPEN,
        'record held in_doubt in_doubt',
        'send c-0',
        'record done opened in_doubt',
        'opened unknown',
      ],
    ],
  ]

  test.each([...USUAL, ...DOUBT, ...MESSAGES, ...FOUND, ...OTHERS, ...NOT_NOW, ...GIVEN_UP, ...RARE])(
    '%s',
    (_, policy, answers, steps) => {
      expect(trace(policy, NOTHING, answers)).toEqual(steps)
    },
  )

  test.each<[string, Policy, Partial<Facts>, readonly Answer[], readonly string[]]>([
    [
      'records the outcome that a hand-over carries',
      HAND_OVER,
      { claim: queued(), conversation: C1, message: SENT, lpConsumerId: LP_CONSUMER_ID },
      [claimedAfter({ claim: held() }), done],
      ['claim', 'record done opened sent', 'opened c-1 sent'],
    ],
    [
      'records the conversation that a hand-over carries, even if the ledger has it',
      HAND_OVER,
      { claim: { ...queued(), state: 'done' }, conversation: C1, message: SENT, openedAt: NOW },
      [
        final({ claim: { ...queued(), state: 'done' }, conversation: C1, message: SENT, openedAt: NOW }),
        done,
      ],
      ['claim', 'record done opened sent', 'opened c-1 sent'],
    ],
    [
      'adds an id that the ledger lacks',
      HAND_OVER,
      { conversation: C1, message: SENT, lpConsumerId: LP_CONSUMER_ID },
      [final({ conversation: { kind: 'opened' }, message: IN_DOUBT }), done],
      ['claim', 'record none opened sent', 'opened c-1 sent'],
    ],
    [
      'tells the ledger that a message is owed after all, and waits for its turn to send it',
      HAND_OVER,
      { conversation: C1, message: OWED },
      [final({ conversation: C1, message: IN_DOUBT }), done],
      ['claim', 'record none opened owed', 'end: opening'],
    ],
    [
      'keeps a hand-over that knows of an owed message if the ledger did not take it',
      HAND_OVER,
      { conversation: C1, message: OWED },
      [final({ conversation: C1, message: IN_DOUBT }), failed('record')],
      ['claim', 'record none opened owed', 'opened c-1 pending in_record'],
    ],
    [
      'does not doubt an attempt that handed over',
      silent(HAND_OVER),
      { claim: { ...queued(), code: 'liveperson_unavailable' } },
      [done, claimedAfter({ claim: held() }), refused, done, done],
      [
        'identify',
        'claim',
        'create',
        'record done refused unsent',
        'quarantine liveperson_rejected',
        'rejected liveperson_rejected',
      ],
    ],
    [
      'keeps a hand-over whose outcome the ledger does not take',
      silent(HAND_OVER),
      { conversation: { kind: 'existing' }, lpConsumerId: LP_CONSUMER_ID },
      [claimed, failed('record'), done],
      ['claim', 'record done existing unsent', 'hand_over done existing unsent', 'existing'],
    ],
    [
      'keeps what the ledger says about a finished request',
      silent(HAND_OVER),
      { conversation: { kind: 'existing' }, lpConsumerId: LP_CONSUMER_ID },
      [final({ conversation: C1 }), done],
      ['claim', 'record none opened unsent', 'opened c-1'],
    ],
    [
      'hands over again what became of the message',
      HAND_OVER,
      { conversation: C1, lpConsumerId: LP_CONSUMER_ID },
      [claimedAfter({ claim: queued(), message: SENT }), failed('record'), done],
      ['claim', 'record done opened sent', 'hand_over done opened sent', 'opened c-1 sent'],
    ],
    [
      'quarantines a hand-over whose id has other content with that reason',
      silent(HAND_OVER),
      { claim: { ...queued(), code: 'liveperson_unavailable' } },
      [done, failed('claim', ID_TAKEN), done],
      ['identify', 'claim', 'quarantine request_id_reused', 'end: failed request_id_reused'],
    ],
    [
      'sends an owed message although no create is free',
      heldBack(HAND_OVER),
      { conversation: C1, message: OWED },
      [claimedAfter({ claim: queued() }), done, sent('sent'), done],
      ['claim', 'record held opened in_doubt', 'send c-1', 'record done opened sent', 'opened c-1 sent'],
    ],
    [
      'does not send a message that it knows is sent, although a former attempt was about to send it',
      HAND_OVER,
      { conversation: C1, message: SENT },
      [claimedAfter({}), recorded({ claim: held(), conversation: C1, message: { ...SENT, tried: 2 } }), done],
      ['claim', 'record done opened sent', 'record done opened sent', 'opened c-1 sent'],
    ],
    [
      'stays there if it knows the conversation, but not whether it has the claim',
      HAND_OVER,
      { conversation: C1, message: OWED },
      [{ kind: 'failed', step: 'claim', error: RAREED, isInDoubt: true }],
      ['claim', 'opened c-1 pending in_record'],
    ],
    [
      'keeps its message if it can’t forget the conversation that was closed',
      HAND_OVER,
      { conversation: { kind: 'opened' }, lpConsumerId: LP_CONSUMER_ID },
      [claimed, known(false), done, sent('closed'), failed('forget'), done],
      [
        'claim',
        'look_up',
        'record held opened in_doubt',
        'send c-0',
        'forget c-0',
        'record queued opened owed',
        'opened pending in_record',
      ],
    ],
    [
      'keeps its message if it can’t look up its conversation',
      HAND_OVER,
      { conversation: { kind: 'opened' }, lpConsumerId: LP_CONSUMER_ID },
      [claimed, failed('look_up'), done],
      ['claim', 'look_up', 'record queued opened unsent', 'opened pending in_record'],
    ],
    [
      'keeps its message if nobody knows its conversation and its consumer',
      HAND_OVER,
      { conversation: { kind: 'opened' } },
      [claimed, done],
      ['claim', 'record queued opened unsent', 'opened pending in_record'],
    ],
    [
      'keeps its own conversation, although the ledger has another’s',
      HAND_OVER,
      { conversation: C1, message: SENT, lpConsumerId: LP_CONSUMER_ID },
      [
        final({
          claim: { attempt: 1, releases: 1, state: 'done' },
          conversation: { kind: 'existing', conversationId: 'c-0' },
          message: SENT,
        }),
        done,
      ],
      ['claim', 'record done opened sent', 'opened c-1 sent'],
    ],
    [
      'parks a hand-over with what it knows',
      heldBack(silent(HAND_OVER)),
      { claim: queued(), conversation: { kind: 'in_doubt' } },
      [done],
      ['hand_over queued in_doubt unsent', 'end: queued in_hand_over'],
    ],
  ])('of a hand-over %s', (_, policy, carried, answers, steps) => {
    expect(trace(policy, factsWith(carried), answers)).toEqual(steps)
  })

  /** Returns what is known after the answers. */
  const knownAfter = (policy: Policy, answers: readonly Answer[], carried = NOTHING) =>
    answers.reduce((state, answer) => learn(state, answerOf(answer, next(state, policy))), begin(carried))
  const stepAfter = (policy: Policy, answers: readonly Answer[], carried = NOTHING): Step =>
    next(knownAfter(policy, answers, carried), policy)

  test.each<[string, Policy, Answer]>([
    ['existing', silent(EVENT), claimed],
    ['opened', silent(EVENT), claimedAfter({ claim: queued(), conversation: { kind: 'in_doubt' } })],
  ])('that meets a conversation that nobody claims ends as %s', (kind, policy, before) => {
    const seen: Seen = { kind: 'known', conversationId: 'c-0', openedBy: 'unknown' }
    expect(stepAfter(policy, [done, before, alreadyOpen, seen, asked('open')])).toMatchObject({
      kind: 'record',
      facts: { conversation: { kind, conversationId: 'c-0' } },
    })
  })

  test.each<[string, Partial<Facts>, number | undefined]>([
    ['has died without a doubt', { claim: held() }, 9],
    ['has died in doubt', { claim: held(), conversation: { kind: 'in_doubt' }, doubtUntil: 5 }, 9],
    ['knew when it ended', { claim: queued(), conversation: { kind: 'in_doubt' }, doubtUntil: 5 }, 5],
    ['did not know', { claim: queued(), conversation: { kind: 'in_doubt' } }, 9],
    ['has no doubt', { claim: queued() }, undefined],
  ])('takes over the end of the doubt of an attempt that %s', (_, before, doubtUntil) => {
    const seen: Seen = { kind: 'claimed', before: factsWith(before), triedUntil: 9 }
    expect(learn(begin(), seen).facts.doubtUntil).toBe(doubtUntil)
  })

  test('that is given up says what failed last', () => {
    const seen: Seen = {
      kind: 'not_created',
      error: toError('credentials_refused'),
      isAccountInTrouble: false,
      repeatable: false,
    }
    expect(stepAfter(old(silent(EVENT)), [done, claimed, seen])).toMatchObject({
      kind: 'record',
      facts: { claim: { state: 'given_up', code: 'credentials_refused' } },
    })
  })

  test('that is given up in quarantine says why', () => {
    expect(stepAfter(old(silent(HAND_OVER)), [done, claimed, down, done, done])).toMatchObject({
      result: { kind: 'failed', code: 'liveperson_unavailable', error: UNAVAILABLE },
    })
  })

  test('that can’t name its consumer says why', () => {
    const unnamed: Seen = { kind: 'unnamed', error: UNAVAILABLE }
    expect(stepAfter(hold(EVENT), [done, claimedAfter({ claim: held() }), unnamed])).toMatchObject({
      kind: 'record',
      facts: { claim: { state: 'queued', code: 'liveperson_unavailable' } },
    })
  })

  test('records since when LivePerson says that a conversation is open, if it is too old to look it up', () => {
    const doubt = claimedAfter({ claim: queued(), conversation: { kind: 'in_doubt' } })
    const answers = [done, doubt, alreadyOpen, failed('look_up')] as const
    expect(stepAfter(old(silent(HAND_OVER)), answers)).toMatchObject({
      kind: 'record',
      facts: { conversation: { kind: 'opened' }, idMissingSince: NOW },
    })
  })

  describe('tells whether the conversation was open before it began:', () => {
    const carried = factsWith({ conversation: C1, message: OWED, lpConsumerId: LP_CONSUMER_ID })
    const owing = claimedAfter({ claim: queued(), conversation: C1, message: OWED })
    test.each<[string, Policy, Facts, readonly Answer[], boolean]>([
      ['no, it opened it', silent(EVENT), NOTHING, [done, claimed, opened, done], false],
      ['yes, by its hand-over', HAND_OVER, carried, [claimed, done, sent('sent'), done], true],
      ['yes, by the ledger', EVENT, NOTHING, [done, owing, done, sent('sent'), done], true],
      ['yes, and its message is still owed', EVENT, NOTHING, [done, owing, done, owed(), done], true],
      [
        'no, and its message is still owed',
        EVENT,
        NOTHING,
        [done, claimed, opened, done, owed(), done],
        false,
      ],
    ])('%s', (_, policy, facts, answers, wasOpen) => {
      const step = stepAfter(policy, answers, facts)
      expect(step).toMatchObject({ kind: 'done', result: { kind: 'finished' } })
      expect(step.kind === 'done' && 'wasOpen' in step.result && step.result.wasOpen).toBe(wasOpen)
    })
  })

  test('that releases its claim says why', () => {
    expect(stepAfter(silent(EVENT), [done, claimed, lost])).toMatchObject({
      kind: 'record',
      facts: { claim: { attempt: 1, releases: 1, state: 'queued', code: 'liveperson_unavailable' } },
    })
  })

  test('that hands over says why, and that a queue has the request', () => {
    expect(stepAfter(silent(FORM), [done, claimed, lost])).toMatchObject({
      kind: 'hand_over',
      error: UNAVAILABLE,
      facts: { handedOver: true, claim: { attempt: 1, releases: 1, state: 'queued' } },
    })
    expect(stepAfter(silent(FORM), [done, claimed, lost, done])).toMatchObject({
      kind: 'record',
      facts: { handedOver: true },
    })
    expect(stepAfter(silent(FORM), [done, claimed, lost, failed('hand_over')])).toMatchObject({
      kind: 'record',
      facts: { handedOver: false },
    })
  })

  test('that quarantines says why, with the error only if it is the reason', () => {
    expect(stepAfter(silent(EVENT), [done, claimed, refused, done])).toMatchObject({
      kind: 'quarantine',
      code: 'liveperson_rejected',
      error: REFUSED,
    })
    const unknown = stepAfter(hold(EVENT), [done, claimed, lost, done])
    expect(unknown).toMatchObject({ kind: 'quarantine', code: 'outcome_unknown' })
    expect(unknown).not.toHaveProperty('error')
  })

  test('that is finished has the error only if it is the reason for the outcome', () => {
    expect(stepAfter(silent(FORM), [done, claimed, refused, done])).toMatchObject({
      result: { kind: 'finished', error: REFUSED },
    })
    const repeated = stepAfter(silent(FORM), [done, claimed, busy, done, opened, done])
    expect(repeated).toMatchObject({ result: { kind: 'finished', outcome: { status: 'opened' } } })
    expect(repeated).not.toHaveProperty('result.error')
  })

  test('that is finished has no error if there was none', () => {
    expect(stepAfter(silent(FORM), [done, claimed, opened, done])).not.toHaveProperty('result.error')
  })

  describe('meets an open conversation whose id nobody knows', () => {
    const QUEUED = 'record queued'
    const DOUBT: Partial<Facts> = { conversation: { kind: 'in_doubt' } }
    test.each<[string, Policy, Partial<Facts>, 'known_closed' | 'nothing_known', boolean, string]>([
      ['waits while a closed one may still be ending', EVENT, {}, 'known_closed', false, QUEUED],
      ['waits for it without a message, too', silent(EVENT), {}, 'known_closed', false, QUEUED],
      ['waits although its create is in doubt', silent(EVENT), DOUBT, 'known_closed', false, QUEUED],
      ['waits for long while its message is owed', EVENT, {}, 'known_closed', true, QUEUED],
      [
        'is done in the end, without a message',
        silent(EVENT),
        {},
        'known_closed',
        true,
        'record held existing',
      ],
      ['takes it for its own in the end', EVENT, DOUBT, 'known_closed', true, 'record held opened'],
      ['waits for the id while its message is owed', EVENT, {}, 'nothing_known', false, QUEUED],
      ['takes it for its own at once', EVENT, DOUBT, 'nothing_known', false, 'record held opened'],
      [
        'is done at once, without a message',
        silent(EVENT),
        {},
        'nothing_known',
        false,
        'record held existing',
      ],
    ])('and %s', (_, policy, facts, kind, isOverdue, step) => {
      const before = claimedAfter({ claim: queued(), ...facts })
      const seen: Seen = { kind, at: NOW, isOverdue }
      expect(describeStep(stepAfter(policy, [done, before, alreadyOpen, seen]))).toMatch(step)
    })
  })

  test('records what LivePerson refused of the consumer and the language', () => {
    const seen: Seen = { ...opened, profileRefused: true, languageRefused: true }
    expect(stepAfter(silent(EVENT), [done, claimed, seen])).toMatchObject({
      facts: { profileRefused: true, languageRefused: true },
    })
    const usual = stepAfter(silent(EVENT), [done, claimed, opened])
    expect(usual).not.toHaveProperty('facts.profileRefused')
    expect(usual).not.toHaveProperty('facts.languageRefused')
  })

  test('records the consumer, and when the id became known', () => {
    expect(stepAfter(silent(EVENT), [done, claimed, opened])).toMatchObject({
      kind: 'record',
      facts: { lpConsumerId: LP_CONSUMER_ID, openedAt: NOW },
    })
  })

  test('records since when the id is missing', () => {
    expect(stepAfter(EVENT, [done, claimed, alreadyOpen, nothing()])).toMatchObject({
      kind: 'record',
      facts: { lpConsumerId: LP_CONSUMER_ID, idMissingSince: NOW },
    })
  })

  test('that could not record its try hands over that this try was not made', () => {
    const marked = factsWith({
      claim: held(),
      conversation: C1,
      message: { tried: 1, refused: 0, sent: false },
    })
    const notWritten: Seen = { kind: 'failed', step: 'record', error: RAREED, facts: marked }
    expect(stepAfter(EVENT, [done, claimed, opened, notWritten])).toMatchObject({
      kind: 'hand_over',
      facts: { message: { tried: 1, refused: 1, sent: false } },
    })
  })

  test('numbers its tries so that no other attempt has the same number', () => {
    const triedBy = (attempt: number, message: Message) => {
      const before = factsWith({ claim: queued(attempt), conversation: C1, message })
      const step = stepAfter(EVENT, [done, { kind: 'claimed', before }])
      return step.kind === 'record' ? step.facts.message.tried : undefined
    }
    expect(triedBy(1, { tried: 0, refused: 0, sent: false })).toBe(4)
    expect(triedBy(2, { tried: 0, refused: 0, sent: false })).toBe(7)
    expect(triedBy(1, { tried: 9, refused: 9, sent: false })).toBe(10)
  })

  test('does not take the try of a former attempt for its own', () => {
    const before = factsWith({ claim: held(1, 0) })
    const byFormer = factsWith({
      claim: held(2, 0),
      conversation: C1,
      message: { tried: 1, refused: 0, sent: false },
    })
    const answers: readonly Answer[] = [done, { kind: 'claimed', before }, alreadyOpen, nothing(true)]
    const step = stepAfter(EVENT, [...answers, { kind: 'recorded', facts: byFormer }])
    expect(step).toMatchObject({ kind: 'record', facts: { claim: { state: 'done' }, message: { tried: 1 } } })
  })

  test('makes no create after it has left its batch, even if it turns out that no attempt died', () => {
    const before = factsWith({ claim: held(2, 0), conversation: { kind: 'in_doubt' } })
    const byFormer = factsWith({ claim: queued(3, 2), conversation: { kind: 'in_doubt' }, handedOver: true })
    const answers: readonly Answer[] = [done, { kind: 'claimed', before }, done]
    expect(stepAfter(redelivered(EVENT), answers).kind).toBe('record')
    const step = stepAfter(redelivered(EVENT), [...answers, { kind: 'recorded', facts: byFormer }])
    expect(step).toMatchObject({ kind: 'done', result: { kind: 'queued', kept: 'in_hand_over' } })
  })

  test('that had released its claim gives up no message that another attempt turns out not to have sent', () => {
    const inDoubt = factsWith({ claim: held(1, 0), conversation: C1, message: message({ tried: 1 }) })
    const refusedByFormer = factsWith({
      claim: { attempt: 2, releases: 1, state: 'done' },
      conversation: C1,
      message: OWED,
    })
    const answers: readonly Answer[] = [done, { kind: 'claimed', before: inDoubt }]
    expect(stepAfter(old(EVENT), answers)).toMatchObject({
      kind: 'record',
      facts: { claim: { state: 'done' } },
    })
    const step = stepAfter(old(EVENT), [...answers, { kind: 'recorded', facts: refusedByFormer }])
    expect(step).toMatchObject({
      kind: 'done',
      result: { kind: 'finished', outcome: { messageStatus: 'pending' }, kept: 'in_record' },
    })
  })

  test('that is given up as interrupted starts the count again, for an operator’s replay', () => {
    const answers: readonly Answer[] = [done, claimedAfter({ claim: held(5, 0) })]
    const step = stepAfter(silent(EVENT), answers)
    expect(step).toMatchObject({ kind: 'record', facts: { claim: { attempt: 6, state: 'given_up' } } })
    if (step.kind !== 'record') throw new Error('The test expects a record')
    expect(deathsOf(step.facts.claim)).toBe(0)
    expect(stepAfter(silent(EVENT), [done, { kind: 'claimed', before: step.facts }]).kind).toBe('create')
  })

  test('is numbered by the ledger if an operator has reset a request that a hand-over tells of', () => {
    const carried = factsWith({ claim: queued(7), conversation: { kind: 'in_doubt' } })
    const { facts } = knownAfter(silent(HAND_OVER), [done, claimed], carried)
    expect(facts).toMatchObject({ claim: { attempt: 1, releases: 0, state: 'held' } })
    expect(facts.conversation).toEqual({ kind: 'in_doubt' })
  })

  test.each<Step['kind']>(['identify', 'wait', 'done'])('has no step %s that can fail', (step) => {
    expect(() => learn(begin(), failed(step))).toThrow(`The step ${step} can't fail`)
  })

  test('leaves a message to the next one, if a push told the conversation after it released its claim', () => {
    const seen: readonly Seen[] = [
      claimed,
      { kind: 'create_in_doubt', error: UNAVAILABLE, isAccountInTrouble: false },
      { kind: 'recorded', facts: factsWith({ claim: queued(), conversation: C1 }) },
    ]
    const known = seen.reduce(learn, begin())
    expect(next(known, EVENT)).toMatchObject({
      kind: 'done',
      result: {
        kind: 'finished',
        outcome: { status: 'opened', messageStatus: 'pending' },
        kept: 'in_record',
      },
    })
    expect(next(known, silent(EVENT))).toMatchObject({
      kind: 'done',
      result: { kind: 'finished', outcome: { status: 'opened' } },
    })
  })

  describe('waits as long as LivePerson asked before it repeats a create', () => {
    const busyFor = (retryAfterMs: number): Seen => {
      const error = new LivePersonUnavailableError({
        detail: 'LivePerson answered 429.',
        mayHaveExecuted: false,
        trouble: 'busy',
        retryAfterMs,
      })
      return { kind: 'not_created', error, isAccountInTrouble: false, repeatable: true }
    }

    test.each([
      [500, 'wait 1000 before create'],
      [2000, 'wait 2000 before create'],
      [2001, 'hand_over queued none unsent'],
    ])('%i ms', (ms, step) => {
      expect(trace(silent(FORM), NOTHING, [done, claimed, busyFor(ms)]).at(-1)).toBe(step)
    })
  })

  test.each<[Step['kind'], string]>([
    ['create', 'a create in doubt'],
    ['ask', 'an unsure answer'],
    ['send', 'an unknown answer'],
  ])('takes a failed %s for %s', (step) => {
    const state = begin()
    const seen: Readonly<Record<string, Seen>> = {
      create: { kind: 'create_in_doubt', ...trouble(false, RAREED) },
      ask: { kind: 'asked', answer: 'unsure' },
      send: { kind: 'message', answer: 'unknown' },
    }
    expect(learn(state, failed(step))).toEqual(learn(state, seen[step] ?? { kind: 'identifying' }))
  })
})
