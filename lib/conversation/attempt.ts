import type { Queues } from '../aws/queues.ts'
import { attributesOf } from '../config/routes.ts'
import {
  type AppError,
  LivePersonRejectedError,
  LivePersonUnavailableError,
  ServiceUnavailableError,
  toAppError,
  toError,
} from '../errors/errors.ts'
import { type MessageAnswer, RETRY_PAUSE_MS } from '../liveperson/client.ts'
import type { Failure, Log } from '../telemetry/log.ts'
import { type Account, admit } from './admission.ts'
import { backOffMs } from './back-off.ts'
import { type Facts, hasConversation, NOTHING } from './facts.ts'
import { toHandOver } from './hand-over.ts'
import type { Carrier, Job } from './job.ts'
import type { Entry, LastConversation, Ledger } from './ledger.ts'
import { couldHaveOpened, isMissingId } from './matching.ts'
import {
  begin,
  isToBeIsolated,
  type Known,
  learn,
  next,
  type Policy,
  type Result,
  type Seen,
  type Step,
} from './protocol.ts'
import type { Quarantine } from './quarantine.ts'
import {
  FORM_HELD_WAITS_MS,
  HAND_OVER_DELAY_MS,
  hasTimeFor,
  ID_MISSING_MS,
  LONGEST_WAIT_MS,
  messageDeadline,
  type TimeBudget,
} from './time-budget.ts'

/** The number of dead attempts after which a record is given up. */
const MAX_DEATHS = 5
/** The number of dead attempts after which a record leaves its batch: another record may be killing them. */
const ISOLATE_AFTER_DEATHS = 2
/** From this delivery on, a record is sent as a new message. After 1,000, SQS would quarantine it. */
const WORN_OUT_AFTER = 500
/** How many claims in doubt a hand-over names. */
const MAX_LOST_LEASES = 5

/** A create that takes longer may have been frozen with its container, in milliseconds. */
const FROZEN_MS = 5000

/** How long a token may take, in milliseconds. Waiting longer would hold up other accounts' records. */
const TOKEN_MS = 5000
/** How long a create may take while its account is in trouble, in milliseconds. */
const PROBE_MS = 5000

/** Records that died together are tried again after a random delay of up to this, in milliseconds. */
const ISOLATED_WITHIN_MS = 300_000

/** The longest delay of a form that was handed over, in milliseconds: a person waits for it. */
const FORM_PARK_MS = 60_000

/** How an attempt ended, and what failed on the way besides the result's own error. */
export type Attempted = Result & { readonly failures?: readonly Failure[] }

/** Makes one attempt at a request. It never throws. */
export type Attempt = (job: Job, carrier: Carrier, budget: TimeBudget) => Promise<Attempted>

/**
 * Returns the loop that performs the protocol: ask `protocol.ts` for the next step, perform it, report what
 * came back. The protocol decides what comes next; this file calls the components and classifies their
 * answers.
 *
 * @param options.giveUpAfterMs How old a request gets before it is given up, in milliseconds.
 * @param options.now Milliseconds since the epoch.
 * @param options.sleep Takes milliseconds.
 * @param options.uuid Returns a new id.
 * @param options.random Returns a number from 0 up to, but not including, 1.
 */
