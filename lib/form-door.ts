import { randomUUID } from 'node:crypto'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { accept } from './accept.ts'
import { backOffMs } from './back-off.ts'
import type { Service } from './connect.ts'
import type { AcceptedRequest } from './conversation-request.ts'
import {
  type AppError,
  InvalidRequestError,
  LivePersonRejectedError,
  LivePersonUnavailableError,
  OriginNotAllowedError,
  OutcomeUnknownError,
  toAppError,
} from './errors.ts'
import { headerOf, parseForm } from './form.ts'
import type { Attempt, Outcome } from './open-conversation.ts'
import { ANSWER_HEADERS, toProblem } from './problem.ts'
import { toHandedOver } from './record.ts'
import { accountOf } from './routes.ts'
import type { StageConfig } from './stage-config.ts'

/** LivePerson's advised first wait; by then the attempt that hands over has given its claim back. */
const QUEUE_DELAY_MS = 5000

type Answer = APIGatewayProxyStructuredResultV2

/** How long a copy waits for the attempt that holds the claim before it goes to the queue, in milliseconds. */
const COPY_WAITS_MS = [150, 350, 700]

/**
 * Opens a conversation for a form submit, or leaves it to the queue: an answer 202 is given only when the queue has it.
 *
 * @param aliveUntil When this container is surely dead, in milliseconds since the epoch.
 */
export const openFromForm = async (
  service: Service,
  event: APIGatewayProxyEventV2,
  aliveUntil: number,
): Promise<Answer> => {
  const startedAt = service.now()
  let requestId: string | undefined
  try {
    checkOrigin(service.config.stage, event)
    const form = parseForm(event)
    requestId = form.requestId ?? randomUUID()
    const accepted = acceptForm(service.config.stage, requestId, form.request)
    const attempt = attemptOf(service, accepted, startedAt, aliveUntil)
    const outcome = await openOnce(service, accepted, attempt)
    service.report(accepted, outcome, service.now() - startedAt)
    return toAnswer(requestId, outcome)
  } catch (thrown) {
    const error = toAppError(thrown)
    service.log.error('A form submit failed', error, { requestId, door: 'form' })
    return toProblem(error, requestId)
  }
}

const checkOrigin = ({ origins }: StageConfig, { headers }: APIGatewayProxyEventV2) => {
  const origin = headerOf(headers, 'origin')
  if (origin !== undefined && !origins.includes(origin) && !origins.includes('*'))
    throw new OriginNotAllowedError({ detail: 'Pages of this origin may not call the service.' })
}

/** An anonymous form says nothing about who the consumer is that anybody vouches for, and nothing that routes. */
const acceptForm = (stage: StageConfig, requestId: string, request: Parameters<typeof accept>[0]) => {
  const { accountId } = accountOf(stage, request)
  const findings = [
    ...(request.consumer?.id === undefined
      ? []
      : [{ path: 'consumer.id', message: 'is not for an anonymous form to say' }]),
    ...(request.engagementAttributes ?? []).flatMap(({ type }, index) =>
      type === 'ctmrinfo'
        ? [{ path: `engagementAttributes.${index}`, message: 'ctmrinfo is not for an anonymous form to say' }]
        : [],
    ),
  ]
  if (findings.length > 0) throw new InvalidRequestError(findings)
  return accept(request, { door: 'form', requestId, accountId, consumerId: undefined })
}

const attemptOf = (
  { config, queues }: Service,
  request: AcceptedRequest,
  startedAt: number,
  aliveUntil: number,
): Attempt => ({
  deadline: Math.min(startedAt + config.formDeadlineMs, aliveUntil),
  aliveUntil,
  keep: async (error, known) => {
    // Only an operator can mend this, and the sender should know at once.
    if (error.code === 'invalid_config') throw error
    await queues.send(toHandedOver(request, known), delayOf(error))
  },
  setAside: (error) =>
    queues.quarantine(toHandedOver(request), {
      code: error.code,
      detail: error.message,
      requestId: request.requestId,
    }),
})

const delayOf = (error: AppError) =>
  error instanceof LivePersonUnavailableError && error.retryAfterMs !== undefined
    ? Math.max(QUEUE_DELAY_MS, backOffMs(1, error.retryAfterMs))
    : QUEUE_DELAY_MS

/** Where another attempt is at work, its outcome is waited for a little; after that the queue sees to it. */
const openOnce = async (service: Service, request: AcceptedRequest, attempt: Attempt): Promise<Outcome> => {
  let outcome = await service.openConversation(request, attempt)
  for (const wait of COPY_WAITS_MS) {
    if (outcome.status !== 'opening') return outcome
    await new Promise((resolve) => setTimeout(resolve, wait))
    outcome = await service.openConversation(request, attempt)
  }
  if (outcome.status === 'opening') await service.queues.send(toHandedOver(request), QUEUE_DELAY_MS)
  return outcome
}

const toAnswer = (requestId: string, outcome: Outcome): Answer => {
  switch (outcome.status) {
    case 'opened':
    case 'existing': {
      const { status, conversationId, messageStatus, repeated } = outcome
      return answer(status === 'opened' && !repeated ? 201 : 200, {
        requestId,
        status,
        conversationId,
        messageStatus,
      })
    }
    case 'opening':
    case 'queued':
      return {
        ...answer(202, { requestId, status: outcome.status }),
        headers: {
          ...ANSWER_HEADERS,
          location: `/conversations/${encodeURIComponent(requestId)}`,
          'retry-after': String(QUEUE_DELAY_MS / 1000),
        },
      }
    case 'rejected':
      return toProblem(rejection(outcome.code), requestId)
  }
}

const answer = (statusCode: number, body: object): Answer => ({
  statusCode,
  headers: { ...ANSWER_HEADERS },
  body: JSON.stringify(body),
})

const rejection = (code: string | undefined): AppError =>
  code === 'outcome_unknown'
    ? new OutcomeUnknownError({
        detail: 'LivePerson may have opened the conversation already; a person has to look.',
      })
    : new LivePersonRejectedError({ detail: 'LivePerson refused to open this conversation.' })
