import { expect, test } from 'vitest'
import { retryDelayMs } from '../../../lib/conversation/back-off.ts'
import {
  type Claim,
  type Conversation,
  type Facts,
  isFinished,
  mayHaveOpened,
  merge,
  NOTHING,
  outcomeOf,
} from '../../../lib/conversation/facts.ts'
import {
  begin,
  type Known,
  learn,
  next,
  type Policy,
  type Result,
  type Seen,
  type Step,
} from '../../../lib/conversation/protocol.ts'
import { toError } from '../../../lib/errors/errors.ts'
import { createRandom, type Random } from '../../support/random.ts'

const WALKS = 100_000
const MAX_STEPS = 60
const FINAL: readonly string[] = ['opened', 'existing', 'rejected', 'outcome_unknown']
const ERRORS = [toError('service_unavailable'), toError('internal_error'), toError('invalid_config')] as const

/** One attempt against answers that are picked at random, and what it did to the world. */
interface Walk {
  readonly policy: Policy
  readonly trace: string[]
  ledger: Facts
  known: Known
  hasEntry: boolean
  isMarked: boolean
  handedOver: number
  quarantined: number
  /** Whether the ledger said from the start that the request is finished and done. */
  wasDone: boolean
}

const anyPolicy = ({ pick, chance }: Random): Policy => ({
  hasMessage: chance(0.6),
  onLostAnswer: pick(['repeat', 'repeat', 'hold']),
  carrier: pick(['memory', 'event', 'hand_over']),
  admission: pick(['granted', 'granted', 'granted', 'held_back', 'paused']),
  isTooOld: chance(0.2),
  maxDeaths: 5,
  isolateAfterDeaths: 2,
  isRedelivered: chance(0.5),
  isWornOut: chance(0.1),
  heldWaitsMs: pick([[], [150, 350]]),
  repeatAfterMs: pick([undefined, 1000]),
  maxWaitMs: 2000,
})

const anyClaim = ({ pick, below }: Random): Claim => {
  const attempt = pick([0, 0, 1, 2, 7])
  if (attempt === 0) return NOTHING.claim
  const releases = below(attempt + 1)
  const state = pick<Claim['state']>(['held', 'queued', 'failed', 'done'])
  return state === 'queued' || state === 'failed'
    ? { attempt, releases, state, code: pick(['liveperson_unavailable', 'interrupted']) }
    : { attempt, releases, state }
}

const anyConversation = ({ pick }: Random, attempt: number): Conversation =>
  pick<Conversation>([
    { kind: 'none' },
    { kind: 'none' },
    { kind: 'in_doubt' },
    { kind: 'refused', code: 'liveperson_rejected', attempt: Math.max(0, attempt - 1) },
    { kind: 'refused', code: 'liveperson_rejected', attempt },
    { kind: 'unknown' },
    { kind: 'existing' },
    { kind: 'existing', conversationId: 'c-2' },
    { kind: 'opened' },
    { kind: 'opened', conversationId: 'c-1' },
  ])

const anyKnowledge = (random: Random, claim = anyClaim(random)): Facts => {
  const tried = random.below(3)
  return {
    claim,
    conversation: anyConversation(random, claim.attempt),
    message: {
      tried,
      refused: random.chance(0.8) ? tried : random.below(tried + 1),
      sent: random.chance(0.1),
      ...(random.chance(0.1) && { dropped: random.pick(['conversation_closed', 'given_up']) }),
    },
    handedOver: random.chance(0.3),
    ...(random.chance(0.5) && { lpConsumerId: 'lp-1' }),
    ...(random.chance(0.2) && { idMissingSince: 1 }),
    ...(random.chance(0.2) && { openedAt: 2 }),
  }
}

/** What a hand-over carries: no verdict. */
const anyCarried = (random: Random): Facts => {
  const facts = anyKnowledge(random)
  return {
    ...facts,
    conversation: random.pick<Conversation>([{ kind: 'none' }, { kind: 'in_doubt' }, { kind: 'opened' }]),
  }
}

/**
 * Another writer gets in between: it claims the request, or it is a former attempt that tells what it knows.
 */
const interfere = (walk: Walk, random: Random): void => {
  if (!random.chance(0.15)) return
  const { claim, message } = walk.ledger
  const { attempt, releases } = claim
  walk.ledger = merge(walk.ledger, {
    ...anyKnowledge(random, NOTHING.claim),
    ...(random.chance(0.5) && { claim: { attempt: attempt + 1, releases, state: 'held' } }),
    message: random.pick([
      NOTHING.message,
      { ...NOTHING.message, tried: message.tried + 1 },
      { ...message, refused: message.tried },
    ]),
  })
}

