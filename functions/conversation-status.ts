import middy from '@middy/core'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { NotFoundError } from '../lib/errors/errors.ts'
import { toRequestId } from '../lib/request/conversation-request.ts'
import { createStatusService, type StatusService } from '../lib/service/status.ts'
import { type Answer, toAnswer } from './http/answer.ts'
import { checkEdge } from './http/event.ts'
import { toOutcomeBody } from './http/outcome.ts'
import { answerProblem, MIDDY_OPTIONS, oncePerContainer } from './lambda.ts'

/** Returns the handler of `GET /conversations/{requestId}`. */
export const createHandler = (getService: () => StatusService) =>
  middy((event: APIGatewayProxyEventV2) => answerStatus(getService(), event), MIDDY_OPTIONS).onError(
    answerProblem(askedFor),
  )

const askedFor = ({ pathParameters }: APIGatewayProxyEventV2): string | undefined => {
  const id = pathParameters?.requestId ?? ''
  // An integer in a body may have fewer digits than a text.
  return toRequestId(INTEGER.test(id) ? Number(id) : id)
}

const INTEGER = /^-?[1-9]\d{0,14}$/

/** Only form requests are shown: the ids of CRM events may be guessable. */
const answerStatus = async (service: StatusService, event: APIGatewayProxyEventV2): Promise<Answer> => {
  await checkEdge(service.edge, event)
  const id = askedFor(event)
  const holder = event.queryStringParameters?.holder
  const found = id === undefined ? undefined : await service.findFormRequest(id, holder)
  if (!found) throw new NotFoundError({ detail: 'No form request has this id.' })
  return toAnswer(200, { requestId: found.requestId, ...toOutcomeBody(found.outcome, found.warnings) })
}

export const handler = createHandler(oncePerContainer(createStatusService))
