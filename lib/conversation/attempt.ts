import { accountOf, type Destination, destinationOf } from '../config/routes.ts'
import type { StageConfig } from '../config/stage.ts'
import {
  type AppError,
  LivePersonRejectedError,
  LivePersonUnavailableError,
  OutcomeUnknownError,
  toAppError,
  toRejection,
} from '../errors/errors.ts'
import type { LivePerson, Opened } from '../liveperson/client.ts'
import type { AcceptedRequest } from '../request/conversation-request.ts'
import { conclude, type KnownOutcome } from './conclude.ts'
import type { FinalOutcome, Lease, Ledger } from './ledger.ts'

/** How long a first message may take where the conversation itself took all the time, in milliseconds. */
const MESSAGE_MS = 3000
/** What has to be left of a container's life to write the outcome down, in milliseconds. */
const WRITE_MS = 1500
/** LivePerson's advised pause after 429, in milliseconds. */
const REPEAT_AFTER_MS = 1000
/** A second try that could have less than this is left to the queue, in milliseconds. */
const LEAST_MS = 1500

/** What one attempt at a request came to. */
export type Outcome =
  /** `repeated`: the ledger had it already; `error` says why it was rejected just now. */
  | (FinalOutcome & { readonly repeated: boolean; readonly error?: AppError })
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
    let opened: Opened | undefined
    let found = known
    try {
      // Beside the claim; the create below waits for the same request, and reports its failure.
      if (!known) livePerson.identify(request.consumerId, attempt.deadline).catch(() => undefined)
      const claim = await ledger.claim(request, destination, attempt.aliveUntil)
      if (claim.kind === 'held') return { status: 'opening' }
      if (claim.kind === 'final' && (!known || claim.outcome.conversationId !== undefined))
        return { ...claim.outcome, repeated: true }
      lease = claim.lease
      if (!found) {
        if (lease.reached && hold) throw toRejection('outcome_unknown')
        opened = await create(livePerson, request, destination, attempt.deadline)
        const end = Math.min(now() + MESSAGE_MS, attempt.aliveUntil - WRITE_MS)
        const deadline = Math.max(attempt.deadline, end)
        found = await conclude({ ledger, livePerson }, request, lease, opened, deadline)
      }
      const { lpConsumerId, outcome } = found
      const { accountId } = request
      return { ...(await ledger.complete(lease, outcome, { accountId, lpConsumerId })), repeated: false }
    } catch (thrown) {
      const error = toAppError(thrown)
      // LivePerson has done its part: what the table doesn't take goes by the queue.
      if (found && found !== known && (await isKept(attempt, error, found)))
        return { ...found.outcome, repeated: false }
      const reached =
        opened?.kind === 'opened' || (error instanceof LivePersonUnavailableError && error.reached)
      const doubts = { reached, messageInDoubt: opened?.kind === 'opened' || found !== undefined }
      const lost = reached && hold && !found ? toRejection('outcome_unknown') : error
      if (lease && (lost instanceof LivePersonRejectedError || lost instanceof OutcomeUnknownError))
        return reject(lost, lease, doubts, attempt)
      return putOff(error, lease, doubts, attempt)
    }
  }

  /** Opens it; once more where the first try certainly did nothing and there is time to be polite. */
  async function create(
    livePerson: LivePerson,
    { consumerId, consumer, context }: AcceptedRequest,
    destination: Destination,
    deadline: number,
  ): Promise<Opened> {
    const open = () =>
      livePerson.openConversation(consumerId, { consumer, context, ...destination }, deadline)
    try {
      return await open()
    } catch (error) {
      if (!(error instanceof LivePersonUnavailableError) || error.reached) throw error
      const waitMs = Math.max(REPEAT_AFTER_MS, error.retryAfterMs ?? 0)
      if (now() + waitMs + LEAST_MS > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, waitMs))
      return open()
    }
  }

  async function reject(
    error: LivePersonRejectedError | OutcomeUnknownError,
    lease: Lease,
    doubts: { readonly reached: boolean; readonly messageInDoubt: boolean },
    attempt: Attempt,
  ): Promise<Outcome> {
    try {
      if (error instanceof OutcomeUnknownError) await attempt.setAside(error)
      const outcome = await ledger.complete(lease, { status: 'rejected', code: error.code })
      return { ...outcome, repeated: false, error }
    } catch (failure) {
      return putOff(toAppError(failure), lease, doubts, attempt)
    }
  }

  /** Leaves the request to the events queue, and the claim to whoever comes next. */
  async function putOff(
    error: AppError,
    lease: Lease | undefined,
    { reached, messageInDoubt }: { readonly reached: boolean; readonly messageInDoubt: boolean },
    { keep }: Attempt,
  ): Promise<Outcome> {
    const release = (status: 'queued' | 'failed') =>
      // Should this fail, the lease runs out by itself.
      lease &&
      ledger.release(lease, { status, code: error.code, reached, messageInDoubt }).catch(() => undefined)
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

const isKept = ({ keep }: Attempt, error: AppError, found: KnownOutcome): Promise<boolean> =>
  keep(error, found).then(
    () => true,
    () => false,
  )
