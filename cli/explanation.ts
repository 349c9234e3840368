import { attributesOf, type Destination, resolve } from '../lib/config/routes.ts'
import type { StageConfig } from '../lib/config/stage.ts'
import { acceptForm } from '../lib/consumer/policy.ts'
import { requestKey } from '../lib/conversation/ledger-item.ts'
import { readRecord } from '../lib/conversation/record.ts'
import { type AppError, toAppError } from '../lib/errors/errors.ts'
import { toConversationBody, toMessageBody } from '../lib/liveperson/payload.ts'
import type { AcceptedRequest } from '../lib/request/conversation-request.ts'
import { type FormBody, parseForm } from '../lib/request/form.ts'

/** Where a text would arrive. */
export type Entrance = 'form' | 'queue' | 'hand-over'

/** What would happen to a request. Nothing was sent. */
export type Explanation =
  | {
      readonly kind: 'accepted'
      readonly request: AcceptedRequest
      readonly destination: Destination
      readonly ledgerKey: string
      /** The body of CONVERSATION. The two `id`s are new with each attempt. */
      readonly conversationBody: readonly object[]
      /** The body of SEND. `conversationId` and `id` are known once the conversation is open. */
      readonly messageBody: object | undefined
    }
  | { readonly kind: 'refused'; readonly error: AppError }

/** Stands for an id that is known only when the request is sent. */
const LATER = '(later)'

/**
 * Returns what would happen to a request, with the service's own functions. A challenge counts as solved. A
 * consumer token can't be verified here.
 *
 * @param options.requestId For a form, the Idempotency-Key. For an event, the SQS message id. It counts where
 *   the service would use it.
 * @param options.now Milliseconds since the epoch.
 */
export const explainRequest = async (options: {
  readonly stage: StageConfig
  readonly entrance: Entrance
  readonly text: string
  readonly requestId: string
  readonly now: number
}): Promise<Explanation> => {
  try {
    const { request, destination } = await accept(options)
    const { message } = request
    const input = { ...request, ...destination, engagementAttributes: attributesOf(request, destination) }
    return {
      kind: 'accepted',
      request,
      destination,
      ledgerKey: requestKey(request),
      conversationBody: toConversationBody(input, { profile: LATER, conversation: LATER }),
      messageBody: message === undefined ? undefined : toMessageBody(LATER, message, LATER),
    }
  } catch (error) {
    return { kind: 'refused', error: toAppError(error) }
  }
}

const accept = async ({
  stage,
  entrance,
  text,
  requestId,
  now,
}: Parameters<typeof explainRequest>[0]): Promise<{
  readonly request: AcceptedRequest
  readonly destination: Destination
}> => {
  if (entrance !== 'form') {
    const queue = entrance === 'queue' ? 'events' : 'handOver'
    const read = readRecord(stage, queue, { body: text, messageId: requestId, sentAt: now, now })
    if (read.kind === 'refused') throw read.error
    return read.job
  }
  const form = parseForm({ mediaType: mediaTypeOf(text), text })
  const { account, destination } = resolve(stage, 'form', form.request)
  const { request } = await acceptForm({
    account,
    form,
    authorization: undefined,
    requestId: form.request.requestId ?? requestId,
    verifyConsumer: undefined,
    checkBot: form.challenge && account.form.botCheck && (async () => 'solved'),
    findOriginal: async () => ({ kind: 'none' }),
    onGuess: () => {},
    sleep: async () => {},
  })
  return { request, destination }
}

const mediaTypeOf = (text: string): FormBody['mediaType'] =>
  /^\s*[{[]/.test(text) ? 'application/json' : 'application/x-www-form-urlencoded'
