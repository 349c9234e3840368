import { randomUUID } from 'node:crypto'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import type { StageConfig } from '../lib/config/stage.ts'
import { acceptForm } from '../lib/consumer/policy.ts'
import type { Attempt, Outcome } from '../lib/conversation/attempt.ts'
import { backOffMs } from '../lib/conversation/back-off.ts'
import { toHandedOver } from '../lib/conversation/hand-over.ts'
import {
  type AppError,
  LivePersonUnavailableError,
  OriginNotAllowedError,
  toAppError,
  toRejection,
} from '../lib/errors/errors.ts'
import type { AcceptedRequest } from '../lib/request/conversation-request.ts'
import { headerOf, parseForm } from '../lib/request/form.ts'
import type { Service } from '../lib/service/open.ts'
import type { MetricName } from '../lib/telemetry/metrics.ts'
import { type Answer, toAnswer } from './http/answer.ts'
import { toProblem } from './http/problem.ts'

/** LivePerson's advised first wait; by then the attempt that hands over has given its claim back. */
const QUEUE_DELAY_MS = 5000

/** What somebody who tries the door would show up in. */
const METRICS: ReadonlyMap<string, MetricName> = new Map([
  ['consumer_token_invalid', 'consumer_token_refused'],
  ['bot_check_failed', 'bot_check_failed'],
  ['origin_not_allowed', 'origin_refused'],
])

/** What has to be left of a container's life to hand a request over, in milliseconds. */
const HAND_OVER_MS = 4000

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
    const accepted = await acceptForm(service, form, requestId)
    const attempt = attemptOf(service, accepted, startedAt, aliveUntil)
    const outcome = await openOnce(service, accepted, attempt)
    service.report(accepted, outcome, service.now() - startedAt)
    return answerOutcome(requestId, outcome)
  } catch (thrown) {
    const error = toAppError(thrown)
    service.log.error('A form submit failed', error, { requestId, door: 'form' })
    const metric = METRICS.get(error.code)
    if (metric) service.count(metric)
    return toProblem(error, requestId)
  }
}

const checkOrigin = ({ origins }: StageConfig, { headers }: APIGatewayProxyEventV2) => {
  const origin = headerOf(headers, 'origin')
  if (origin !== undefined && !origins.includes(origin) && !origins.includes('*'))
    throw new OriginNotAllowedError({ detail: 'Pages of this origin may not call the service.' })
}

const attemptOf = (
  { config, queues, count }: Service,
  request: AcceptedRequest,
  startedAt: number,
  aliveUntil: number,
): Attempt => ({
  deadline: Math.min(startedAt + config.formDeadlineMs, aliveUntil - HAND_OVER_MS),
  aliveUntil,
  keep: async (error, known) => {
    // Only an operator can mend this, and the sender should know at once.
    if (error.code === 'invalid_config') throw error
    await queues.send(toHandedOver(request, known), delayOf(error))
  },
  setAside: async (error) => {
    const { requestId, accountId } = request
    await queues.quarantine(toHandedOver(request), { code: error.code, detail: error.message, requestId })
    count('record_quarantined', accountId)
  },
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

const answerOutcome = (requestId: string, outcome: Outcome): Answer => {
  switch (outcome.status) {
    case 'opened':
    case 'existing': {
      const { status, conversationId, messageStatus, repeated } = outcome
      return toAnswer(status === 'opened' && !repeated ? 201 : 200, {
        requestId,
        status,
        conversationId,
        messageStatus,
      })
    }
    case 'opening':
    case 'queued':
      return toAnswer(
        202,
        { requestId, status: outcome.status },
        {
          location: `/conversations/${encodeURIComponent(requestId)}`,
          'retry-after': String(QUEUE_DELAY_MS / 1000),
        },
      )
    case 'rejected':
      return toProblem(toRejection(outcome.code), requestId)
  }
}
