import { resolve } from '../config/routes.ts'
import type { StageConfig } from '../config/stage.ts'
import { type AppError, toAppError } from '../errors/errors.ts'
import {
  type AcceptedRequest,
  parseConversationRequest,
  requestIdOf,
} from '../request/conversation-request.ts'
import { unwrap } from '../request/envelope.ts'
import { accept } from '../request/identity.ts'
import { parseJson } from '../request/strict-json.ts'
import type { Job } from './attempt.ts'
import { readHandOver } from './hand-over.ts'

/** What a record asks for, or why it can never succeed. */
export type ReadRecord =
  | { readonly kind: 'job'; readonly job: Job }
  | {
      readonly kind: 'refused'
      readonly error: AppError
      /** The SQS message id if the body has no valid one. */
      readonly requestId: string
      /** Set for a hand-over. */
      readonly request?: AcceptedRequest
    }

interface Message {
  readonly body: string
  readonly messageId: string
}

/**
 * Reads a CRM event, plain or in an SNS or EventBridge envelope, or a hand-over of this service. Never
 * throws.
 *
 * A route or campaign that the door may not use is refused here, before LivePerson is called.
 */
export const readRecord = (stage: StageConfig, { body, messageId }: Message): ReadRecord => {
  let requestId = messageId
  let request: AcceptedRequest | undefined
  try {
    const value = parseJson(body)
    const { input, eventId } = unwrap(value)
    // Nothing that came in an envelope is a hand-over.
    const handOver = input === value ? readHandOver(value) : undefined
    if (handOver) {
      request = handOver.request
      requestId = request.requestId
      return { kind: 'job', job: { ...handOver, ...resolve(stage, request.door, request) } }
    }
    requestId = requestIdOf(input) ?? eventId ?? messageId
    const parsed = parseConversationRequest(input)
    const { account, destination } = resolve(stage, 'queue', parsed)
    const { accountId } = account
    const accepted = accept(parsed, { door: 'queue', requestId, accountId, consumerId: parsed.consumer?.id })
    return { kind: 'job', job: { request: accepted, account, destination } }
  } catch (error) {
    return { kind: 'refused', error: toAppError(error), requestId, ...(request && { request }) }
  }
}
