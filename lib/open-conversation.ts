import type { AcceptedRequest } from './conversation-request.ts'
import {
  type AppError,
  LivePersonRejectedError,
  LivePersonUnavailableError,
  OutcomeUnknownError,
  toAppError,
} from './errors.ts'
import type { FinalOutcome, Lease, Ledger, MessageStatus } from './ledger.ts'
import type { LivePerson, Opened } from './liveperson/client.ts'
import { accountOf, type Destination, destinationOf } from './routes.ts'
import type { StageConfig } from './stage-config.ts'

/** How long a first message may take where the conversation itself took all the time, in milliseconds. */
const MESSAGE_MS = 3000

/** What one attempt at a request came to. */
export type Outcome =
  /** `repeated`: the ledger had it already. */
  | (FinalOutcome & { readonly repeated: boolean })
  /** Another attempt holds the claim. */
  | { readonly status: 'opening' }
  /** It waits in the events queue, for the reason that `error` gives. */
  | { readonly status: 'queued'; readonly error: AppError }

export interface Attempt {
  /** When LivePerson has to have answered, in milliseconds since the epoch. */
  readonly deadline: number
  /** When this container is surely dead, in milliseconds since the epoch. */
  readonly aliveUntil: number
  /** Makes sure that the request is in the events queue, with what is known of it; throws where it can't. */
  readonly keep: (error: AppError, known?: KnownOutcome) => Promise<void>
  /** Makes sure that a person will look at the request; throws where it can't. */
  readonly setAside: (error: AppError) => Promise<void>
}

/** What LivePerson has done for a request where the ledger could not take it down. */
export interface KnownOutcome {
  readonly outcome: FinalOutcome
  readonly lpConsumerId: string
}

export type OpenConversation = ReturnType<typeof createOpenConversation>

/**
 * Returns the flow: claim, ConsumerJWS beside it, CONVERSATION, first message, complete. A request becomes one
 * conversation, however often and wherever it is tried.
 */