export const createAttempt = ({
  ledger,
  queues,
  quarantine,
  accountOf,
  giveUpAfterMs,
  log,
  now,
  sleep,
  uuid,
  random,
}: {
  readonly ledger: Ledger
  readonly queues: Queues
  readonly quarantine: Quarantine
  readonly accountOf: (accountId: string) => Account
  readonly giveUpAfterMs: number
  readonly log: Log
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
  readonly uuid: () => string
  readonly random: () => number
}): Attempt => {
  return async (job, carrier, budget) => {
    const { request } = job
    const account = accountOf(request.accountId)
    const admission = await admit({ account, job, carrier, sleep })
    const receives = carrier.kind === 'memory' ? 1 : carrier.receives
    const pausedMs = pausedMsUntilNow(job, account, admission)
    const policy: Policy = {
      hasMessage: request.message !== undefined,
      onLostAnswer: job.account.onLostAnswer,
      carrier: carrier.kind,
      admission,
      isTooOld: now() - job.acceptedAt - pausedMs >= giveUpAfterMs,
      maxDeaths: MAX_DEATHS,
      isolateAfterDeaths: ISOLATE_AFTER_DEATHS,
      isRedelivered: receives > 1,
      isWornOut: receives >= WORN_OUT_AFTER,
      // A copy has waited already.
      heldWaitsMs: carrier.kind === 'memory' && !job.isCopy ? FORM_HELD_WAITS_MS : [],
      repeatAfterMs: carrier.kind === 'memory' ? RETRY_PAUSE_MS : undefined,
      maxWaitMs: LONGEST_WAIT_MS,
    }
    const failures: Failure[] = []
    const onFailure = (failure: Failure) => void failures.push(failure)
    const perform = createSteps({ job, carrier, budget, account, policy, pausedMs, onFailure })
    let known = begin(job.facts)
    for (;;) {
      const step = next(known, policy)
      if (step.kind === 'done') {
        const { result } = step
        const told = 'error' in result ? result.error : undefined
        const others = failures.filter(({ error }) => error !== told)
        return others.length > 0 ? { ...result, failures: others } : result
      }
      const seen = await perform(step, known).catch((thrown: unknown): Seen => {
        const error = toAppError(thrown)
        onFailure({ step: step.kind, error })
        return {
          kind: 'failed',
          step: step.kind,
          error,
          ...(step.kind === 'record' && { facts: step.facts }),
        }
      })
      known = learn(known, seen)
    }
  }

  /**
   * How long the account was paused while the request waited, in milliseconds. A record whose hand-over
   * failed doesn't know of the pause, but the switch knows the latest one.
   */
  function pausedMsUntilNow(
    { pausedMs, pausedSince, acceptedAt }: Job,
    { pause }: Account,
    admission: Policy['admission'],
  ): number {
    const { pausedAt, resumedAt } = pause.latest()
    const msFrom = (since: number, pausedSinceThen: number): number => {
      // A container that hasn't heard of the pause doesn't know when it ended.
      const hasEnded = admission !== 'paused' && resumedAt !== undefined && resumedAt >= pausedSinceThen
      return Math.max(0, (hasEnded ? resumedAt : now()) - since)
    }
    const carried = pausedMs + (pausedSince === undefined ? 0 : msFrom(pausedSince, pausedSince))
    const latest = pausedAt === undefined ? 0 : msFrom(Math.max(pausedAt, acceptedAt), pausedAt)
    return Math.max(carried, latest)
  }

  function createSteps({
    job,
    carrier,
    budget,
    account,
    policy,
    pausedMs,
    onFailure,
  }: {
    readonly job: Job
    readonly carrier: Carrier
    readonly budget: TimeBudget
    readonly account: Account
    readonly policy: Policy
    readonly pausedMs: number
    readonly onFailure: (failure: Failure) => void
  }) {
    const { request, destination } = job
    const { accountId, requestId } = request
    const { livePerson, createPace, sendPace } = account
    /** While the account is in trouble, one call must not hold up a whole batch. */
    const limitMs = createPace.callLimitMs()
    const within = (ms: number) => Math.min(budget.deadline, now() + ms)
    let { consumerId } = request
    let { lostLeases = [] } = job
    let entry: Entry | undefined
    let identified: Promise<unknown> | undefined

    let lpConsumerId: string | undefined

    const identify = async (): Promise<void> => {
      const asked = consumerId
      const identity = await livePerson.identify(asked, within(limitMs ?? TOKEN_MS))
      if (asked === consumerId) lpConsumerId = identity.lpConsumerId
    }

    const claimed = (): Entry => {
      if (entry) return entry
      throw new Error('The protocol asked for a step before the claim')
    }

    /** Adjusts the rate at which this container calls the account. */
    const report = (pace: Account['createPace'], startedAt: number, error: AppError | undefined): void => {
      if (error) onFailure({ step: pace === sendPace ? 'send' : 'create', error })
      const trouble = error && troubleOf(error)
      if (!error) pace.good()
      else if (trouble) pace.trouble({ startedAt, kind: trouble, retryAfterMs: error.retryAfterMs })
      if (!error || trouble) account.onAnswer(trouble ?? 'good', pace.isOpen())
    }

    /**
     * Claims the request. If the claim fails but may have been written, a hand-over names its lease, so that
     * the next attempt knows that nothing followed it.
     */
    const claim = async (): Promise<Seen> => {
      const leaseId = uuid()
      try {
        const claim = await ledger.claim(request, destination, budget.aliveUntil, { leaseId, lostLeases })
        entry = claim.entry
        if (entry.consumerId !== consumerId) {
          identified = undefined
          lpConsumerId = undefined
        }
        consumerId = entry.consumerId
        if (claim.kind === 'final' && claim.isErased && job.facts)
          log.warn('What a message knew of an erased request was dropped', { requestId, accountId })
        return claim
      } catch (thrown) {
        const error = toAppError(thrown)
        onFailure({ step: 'claim', error })
        const isInDoubt = error.retryable && !(error instanceof ServiceUnavailableError && error.isRefused)
        if (isInDoubt) lostLeases = [...lostLeases, leaseId].slice(-MAX_LOST_LEASES)
        return { kind: 'failed', step: 'claim', error, isInDoubt }
      }
    }

    return async (step: Exclude<Step, { kind: 'done' }>, { facts, progress }: Known): Promise<Seen> => {
      switch (step.kind) {
        case 'identify':
          identified = identify()
          // The create waits for it. Without a create, nobody else reports a failure. After the attempt's
          // end, nobody needs it.
          identified.catch((thrown: unknown) => {
            if (identified) onFailure({ step: 'identify', error: toAppError(thrown) })
          })
          return { kind: 'identifying' }

        case 'claim':
          return claim()

        case 'wait':
          if (!hasTimeFor(step, budget, now())) return { kind: 'no_time', before: step.before }
          await sleep(step.ms)
          return { kind: 'waited', before: step.before }

        case 'create': {
          const startedAt = now()
          let sentAt = startedAt
          let isHeldBack = false
          // Meanwhile, LivePerson may have asked another attempt of this container for a pause.
          const keepPause = () => {
            const pauseMs = createPace.pauseMs()
            isHeldBack = pauseMs > 0
            if (isHeldBack) throw pauseAsked(pauseMs)
          }
          try {
            const engagementAttributes = attributesOf(request, destination)
            const input = { ...request, ...destination, engagementAttributes }
            // A create that is cut short is in doubt, so it gets more time than the call that leads to it.
            const identifying = identified ?? identify()
            identified = undefined
            await identifying
            sentAt = now()
            const deadline = limitMs === undefined ? budget.deadline : within(PROBE_MS)
            const answer = await livePerson.openConversation(consumerId, input, deadline, keepPause)
            report(createPace, startedAt, undefined)
            return { ...answer, at: answeredAt(sentAt, now()) }
          } catch (thrown) {
            const error = toAppError(thrown)
            const isRefused = error instanceof LivePersonRejectedError
            if (!isHeldBack) report(createPace, startedAt, isRefused ? undefined : error)
            return isRefused
              ? { kind: 'refused', error }
              : toSeen({ error, isAccountInTrouble: createPace.isOpen(), at: now() })
          }
        }

        case 'look_up': {
          const last = await ledger.findConversation(accountId, step.lpConsumerId)
          const entry = claimed()
          // An attempt that died, or whose record failed, may have written only the consumer's item.
          const own = last && openedBy(entry.pk, last)
          if (own !== undefined) return { kind: 'own', conversationId: own }
          if (last?.conversationId === undefined || last.state === 'CLOSE') {
            const since = facts.idMissingSince ?? now()
            const kind = last?.conversationId === undefined ? 'nothing_known' : 'known_closed'
            const isOverdue = policy.admission === 'granted' && now() - since >= ID_MISSING_MS
            return { kind, at: now(), isOverdue }
          }
          const { conversationId, openedAt = 0, openings } = last
          // A push doesn't say which request opened the conversation.
          const { createdAt } = entry
          const isOfTime = couldHaveOpened({ createdAt, triedUntil: facts.doubtUntil ?? createdAt }, openedAt)
          const isOthers = openings.some((each) => each.conversationId === conversationId && !each.isInferred)
          return { kind: 'known', conversationId, openedBy: isOfTime && !isOthers ? 'unknown' : 'other' }
        }

        case 'ask': {
          const askBy = messageDeadline(budget, now())
          const isOpen = await livePerson.isOpen(consumerId, step.conversationId, askBy)
          if (typeof isOpen === 'boolean') return { kind: 'asked', answer: isOpen ? 'open' : 'closed' }
          onFailure({ step: 'ask', error: isOpen })
          return { kind: 'asked', answer: 'unsure' }
        }

        case 'send':
          return send(step.conversationId)

        case 'forget':
          await ledger.forgetConversation(accountId, step.lpConsumerId, step.conversationId)
          return { kind: 'forgotten' }

        case 'record': {
          // Pushes name the consumer only by this id. Without it, a person has to find the conversation.
          // While a queue keeps the request, the next attempt can ask for it.
          const isNamed = (step.facts.lpConsumerId ?? lpConsumerId) !== undefined
          const isLeft = !isNamed && !progress.isUnnamed && step.facts.claim.state !== 'queued'
          if (isLeft && isMissingId(step.facts, policy.hasMessage) && policy.admission !== 'paused') {
            const error = await (identified ?? identify()).then(() => undefined, toAppError)
            if (error && !identified) onFailure({ step: 'identify', error })
            if (error?.retryable && !policy.isTooOld) return { kind: 'unnamed', error }
          }
          // Kept whatever happened to the create, because erasure finds a consumer's requests by this id.
          const facts = lpConsumerId === undefined ? step.facts : { lpConsumerId, ...step.facts }
          return { kind: 'recorded', facts: await claimed().record(facts) }
        }

        case 'hand_over': {
          const delayMs = handOverDelayMs(step, facts, progress)
          const { acceptedAt } = job
          const pausedSince = policy.admission === 'paused' ? now() : undefined
          const times = { acceptedAt, pausedMs, pausedSince }
          const { messageId } = job
          const body = toHandOver({
            request,
            destination,
            facts: step.facts,
            ...times,
            lostLeases,
            messageId,
          })
          // People wait for a form, so it isn't kept behind CRM events.
          await queues.handOver(body, { delayMs, group: `${accountId}-${request.door}` })
          return { kind: 'handed_over' }
        }

        case 'quarantine': {
          // The facts are not kept: an operator who resets the ledger wants a new attempt. A CRM event's own
          // body is kept, unless a conversation may exist: then a replay must have the same id.
          const isCertain = ['none', 'refused'].includes(step.facts.conversation.kind)
          const isOwnBody = carrier.kind === 'event' && isCertain
          const body = isOwnBody ? carrier.body : toHandOver({ request, destination, facts: NOTHING })
          const queue = isOwnBody ? 'events' : 'handOver'
          const attempts = step.facts.claim.attempt
          const error = step.error ?? toError(step.code)
          const { messageId } = job
          const isRefused = messageId !== undefined && error.code === 'request_id_reused'
          const refused = isRefused ? { messageId, accountId } : undefined
          await quarantine({ body, queue, error, requestId, accountId, attempts, refused })
          return { kind: 'quarantined' }
        }
      }
    }

    async function send(conversationId: string): Promise<Seen> {
      const heldBack = () => ({ error: toError('liveperson_unavailable'), ...inTrouble() })
      const inTrouble = () => ({ isAccountInTrouble: sendPace.isOpen() })
      const waitMs = sendPace.take(carrier.kind === 'memory' ? 0 : LONGEST_WAIT_MS)
      if (waitMs === undefined) return { kind: 'message', answer: 'owed', ...heldBack() }
      if (waitMs > 0) await sleep(waitMs)
      const startedAt = now()
      // Never cut short: a message whose answer is lost is never sent again.
      const sendBy = messageDeadline(budget, startedAt)
      const { message = '' } = request
      const answer: MessageAnswer = await livePerson.sendMessage(consumerId, conversationId, message, sendBy)
      switch (answer.kind) {
        case 'sent':
        case 'closed':
          report(sendPace, startedAt, undefined)
          return { kind: 'message', answer: answer.kind }
        case 'unknown':
          report(sendPace, startedAt, answer.error)
          return { kind: 'message', answer: 'unknown' }
        case 'owed':
          report(sendPace, startedAt, answer.error)
          return { kind: 'message', answer: 'owed', error: answer.error, ...inTrouble() }
      }
    }

    function handOverDelayMs(
      { error }: Extract<Step, { kind: 'hand_over' }>,
      facts: Facts,
      { isClaimInDoubt }: Known['progress'],
    ): number {
      const askedMs = error?.retryAfterMs
      const ageMs = now() - job.acceptedAt
      const pace = hasConversation(facts) ? sendPace : createPace
      const isParked = policy.admission !== 'granted' || pace.isOpen()
      const parkMs = isParked ? pace.parkDelayMs(ageMs) : HAND_OVER_DELAY_MS
      // A pause is over when a person ends it. Asking often only costs calls to SQS.
      const isSlow = policy.admission === 'paused' || isClaimInDoubt
      const longMs = isSlow ? Math.max(parkMs, slowDelayMs(ageMs, random)) : parkMs
      const delayMs = request.door === 'form' ? Math.min(FORM_PARK_MS, longMs) : longMs
      if (askedMs !== undefined) return Math.max(delayMs, backOffMs(1, askedMs, random))
      return isToBeIsolated(facts, policy) ? Math.max(delayMs, ISOLATED_WITHIN_MS * random()) : delayMs
    }
  }
}

