import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import * as z from 'zod/mini'
import { NotFoundError } from '../lib/errors/errors.ts'
import { requestId } from '../lib/request/conversation-request.ts'
import type { StatusService } from '../lib/service/open.ts'
import { type Answer, toAnswer } from './http/answer.ts'

/**
 * Says where a form's request stands, over all accounts. Requests of the queue are not shown: their ids may be guessable.
 *
 * @throws {NotFoundError}
 * @throws {ServiceUnavailableError}
 */
export const answerStatus = async (
  { ledger, accounts }: StatusService,
  { pathParameters }: APIGatewayProxyEventV2,
): Promise<Answer> => {
  const id = z.safeParse(requestId, pathParameters?.requestId)
  const [found] = id.success
    ? await ledger.find(
        accounts.map(({ accountId }) => accountId),
        'form',
        id.data,
      )
    : []
  if (!found) throw new NotFoundError({ detail: 'There is no request of that id.' })
  const { status, conversationId, code, messageStatus } = found
  const isOver = status === 'opened' || status === 'existing'
  return toAnswer(200, {
    requestId: found.requestId,
    status,
    conversationId,
    code: isOver ? undefined : code,
    messageStatus,
  })
}
