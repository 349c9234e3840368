import { resolve } from '../config/routes.ts'
import type { StageConfig } from '../config/stage.ts'
import { type AppError, toAppError } from '../errors/errors.ts'
import { type AcceptedRequest, parseConversationRequest } from '../request/conversation-request.ts'
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
      /** The message's own id if the body's can't be read. */
      readonly requestId: string
      /** Set for a hand-over. */
      readonly request?: AcceptedRequest
    }

interface Message {
  readonly body: string
  readonly messageId: string
}

/**
 * Reads a CRM event, plain or in an SNS or EventBridge envelope, or a hand-over of this service. Never throws.
 *
 * A route or campaign that the door may not use is refused here, before LivePerson is called.
 */
export const readRecord = (stage: StageConfig, message: Message): ReadRecord => {
  try {
    const value = parseJson(message.body)
    const { input, eventId } = unwrap(value)
    // Nothing that came in an envelope is a hand-over.
    const handOver = input === value ? readHandOver(value) : undefined
    if (handOver) {
      const { request } = handOver
      return orRefuse(request.requestId, request, () => ({
        ...handOver,
        ...resolve(stage, request.door, request),
      }))
    }
    const asked = parseConversationRequest(input)
    const requestId = asked.requestId ?? eventId ?? message.messageId
    return orRefuse(requestId, undefined, () => {
      const { account, destination } = resolve(stage, 'queue', asked)
      const { accountId } = account
      const request = accept(asked, { door: 'queue', requestId, accountId, consumerId: asked.consumer?.id })
      return { request, account, destination }
    })
  } catch (error) {
    return { kind: 'refused', error: toAppError(error), requestId: message.messageId }
  }
}

const orRefuse = (requestId: string, request: AcceptedRequest | undefined, toJob: () => Job): ReadRecord => {
  try {
    return { kind: 'job', job: toJob() }
  } catch (thrown) {
    const error = toAppError(thrown)
    return { kind: 'refused', error, requestId, ...(request && { request }) }
  }
}