const answerTo = (step: Exclude<Step, { kind: 'done' }>, walk: Walk, random: Random): Seen => {
  const { pick, chance } = random
  const failed = (): Seen => ({
    kind: 'failed',
    step: step.kind,
    error: pick(ERRORS),
    ...(step.kind === 'record' && { facts: step.facts }),
  })
  if (!['identify', 'wait', 'claim'].includes(step.kind) && chance(0.15)) {
    const isAnswerLost = chance(0.3)
    if (step.kind === 'record' && isAnswerLost) walk.ledger = merge(walk.ledger, step.facts)
    return failed()
  }
  switch (step.kind) {
    case 'identify':
      return { kind: 'identifying' }
    case 'wait':
      return { kind: pick(['waited', 'waited', 'no_time']), before: step.before }
    case 'claim': {
      if (chance(0.1))
        return {
          kind: 'failed',
          step: 'claim',
          error: pick([...ERRORS, toError('request_id_reused')]),
          isInDoubt: chance(0.5),
        }
      const { ledger, policy } = walk
      walk.hasEntry = true
      if (isFinished(ledger, policy.hasMessage)) {
        walk.wasDone = ledger.claim.state === 'done'
        return { kind: 'final', facts: ledger }
      }
      if (ledger.claim.state === 'held' && chance(0.5)) return { kind: 'held', facts: ledger }
      const { attempt, releases } = ledger.claim
      walk.ledger = { ...ledger, claim: { attempt: attempt + 1, releases, state: 'held' } }
      return { kind: 'claimed', before: ledger }
    }
    case 'create': {
      const trouble = {
        error: pick([toError('liveperson_unavailable'), ...ERRORS]),
        isAccountInTrouble: chance(0.3),
      }
      return pick<Seen>([
        { kind: 'opened', conversationId: 'c-1', lpConsumerId: 'lp-1', at: 3 },
        { kind: 'already_open', lpConsumerId: 'lp-1', at: 4 },
        { kind: 'already_open', lpConsumerId: 'lp-1', at: 4 },
        { kind: 'refused', error: toError('liveperson_rejected') },
        { kind: 'create_in_doubt', ...trouble },
        { kind: 'not_created', ...trouble, repeatable: chance(0.7) },
      ])
    }
    case 'look_up':
      return pick<Seen>([
        { kind: 'own', conversationId: 'c-2' },
        { kind: 'known', conversationId: 'c-2', openedBy: chance(0.4) ? 'unknown' : 'other' },
        { kind: 'known_closed', at: 4, isOverdue: chance(0.5) },
        { kind: 'nothing_known', at: 4, isOverdue: chance(0.5) },
      ])
    case 'ask':
      return { kind: 'asked', answer: pick(['open', 'closed', 'unsure']) }
    case 'send':
      return pick<Seen>([
        { kind: 'message', answer: 'sent' },
        { kind: 'message', answer: 'closed' },
        { kind: 'message', answer: 'unknown' },
        {
          kind: 'message',
          answer: 'owed',
          error: toError('liveperson_unavailable'),
          isAccountInTrouble: chance(0.3),
        },
      ])
    case 'forget':
      return { kind: 'forgotten' }
    case 'record':
      interfere(walk, random)
      // The identity provider is asked once, and only while no queue keeps the request.
      if (
        !walk.known.progress.isUnnamed &&
        mayHaveOpened(step.facts) &&
        step.facts.claim.state !== 'queued' &&
        random.chance(0.3)
      )
        return { kind: 'unnamed', error: random.pick(ERRORS) }
      walk.ledger = merge(walk.ledger, step.facts)
      return { kind: 'recorded', facts: walk.ledger }
    case 'hand_over':
      walk.handedOver++
      return { kind: 'handed_over' }
    case 'quarantine':
      walk.quarantined++
      return { kind: 'quarantined' }
  }
}

