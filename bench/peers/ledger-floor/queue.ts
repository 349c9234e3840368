import type { SQSEvent } from 'aws-lambda'
import { open, warm } from './flow.ts'

/** Opens a conversation for each record of a batch, without any check. */
export const handler = async ({ Records }: SQSEvent) => {
  const opened = await Promise.allSettled(
    Records.map(async ({ body, messageId }) => {
      const { requestId = messageId, route, consumer } = JSON.parse(body)
      await open({ door: 'queue', requestId, route, consumerId: consumer.id, consumer })
    }),
  )
  const failed = Records.filter((_, index) => opened[index]?.status === 'rejected')
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) }
}

await warm()
