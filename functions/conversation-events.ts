import middy from '@middy/core'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { createEventsService, type EventsService } from '../lib/service/events.ts'
import { type Answer, toAnswer } from './http/answer.ts'
import { BODY_LIMIT } from './http/event.ts'
import { answerProblem, MIDDY_OPTIONS, oncePerContainer } from './lambda.ts'

/**
 * LivePerson may stop calling an endpoint that takes longer than 2.5 seconds, so a push that takes longer is
 * answered with 503 before that, and LivePerson repeats it. In milliseconds.
 */
const ANSWER_WITHIN_MS = 2000

/** Returns the handler of `POST /liveperson/{accountId}/events`, the address of LivePerson's webhooks. */
export const createHandler = (getService: () => EventsService) =>
  middy((event: APIGatewayProxyEventV2) => answerInTime(getService(), event), MIDDY_OPTIONS).onError(
    answerProblem(noRequestId),
  )

const noRequestId = () => undefined

/**
 * What is still under way continues in the container's next invocation, or never. Either does no harm: every
 * write adds facts, and LivePerson repeats the push.
 */
const answerInTime = async (service: EventsService, event: APIGatewayProxyEventV2): Promise<Answer> => {
  const answered = await Promise.race([answer(service, event), service.sleep(ANSWER_WITHIN_MS)])
  if (answered) return answered
  const accountId = event.pathParameters?.accountId ?? ''
  service.log.warn('A push was not recorded in time', {
    ...(service.hasAccount(accountId) && { accountId }),
  })
  return toAnswer(503, {})
}

/** LivePerson repeats every push whose answer is not 200 or 201. */
const answer = async (service: EventsService, event: APIGatewayProxyEventV2): Promise<Answer> => {
  const accountId = event.pathParameters?.accountId ?? ''
  if (!service.hasAccount(accountId)) return toAnswer(404, {})
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8')
  if (body.byteLength >= BODY_LIMIT) return toAnswer(413, {})
  if (!(await service.isGenuine(accountId, body, signatureOf(event)))) {
    service.count('push_refused')
    service.log.warn('The signature of a push is wrong', { accountId })
    return toAnswer(401, {})
  }
  await service.tell(accountId, body)
  return toAnswer(200, {})
}

/** API Gateway sends header names in lower case. Local emulators don't always. */
const signatureOf = ({ headers }: APIGatewayProxyEventV2): string | undefined =>
  Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === 'x-liveperson-signature')?.[1]

export const handler = createHandler(oncePerContainer(createEventsService))
