import type { AcceptedRequest } from '../request/conversation-request.ts'
import type { Attempt } from './attempt.ts'
import { isFinished, outcomeOf } from './facts.ts'
import type { Job } from './job.ts'
import type { Ledger, Original } from './ledger.ts'
import type { Result } from './protocol.ts'
import { FORM_HELD_WAITS_MS, hasTimeFor, type TimeBudget } from './time-budget.ts'

/**
 * Returns a function that answers a copy of a form from the ledger. The copy spent no challenge of its own,
 * so it never creates a conversation. If no queue keeps an unfinished request, one copy per challenge puts it
 * into the hand-over queue.
 *
 * @param options.now Milliseconds since the epoch.
 * @param options.sleep Takes milliseconds.
 */
export const createAnswerCopy = ({
  ledger,
  attempt,
  now,
  sleep,
}: {
  readonly ledger: Pick<Ledger, 'findOriginal' | 'takeTurn'>
  readonly attempt: Attempt
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
}) => {
  const look = async (request: AcceptedRequest) => toAnswer(await ledger.findOriginal(request))

  /** @throws {ServiceUnavailableError} The ledger can't be read. */
  return async (job: Job, budget: TimeBudget): Promise<Result> => {
    const { request } = job
    let answer = await look(request)
    for (const ms of FORM_HELD_WAITS_MS) {
      if (
        answer.result.kind !== 'opening' ||
        !hasTimeFor({ kind: 'wait', ms, before: 'claim' }, budget, now())
      )
        break
      await sleep(ms)
      answer = await look(request)
    }
    if (answer.isKept || !(await ledger.takeTurn(request))) return answer.result
    return withoutNews(await attempt({ ...job, isCopy: true }, { kind: 'memory' }, budget))
  }
}

/** The first form was told that its conversation is new. */
const withoutNews = (result: Result): Result =>
  result.kind === 'finished' && result.outcome.status === 'opened' ? { ...result, wasOpen: true } : result

/** `isKept`: the request is finished, or a queue keeps it. */
const toAnswer = (original: Original): { readonly result: Result; readonly isKept: boolean } => {
  // An operator has just reset the request.
  if (original.kind !== 'same')
    return { result: { kind: 'failed', code: 'service_unavailable' }, isKept: true }
  const { facts, hasMessage, isHeld } = original
  const outcome = outcomeOf(facts, hasMessage)
  if (isFinished(facts, hasMessage))
    return { result: { kind: 'finished', outcome, repeated: true }, isKept: true }
  if (isHeld) return { result: { kind: 'opening' }, isKept: facts.handedOver }
  if (!facts.handedOver)
    return { result: { kind: 'failed', code: outcome.code ?? 'interrupted' }, isKept: false }
  const kept = 'in_hand_over'
  return outcome.status === 'queued'
    ? { result: { kind: 'queued', kept }, isKept: true }
    : { result: { kind: 'finished', outcome, repeated: true, kept }, isKept: true }
}
