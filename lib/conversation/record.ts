import { resolve } from '../config/routes.ts'
import type { StageConfig } from '../config/stage.ts'
import { parseConversationRequest } from '../request/conversation-request.ts'
import { unwrap } from '../request/envelope.ts'
import { accept } from '../request/identity.ts'
import { parseJson } from '../request/strict-json.ts'
import type { Job } from './attempt.ts'
import { readHandOver } from './hand-over.ts'

/**
 * Returns what one record asks for: a CRM event, plain or in an SNS or EventBridge envelope, or a hand-over of this service.
 *
 * @throws {InvalidRequestError}
 * @throws {CampaignNotAllowedError}
 */
export const parseRecord = (
  stage: StageConfig,
  { body, messageId }: { readonly body: string; readonly messageId: string },
): Job => {
  const { input, eventId } = unwrap(parseJson(body))
  const handOver = eventId === undefined ? readHandOver(input) : undefined
  if (handOver) {
    const { request, facts } = handOver
    return { request, facts, ...resolve(stage, request.door, request) }
  }
  const request = parseConversationRequest(input)
  const { account, destination } = resolve(stage, 'queue', request)
  return {
    request: accept(request, {
      door: 'queue',
      requestId: request.requestId ?? eventId ?? messageId,
      accountId: account.accountId,
      consumerId: request.consumer?.id,
    }),
    account,
    destination,
  }
}
