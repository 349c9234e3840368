import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'

/** What every AWS client of this service is made with; endpoints and region come from the SDK's own variables. */
export interface AwsOptions {
  readonly maxAttempts: number
  readonly requestHandler: NonNullable<DynamoDBClientConfig['requestHandler']>
}

/** Quick to give up: on the form path the queue takes over what a table or a secret can't do in time. */
export const awsOptions: AwsOptions = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 500, requestTimeout: 1000, throwOnRequestTimeout: true },
}
