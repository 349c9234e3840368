import type { Queues } from '../aws/queues.ts'
import { attributesOf, type Destination } from '../config/routes.ts'
import type { AccountConfig } from '../config/stage.ts'
import { LivePersonRejectedError, LivePersonUnavailableError, toAppError, toError } from '../errors/errors.ts'
import { type LivePerson, RETRY_PAUSE_MS } from '../liveperson/client.ts'
import type { AcceptedRequest } from '../request/conversation-request.ts'
import type { Log } from '../telemetry/log.ts'
import { backOffMs } from './back-off.ts'
import { toHandOver } from './hand-over.ts'
import type { Lease, Ledger } from './ledger.ts'
import {
  begin,
  type Facts,
  learn,
  NOTHING,
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
  messageDeadline,
  type TimeBudget,
} from './time-budget.ts'

/** A request with everything that was decided about it before the attempt. */
export interface Job {
  readonly request: AcceptedRequest
  readonly account: AccountConfig
  readonly destination: Destination
  /** What an earlier attempt found out, if this is a hand-over. */
  readonly facts?: Facts | undefined
}

/** Where the request is kept during the attempt: only in this container's memory, or in a queue record. */
export type Carrier =
  | { readonly kind: 'memory' }
  | {
      readonly kind: 'record'
      readonly body: string
      /** How many times the queue has delivered the record, including this one. */
      readonly receives: number
    }

/** Makes one attempt at a request. It never throws. */
export type Attempt = (job: Job, carrier: Carrier, budget: TimeBudget) => Promise<Result>

/**
 * Returns the loop that performs the protocol: ask `protocol.ts` for the next step, perform it, report what
 * came back. The protocol decides what comes next; this file calls the components and classifies their
 * answers.
 *
 * @param options.now Milliseconds since the epoch.
 * @param options.sleep Takes milliseconds.
 * @param options.random Returns a number from 0 up to, but not including, 1.
 */
export const createAttempt = ({
  ledger,
  queues,
  quarantine,
  livePersonOf,
  log,
  now,
  sleep,
  random,
}: {
  readonly ledger: Ledger
  readonly queues: Queues
  readonly quarantine: Quarantine
  readonly livePersonOf: (accountId: string) => LivePerson
  readonly log: Log
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
  readonly random: () => number
}): Attempt => {
  return async (job, carrier, budget) => {
    const { request } = job
    const policy = policyOf(job, carrier)
    const perform = createSteps(job, carrier, budget)
    let known = begin(job.facts)
    for (;;) {
      const step = next(known, policy)
      if (step.kind === 'done') return step.result
      const seen = await perform(step).catch((thrown: unknown): Seen => {
        const error = toAppError(thrown)
        log.warn('A step failed', { requestId: request.requestId, step: step.kind, code: error.code })
        return { kind: 'failed', step: step.kind, error }
      })
      known = learn(known, seen)
    }
  }

  function createSteps({ request, destination }: Job, carrier: Carrier, budget: TimeBudget) {
    const { accountId, consumerId, requestId } = request
    const livePerson = livePersonOf(accountId)
    let lease: Lease | undefined
    let lpConsumerId: string | undefined

    const required = <T>(value: T | undefined): T => {
      if (value !== undefined) return value
      throw new Error('The protocol asked for a step before the one that it needs')
    }

    return async (step: Exclude<Step, { kind: 'done' }>): Promise<Seen> => {
      switch (step.kind) {
        case 'identify':
          // The create needs the same token and reports a failure.
          livePerson.identify(consumerId, budget.deadline).catch(() => undefined)
          return { kind: 'identifying' }

        case 'claim': {
          const claim = await ledger.claim(request, destination, budget.aliveUntil)
          if (claim.kind === 'held') return claim
          lease = claim.lease
          return claim
        }

        case 'wait':
          if (!hasTimeFor(step, budget, now())) return { kind: 'no_time', before: step.before }
          await sleep(step.ms)
          return { kind: 'waited', before: step.before }

        case 'create':
          try {
            const engagementAttributes = attributesOf(request, destination)
            const input = { ...request, ...destination, engagementAttributes }
            const opened = await livePerson.openConversation(consumerId, input, budget.deadline)
            lpConsumerId = opened.lpConsumerId
            return opened
          } catch (error) {
            return toSeen(error)
          }

        case 'look_up': {
          const last = await ledger.findConversation(accountId, required(lpConsumerId))
          if (last?.state !== 'OPEN' || last.conversationId === undefined) return { kind: 'nothing_known' }
          const openedByThis = last.openedBy === required(lease).pk
          return { kind: 'known', conversationId: last.conversationId, openedByThis }
        }

        case 'ask': {
          const deadline = messageDeadline(budget, now())
          const isOpen = await livePerson.isOpen(consumerId, step.conversationId, deadline)
          return { kind: 'asked', answer: isOpen === undefined ? 'unsure' : isOpen ? 'open' : 'closed' }
        }

        case 'send': {
          const deadline = messageDeadline(budget, now())
          const { message = '' } = request
          const answer = await livePerson.sendMessage(consumerId, step.conversationId, message, deadline)
          return { kind: 'message', answer }
        }

        case 'forget':
          await ledger.forgetConversation(accountId, required(lpConsumerId), step.conversationId)
          return { kind: 'forgotten' }

        case 'complete':
          return { kind: 'completed', facts: await ledger.complete(required(lease), step.facts) }

        case 'release':
          await ledger.release(required(lease), step.facts)
          return { kind: 'released' }

        case 'hand_over':
          await queues.send(toHandOver(request, step.facts), handOverDelayMs(step, carrier))
          return { kind: 'handed_over' }

        case 'quarantine': {
          // A record without its own requestId would get a new one on replay. If a conversation may exist,
          // that id is kept. The facts are not: an operator who resets the ledger wants a new attempt.
          const keepsBody = carrier.kind === 'record' && step.code !== 'outcome_unknown'
          const body = keepsBody ? carrier.body : toHandOver(request, NOTHING)
          await quarantine({ body, error: step.error ?? toError(step.code), requestId, request })
          return { kind: 'quarantined' }
        }
      }
    }
  }

  function handOverDelayMs({ error }: Extract<Step, { kind: 'hand_over' }>, carrier: Carrier): number {
    if (carrier.kind === 'record') return backOffMs(carrier.receives, undefined, random)
    const askedMs = error?.retryAfterMs
    return askedMs === undefined
      ? HAND_OVER_DELAY_MS
      : Math.max(HAND_OVER_DELAY_MS, backOffMs(1, askedMs, random))
  }
}

const policyOf = ({ request, account }: Job, { kind }: Carrier): Policy => ({
  hasMessage: request.message !== undefined,
  onLostAnswer: account.onLostAnswer,
  carrier: kind,
  heldWaitsMs: kind === 'memory' ? FORM_HELD_WAITS_MS : [],
  repeatAfterMs: RETRY_PAUSE_MS,
})

/** What a failed create means. An error that nobody expected says nothing about how far the create got. */
const toSeen = (thrown: unknown): Seen => {
  const error = toAppError(thrown)
  if (error instanceof LivePersonRejectedError) return { kind: 'refused', error }
  if (error instanceof LivePersonUnavailableError)
    return error.mayHaveExecuted
      ? { kind: 'create_in_doubt', error }
      : { kind: 'not_created', error, repeatable: true }
  return error.code === 'internal_error'
    ? { kind: 'create_in_doubt', error }
    : { kind: 'not_created', error, repeatable: false }
}