/** Returns what is wrong with a step, undefined if nothing is. */
const wrongWith = (step: Step, walk: Walk): string | undefined => {
  const { policy, known, hasEntry } = walk
  const { facts, progress } = known
  switch (step.kind) {
    case 'create':
      if (progress.claim !== 'claimed') return 'it creates without a claim'
      if (policy.admission !== 'granted') return 'it creates without admission'
      if (policy.onLostAnswer === 'hold' && facts.conversation.kind === 'in_doubt')
        return 'it repeats in doubt'
      if (['opened', 'existing', 'unknown'].includes(facts.conversation.kind)) return 'it creates again'
      return undefined
    case 'look_up':
    case 'ask':
    case 'forget':
      return progress.claim === 'claimed' ? undefined : 'it asks without a claim'
    case 'record':
      return hasEntry ? undefined : 'it records without an entry'
    case 'send': {
      const { tried, refused, sent, dropped } = walk.ledger.message
      if (progress.claim !== 'claimed' || !walk.isMarked) return 'it sends without a mark'
      if (sent || dropped !== undefined || tried === refused) return 'it sends what it must not send'
      return policy.admission === 'paused' ? 'it sends while paused' : undefined
    }
    case 'quarantine':
      if (step.code === 'interrupted' && policy.admission === 'paused') return 'it gives up while paused'
      return undefined
    case 'done':
      return wrongEnd(step.result, walk)
    default:
      return undefined
  }
}

const wrongEnd = (result: Result, walk: Walk): string | undefined => {
  const { policy, ledger, handedOver, quarantined, wasDone } = walk
  const isRecord = policy.carrier !== 'memory'
  const isKept = isRecord && retryDelayMs(result, 1, () => 0) !== undefined
  const isRecorded = isFinished(ledger, policy.hasMessage)
  const isAcknowledged = isRecord ? !isKept : result.kind !== 'failed'
  if (isAcknowledged && !isRecorded && handedOver === 0 && quarantined === 0) return 'the request is lost'
  switch (result.kind) {
    case 'finished': {
      const { status, code } = result.outcome
      if (!FINAL.includes(status)) return `${status} is no end`
      if (result.kept === 'in_hand_over' && handedOver === 0) return 'no queue keeps it'
      if (result.kept === 'in_record' && !isRecord) return 'no record keeps it'
      if (result.kept === undefined && result.outcome.messageStatus === 'pending' && handedOver === 0)
        return 'nobody keeps the message'
      if (status === 'rejected' && outcomeOf(ledger, false).status !== 'rejected') return 'it is not rejected'
      const isForPerson = status === 'outcome_unknown' || (status === 'rejected' && isRecord)
      if (isForPerson && quarantined + handedOver === 0 && !(wasDone && !isRecord))
        return `nobody sees ${code}`
      return undefined
    }
    case 'opening':
      return isKept || handedOver > 0 ? undefined : 'nothing keeps it'
    case 'queued':
      if (result.kept === 'in_hand_over') return handedOver > 0 ? undefined : 'no queue keeps it'
      return isRecord ? undefined : 'no record keeps it'
    case 'failed':
      if (isRecord && quarantined === 0) return 'it is deleted'
      return result.code === 'liveperson_rejected' && ledger.conversation.kind === 'in_doubt'
        ? 'it is rejected in doubt'
        : undefined
  }
}

const walkOnce = (random: Random): Walk => {
  const policy = anyPolicy(random)
  const carried = policy.carrier === 'hand_over' && random.chance(0.8) ? anyCarried(random) : NOTHING
  const ledger = random.chance(0.4) ? NOTHING : anyKnowledge(random)
  const walk: Walk = {
    policy,
    trace: [],
    ledger,
    known: begin(carried),
    hasEntry: false,
    isMarked: false,
    handedOver: 0,
    quarantined: 0,
    wasDone: false,
  }
  for (let count = 1; count <= MAX_STEPS; count++) {
    const step = next(walk.known, policy)
    const wrong = wrongWith(step, walk)
    if (wrong !== undefined || step.kind === 'done') {
      walk.trace.push(JSON.stringify(step), ...(wrong === undefined ? [] : [`WRONG: ${wrong}`]))
      return walk
    }
    const before = walk.known
    const seen = answerTo(step, walk, random)
    walk.trace.push(`${JSON.stringify(step)} -> ${JSON.stringify(seen)}`)
    walk.known = learn(before, seen)
    const isMark = seen.kind === 'recorded' && seen.facts.message.tried > before.facts.message.tried
    walk.isMarked = isMark && walk.known.progress.claim === 'claimed'
  }
  walk.trace.push('WRONG: it never ends')
  return walk
}

test('an attempt ends, keeps the request and keeps the rules, whatever comes back', () => {
  const random = createRandom('walk')
  let steps = 0
  let broken: Walk | undefined
  for (let count = 0; count < WALKS && broken === undefined; count++) {
    const walk = walkOnce(random)
    steps += walk.trace.length
    if (walk.trace.at(-1)?.startsWith('WRONG')) broken = walk
  }
  expect(
    broken && { policy: broken.policy, carried: broken.known.carried, trace: broken.trace },
  ).toBeUndefined()
  expect(steps).toBeGreaterThan(4 * WALKS)
}, 30_000)
