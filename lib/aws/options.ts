import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'

/** Settings shared by all AWS clients. Region and endpoints come from the SDK's own variables. */
export interface AwsOptions {
  readonly maxAttempts: number
  readonly requestHandler: NonNullable<DynamoDBClientConfig['requestHandler']>
}

/** Short timeouts, in milliseconds: a form that can't wait for AWS is handed over to the queue instead. */
export const awsOptions: AwsOptions = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 500, requestTimeout: 1000, throwOnRequestTimeout: true },
}
