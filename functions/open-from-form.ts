import middy from '@middy/core'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { resolve } from '../lib/config/routes.ts'
import type { AccountConfig } from '../lib/config/stage.ts'
import { holderOf } from '../lib/conversation/ledger.ts'
import type { Result } from '../lib/conversation/protocol.ts'
import { formBudget } from '../lib/conversation/time-budget.ts'
import { type AppError, OriginNotAllowedError, toAppError, toError } from '../lib/errors/errors.ts'
import type { AcceptedRequest, ConversationRequest } from '../lib/request/conversation-request.ts'
import { parseForm } from '../lib/request/form.ts'
import { createOpenService, type OpenService } from '../lib/service/open.ts'
import type { MetricName } from '../lib/telemetry/metrics.ts'
import { type Answer, toAnswer } from './http/answer.ts'
import { answerSender } from './http/browser.ts'
import {
  authorizationOf,
  checkEdge,
  givenRequestId,
  headerRequestId,
  idempotencyKeyOf,
  originOf,
  readBody,
} from './http/event.ts'
import { toOutcomeBody } from './http/outcome.ts'
import { toProblem } from './http/problem.ts'
import { answerProblem, invocationEndsAt, MIDDY_OPTIONS, oncePerContainer, warmUp } from './lambda.ts'

/** How long a sender should wait before it asks for the status of a queued request, in seconds. */
const POLL_AFTER_SECONDS = 5

/** Returns the handler of `POST /conversations`. */
export const createHandler = (getService: () => OpenService) =>
  middy(async (event: APIGatewayProxyEventV2, context: Context) => {
    const service = getService()
    return answerSender(event, service.stage, await openFromForm(service, event, context))
  }, MIDDY_OPTIONS).onError((failure) =>
    answerSender(failure.event, undefined, answerProblem(givenRequestId)(failure)),
  )

const openFromForm = async (
  service: OpenService,
  event: APIGatewayProxyEventV2,
  context: Context,
): Promise<Answer> => {
  const { stage, edge, formDeadlineMs, now, uuid, report } = service
  const startedAt = now()
  const endsAt = invocationEndsAt(startedAt, context)
  let campaign: ConversationRequest['campaign']
  try {
    await checkEdge(edge, event)
    checkOrigin(stage.origins, originOf(event))
    const key = idempotencyKeyOf(event)
    const form = parseForm(readBody(event))
    campaign = form.request.campaign
    // Refuses a route or campaign before a token is verified, a challenge is spent or LivePerson is called.
    const { account, destination } = resolve(stage, 'form', form.request)
    const requestId = key ?? form.request.requestId ?? uuid()
    const authorization = authorizationOf(event)
    const { request, isCopy } = await service.acceptForm({ account, form, authorization, requestId })
    const budget = formBudget(startedAt, endsAt, formDeadlineMs)
    const job = { request, account, destination, acceptedAt: startedAt, pausedMs: 0 }
    const result = isCopy
      ? await service.answerCopy(job, budget)
      : await service.attempt(job, { kind: 'memory' }, budget)
    report(request, destination, result, { durationMs: now() - startedAt })
    return answer(request, account, result)
  } catch (thrown) {
    const error = toAppError(thrown)
    // The body of a sender that may not call the service is never read.
    const mayCall = error.code !== 'origin_not_allowed'
    const requestId = mayCall ? givenRequestId(event) : headerRequestId(event)
    service.log.error('A form failed before its attempt', error, { requestId, door: 'form', ...campaign })
    const metric = PROBES.get(error.code)
    if (metric) service.count(metric)
    return toProblem(error, requestId)
  }
}

const checkOrigin = (origins: readonly string[], origin: string | undefined) => {
  if (origin === undefined || origins.includes(origin) || origins.includes('*')) return
  throw new OriginNotAllowedError({
    detail: origin === 'null' ? NO_ORIGIN : 'Pages from this origin may not call the service.',
  })
}

const NO_ORIGIN =
  'The browser sent no origin (Origin: null). The usual cause is a page with the header ' +
  'Referrer-Policy: no-referrer or same-origin: use strict-origin-when-cross-origin there. ' +
  'Sandboxed frames and local files have no origin, either.'

/** Metrics that reveal probing. */
const PROBES: ReadonlyMap<AppError['code'], MetricName> = new Map([
  ['consumer_token_invalid', 'consumer_token_refused'],
  ['bot_check_failed', 'bot_check_failed'],
  ['origin_not_allowed', 'origin_refused'],
])

const answer = (request: AcceptedRequest, account: AccountConfig, result: Result): Answer => {
  const { requestId, warnings, vouchedBy } = request
  switch (result.kind) {
    case 'finished': {
      const { status, code } = result.outcome
      if (status === 'rejected' || status === 'outcome_unknown')
        return toProblem(toError(code ?? 'liveperson_rejected'), requestId)
      const isNew = status === 'opened' && !result.repeated && !result.wasOpen
      return toAnswer(isNew ? 201 : 200, {
        requestId,
        ...toOutcomeBody(result.outcome, warnings),
        // Others have nowhere to sign in.
        ...(vouchedBy === 'token' && { continue: account.continue }),
      })
    }
    case 'opening':
    case 'queued':
      return toAnswer(
        202,
        { requestId, ...toOutcomeBody({ status: result.kind }, warnings) },
        {
          location: locationOf(request),
          'retry-after': String(POLL_AFTER_SECONDS),
        },
      )
    case 'failed':
      return toProblem(result.error ?? toError(result.code), requestId)
  }
}

/**
 * Returns the address of the status, relative to the address that was called. Behind a base path, such as an
 * API mapping or a CloudFront behavior, the function doesn't know the whole path.
 */
const locationOf = (request: AcceptedRequest): string =>
  `conversations/${encodeURIComponent(request.requestId)}?holder=${holderOf(request)}`

const getService = oncePerContainer(createOpenService)

await warmUp(getService)

export const handler = createHandler(getService)