export const createOpenConversation = ({
  stage,
  ledger,
  livePersonOf,
  now,
}: {
  readonly stage: StageConfig
  readonly ledger: Ledger
  readonly livePersonOf: (accountId: string) => LivePerson
  readonly now: () => number
}) => {
  /**
   * @param known What an earlier attempt found out; then LivePerson is not asked again.
   * @throws {CampaignNotAllowedError | InvalidRequestError | RequestIdReusedError} Before anything was sent.
   * @throws {AppError} A failure that the queue did not take over either.
   */
  return async (request: AcceptedRequest, attempt: Attempt, known?: KnownOutcome): Promise<Outcome> => {
    const account = accountOf(stage, request)
    const destination = destinationOf(account, request.door, request)
    const livePerson = livePersonOf(request.accountId)
    const hold = account.onLostAnswer === 'hold'

    let lease: Lease | undefined
    let reached = false
    try {
      // Beside the claim; the create below waits for the same request, and reports its failure.
      if (!known) livePerson.identify(request.consumerId, attempt.deadline).catch(() => undefined)
      const claim = await ledger.claim(request, destination, attempt.aliveUntil)
      if (claim.kind === 'held') return { status: 'opening' }
      if (claim.kind === 'final' && (!known || claim.outcome.conversationId !== undefined))
        return { ...claim.outcome, repeated: true }
      lease = claim.lease
      if (known) return { ...(await record(request, lease, known, attempt)), repeated: false }
      if (lease.reached && hold) throw outcomeUnknown()
      const opened = await create(livePerson, request, destination, attempt.deadline)
      reached = true
      const concluded = await conclude(livePerson, request, lease, opened, attempt.deadline)
      return { ...(await record(request, lease, concluded, attempt)), repeated: false }
    } catch (thrown) {
      const error = toAppError(thrown)
      reached ||= error instanceof LivePersonUnavailableError && error.reached
      const lost = reached && hold ? outcomeUnknown(error) : error
      if (lease && (lost instanceof LivePersonRejectedError || lost instanceof OutcomeUnknownError))
        return reject(lost, lease, reached, attempt)
      return putOff(error, lease, reached, attempt)
    }
  }

  function create(
    livePerson: LivePerson,
    { consumerId, consumer, context }: AcceptedRequest,
    destination: Destination,
    deadline: number,
  ): Promise<Opened> {
    return livePerson.openConversation(consumerId, { consumer, context, ...destination }, deadline)
  }

  /** Sends the first message, where there is one and a conversation to send it to. */
  async function conclude(
    livePerson: LivePerson,
    request: AcceptedRequest,
    lease: Lease,
    opened: Opened,
    deadline: number,
  ): Promise<KnownOutcome> {
    const { accountId, consumerId, message } = request
    const { lpConsumerId } = opened
    const send = (conversationId: string) =>
      message === undefined
        ? undefined
        : livePerson.sendMessage(consumerId, conversationId, message, Math.max(deadline, now() + MESSAGE_MS))

    if (opened.kind === 'opened') {
      const { conversationId } = opened
      const messageStatus = toMessageStatus(await send(conversationId))
      return { outcome: { status: 'opened', conversationId, messageStatus }, lpConsumerId }
    }

    const unsent = message === undefined ? undefined : lease.messageInDoubt ? 'unknown' : 'not_sent'
    const last = await ledger.findConversation(accountId, lpConsumerId)
    if (lease.reached) {
      // The answer to an earlier attempt was lost: the open conversation is this request's own.
      const conversationId = last?.openedBy === lease.pk ? last.conversationId : undefined
      return { outcome: { status: 'opened', conversationId, messageStatus: unsent }, lpConsumerId }
    }
    const conversationId = last?.state === 'OPEN' ? last.conversationId : undefined
    if (conversationId === undefined)
      return { outcome: { status: 'existing', messageStatus: unsent }, lpConsumerId }
    const sent = await send(conversationId)
    if (sent !== 'closed')
      return {
        outcome: { status: 'existing', conversationId, messageStatus: toMessageStatus(sent) },
        lpConsumerId,
      }
    // What was known is over, so it is another conversation that is open.
    await ledger.forgetConversation(accountId, lpConsumerId, conversationId)
    return { outcome: { status: 'existing', messageStatus: 'not_sent' }, lpConsumerId }
  }

  /** Writes down what LivePerson has done; what the table doesn't take goes by the queue. */
  async function record(
    request: AcceptedRequest,
    lease: Lease,
    known: KnownOutcome,
    { keep }: Attempt,
  ): Promise<FinalOutcome> {
    const { accountId } = request
    try {
      return await ledger.complete(lease, known.outcome, { accountId, lpConsumerId: known.lpConsumerId })
    } catch (error) {
      await keep(toAppError(error), known)
      return known.outcome
    }
  }

  async function reject(
    error: LivePersonRejectedError | OutcomeUnknownError,
    lease: Lease,
    reached: boolean,
    attempt: Attempt,
  ): Promise<Outcome> {
    try {
      if (error instanceof OutcomeUnknownError) await attempt.setAside(error)
      const outcome = await ledger.complete(lease, { status: 'rejected', code: error.code })
      return { ...outcome, repeated: false }
    } catch (failure) {
      return putOff(toAppError(failure), lease, reached, attempt)
    }
  }

  /** Leaves the request to the events queue, and the claim to whoever comes next. */
  async function putOff(
    error: AppError,
    lease: Lease | undefined,
    reached: boolean,
    { keep }: Attempt,
  ): Promise<Outcome> {
    const release = (status: 'queued' | 'failed') =>
      // Should this fail, the lease runs out by itself.
      lease && ledger.release(lease, { status, code: error.code, reached }).catch(() => undefined)
    try {
      if (!error.retryable) throw error
      await keep(error)
    } catch {
      await release('failed')
      throw error
    }
    await release('queued')
    return { status: 'queued', error }
  }
}

const outcomeUnknown = (cause?: unknown) =>
  new OutcomeUnknownError({
    detail: 'LivePerson may have opened the conversation already; a person has to look.',
    cause,
  })

const toMessageStatus = (outcome: string | undefined): MessageStatus | undefined => {
  if (outcome === undefined || outcome === 'sent' || outcome === 'unknown') return outcome
  return 'not_sent'
}
