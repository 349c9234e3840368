import { IdempotencyConfig } from '@aws-lambda-powertools/idempotency'
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb'

/** Where the outcomes are kept. */
export const persistenceStore = new DynamoDBPersistenceLayer({
  tableName: process.env.STATE_TABLE ?? '',
  keyAttr: 'pk',
})

/** Requests with the same id are opened once, for as long as this service remembers them. */
export const idempotencyConfig = new IdempotencyConfig({
  eventKeyJmesPath: 'requestId',
  expiresAfterSeconds: 30 * 24 * 3600,
  throwOnNoIdempotencyKey: true,
})
