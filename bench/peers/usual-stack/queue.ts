import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch'
import { makeIdempotent } from '@aws-lambda-powertools/idempotency'
import { Logger } from '@aws-lambda-powertools/logger'
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type { Context, SQSEvent, SQSRecord } from 'aws-lambda'
import { z } from 'zod'
import { openConversation } from './flow.ts'
import { idempotencyConfig, persistenceStore } from './idempotency.ts'

const CrmEvent = z.strictObject({
  requestId: z.string().min(8).max(128).optional(),
  route: z.string(),
  consumer: z.strictObject({
    id: z.string(),
    firstName: z.string().optional(),
    lastName: z.string().optional(),
    email: z.email().optional(),
    phone: z.string().optional(),
  }),
  message: z.string().max(5000).optional(),
})

const logger = new Logger()
const metrics = new Metrics({ namespace: 'UsualStack' })
const processor = new BatchProcessor(EventType.SQS)

const openOnce = makeIdempotent(openConversation, {
  persistenceStore,
  config: idempotencyConfig,
  keyPrefix: 'queue',
})

const openRecord = async ({ body, messageId }: SQSRecord): Promise<void> => {
  const startedAt = Date.now()
  const { consumer, ...event } = CrmEvent.parse(JSON.parse(body))
  const requestId = event.requestId ?? messageId
  const { route } = event
  const { conversationId } = await openOnce({ ...event, requestId, consumer, consumerId: consumer.id })
  metrics.addMetric('conversation_opened', MetricUnit.Count, 1)
  const durationMs = Date.now() - startedAt
  logger.info('Request finished', { requestId, route, conversationId, status: 'opened', durationMs })
}

/** Opens a conversation for each record of a batch. */
export const handler = middy((event: SQSEvent, context: Context) => {
  idempotencyConfig.registerLambdaContext(context)
  return processPartialResponse(event, openRecord, processor, { context, throwOnFullBatchFailure: false })
})
  .use(injectLambdaContext(logger))
  .use(logMetrics(metrics))
