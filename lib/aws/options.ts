import { createOutbound, type Outbound } from '../net/outbound.ts'

/** Keys that sign requests. */
export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** How AWS is called. Endpoints come from the SDK's own variables. */
export interface AwsOptions {
  readonly maxAttempts: number
  /** The longest time for a connection, in milliseconds. */
  readonly connectTimeoutMs: number
  /** The longest time from the start of a request until its whole answer has been read, in milliseconds. */
  readonly timeoutMs: number
  readonly outbound: Outbound
  /** Default: AWS_REGION. */
  readonly region?: string
  /** Default: the variables of a Lambda function, such as AWS_ACCESS_KEY_ID. */
  readonly credentials?: () => Promise<AwsCredentials>
}

/** Short limits, in milliseconds: a form that can't wait for AWS is handed over to the queue instead. */
export const awsOptions: AwsOptions = {
  maxAttempts: 3,
  connectTimeoutMs: 500,
  timeoutMs: 1000,
  // Whoever deploys the function chooses the endpoints. In a private network, they may be without TLS.
  outbound: createOutbound({ mayCall: () => true }),
}