/**
 * Returns how long a record waits while its account is paused or its claims fail, in milliseconds: about a
 * minute at first, and a fifteenth of its age later, 15 minutes at most.
 */
const slowDelayMs = (ageMs: number, random: () => number): number =>
  Math.min(900_000, Math.max(60_000, ageMs / 15)) * (0.7 + 0.3 * random())

const pauseAsked = (retryAfterMs: number): AppError =>
  new LivePersonUnavailableError({
    detail: 'LivePerson asked for a pause.',
    mayHaveExecuted: false,
    trouble: 'busy',
    retryAfterMs,
  })

/**
 * What a failed create means. An error that nobody expected says nothing about how far the create got.
 */
const toSeen = ({
  error,
  isAccountInTrouble,
  at,
}: {
  readonly error: AppError
  readonly isAccountInTrouble: boolean
  readonly at: number
}): Seen => {
  const isUnavailable = error instanceof LivePersonUnavailableError
  const isInDoubt = isUnavailable ? error.mayHaveExecuted : error.code === 'internal_error'
  if (isInDoubt) return { kind: 'create_in_doubt', error, isAccountInTrouble, at }
  return { kind: 'not_created', error, repeatable: isUnavailable && !isAccountInTrouble, isAccountInTrouble }
}

/** When LivePerson answered: near its start if the container was frozen meanwhile. */
const answeredAt = (sentAt: number, now: number): number => (now - sentAt > FROZEN_MS ? sentAt : now)

/** Returns the conversation that a request opened: the last known one, if it opened several. */
const openedBy = (pk: string, { conversationId, openings }: LastConversation): string | undefined => {
  const own = openings.flatMap((each) => (each.openedBy === pk ? [each.conversationId] : []))
  return own.find((each) => each === conversationId) ?? own.toSorted()[0]
}

/** What an error says about the account. Undefined: nothing. */
const troubleOf = (error: AppError): LivePersonUnavailableError['trouble'] | undefined => {
  if (error instanceof LivePersonUnavailableError) return error.trouble
  return error.code === 'internal_error' ? undefined : 'failed'
}
