import middy from '@middy/core'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import type { Outcome } from '../lib/conversation/facts.ts'
import { InvalidConfigError, NotFoundError } from '../lib/errors/errors.ts'
import { isAccountId, toRequestId } from '../lib/request/conversation-request.ts'
import { isRecord } from '../lib/request/lenient-json.ts'
import { createStatusService, type StatusService } from '../lib/service/status.ts'
import { type Answer, toAnswer } from './http/answer.ts'
import { PROBLEM } from './http/browser.ts'
import { acceptsHtml, checkEdge } from './http/event.ts'
import { toOutcomeBody } from './http/outcome.ts'
import { toProblemPage, toStatusPage } from './http/page.ts'
import { answerProblem, MIDDY_OPTIONS, oncePerContainer } from './lambda.ts'

/** Only IAM may let callers use this route: the ids of CRM events may be guessable. */
const EVENT_ROUTE = 'GET /events/{accountId}/{requestId}'

/** Returns the handler of `GET /conversations/{requestId}` and `GET /events/{accountId}/{requestId}`. */
export const createHandler = (getService: () => StatusService) =>
  middy(
    (event: APIGatewayProxyEventV2) =>
      event.routeKey === EVENT_ROUTE ? answerEvent(getService(), event) : answerForm(getService(), event),
    MIDDY_OPTIONS,
  ).onError((failure) => {
    const problem = answerProblem(askedFor)(failure)
    // The request itself may be fine.
    return acceptsHtml(failure.event) ? toStatusPage(undefined) : problem
  })

const askedFor = ({ pathParameters }: APIGatewayProxyEventV2): string | undefined => {
  const id = pathParameters?.requestId ?? ''
  // An integer in a body may have fewer digits than a text.
  return toRequestId(INTEGER.test(id) ? Number(id) : id)
}

const INTEGER = /^-?[1-9]\d{0,14}$/

const answerForm = async (service: StatusService, event: APIGatewayProxyEventV2): Promise<Answer> => {
  await checkEdge(service.edge, event)
  const { holder, code, field } = event.queryStringParameters ?? {}
  const isForBrowser = acceptsHtml(event)
  if (isForBrowser && event.pathParameters?.requestId === PROBLEM)
    return toProblemPage(code, field?.split(',') ?? [])
  const id = askedFor(event)
  const found = id === undefined ? undefined : await service.findFormRequest(id, holder)
  if (isForBrowser) return toStatusPage(found?.outcome)
  if (!found) throw new NotFoundError({ detail: 'No form request has this id.' })
  const { requestId, outcome, warnings } = found
  return toAnswer(200, {
    requestId,
    ...toOutcomeBody(outcome, warnings),
    ...(isOpen(outcome) && { continue: found.continue }),
  })
}

const isOpen = ({ status }: Outcome): boolean => status === 'opened' || status === 'existing'

/** CRMs call AWS with a signature, so that no CDN's secret is checked. */
const answerEvent = async (service: StatusService, event: APIGatewayProxyEventV2): Promise<Answer> => {
  if (!service.isLocal && !isAuthorized(event))
    throw new InvalidConfigError({ detail: `${EVENT_ROUTE} was called without IAM authorization.` })
  const id = askedFor(event)
  const accountId = event.pathParameters?.accountId
  const found =
    id === undefined || !isAccountId(accountId) ? undefined : await service.findEvent(accountId, id)
  if (found?.request) {
    const { requestId, outcome, warnings } = found.request
    return toAnswer(200, { requestId, ...toOutcomeBody(outcome, warnings) })
  }
  if (found?.refusal) return toAnswer(200, { ...found.refusal, status: 'rejected' })
  throw new NotFoundError({ detail: 'No event of this account has this id.' })
}

const isAuthorized = ({ requestContext }: APIGatewayProxyEventV2): boolean =>
  'authorizer' in requestContext &&
  isRecord(requestContext.authorizer) &&
  isRecord(requestContext.authorizer.iam)

export const handler = createHandler(oncePerContainer(createStatusService))
