import { randomUUID } from 'node:crypto'
import { makeIdempotent } from '@aws-lambda-powertools/idempotency'
import { Logger } from '@aws-lambda-powertools/logger'
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { z } from 'zod'
import { openConversation } from './flow.ts'
import { idempotencyConfig, persistenceStore } from './idempotency.ts'

const Form = z.strictObject({
  requestId: z.string().min(8).max(128).optional(),
  route: z.string(),
  consumer: z
    .strictObject({
      firstName: z.string().optional(),
      lastName: z.string().optional(),
      email: z.email().optional(),
      phone: z.string().optional(),
    })
    .default({}),
  message: z.string().max(5000).optional(),
})

const logger = new Logger()
const metrics = new Metrics({ namespace: 'UsualStack' })
const keys = createRemoteJWKSet(new URL(process.env.JWKS_URL ?? ''))

const openOnce = makeIdempotent(openConversation, {
  persistenceStore,
  config: idempotencyConfig,
  keyPrefix: 'form',
})

/** Opens a conversation for a web form. */
export const handler = middy(async (event: APIGatewayProxyEventV2, context: Context) => {
  idempotencyConfig.registerLambdaContext(context)
  const startedAt = Date.now()
  const parsed = Form.safeParse(JSON.parse(event.body ?? ''))
  if (!parsed.success) return toAnswer(400, { title: 'Invalid request' })
  const requestId = event.headers['idempotency-key'] ?? parsed.data.requestId ?? randomUUID()
  try {
    const consumerId = await consumerOf(event.headers.authorization, requestId)
    const { route } = parsed.data
    const { conversationId } = await openOnce({ ...parsed.data, requestId, consumerId })
    metrics.addDimension('route', route)
    metrics.addMetric('conversation_opened', MetricUnit.Count, 1)
    const durationMs = Date.now() - startedAt
    logger.info('Request finished', { requestId, route, conversationId, status: 'opened', durationMs })
    return toAnswer(201, { requestId, status: 'opened', conversationId })
  } catch (error) {
    logger.error('Request failed', { requestId, error })
    return toAnswer(502, { title: 'LivePerson failed', requestId })
  }
})
  .use(injectLambdaContext(logger))
  .use(logMetrics(metrics))

const consumerOf = async (authorization: string | undefined, requestId: string): Promise<string> => {
  if (authorization === undefined) return requestId
  const { payload } = await jwtVerify(authorization.replace(/^Bearer /, ''), keys, {
    issuer: process.env.TOKEN_ISSUER ?? '',
    audience: process.env.TOKEN_AUDIENCE ?? '',
  })
  return payload.sub ?? requestId
}

const toAnswer = (statusCode: number, body: object) => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})
