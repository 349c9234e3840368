import { defaultProvider } from '@aws-sdk/credential-provider-node'
import { type AwsOptions, awsOptions } from '../lib/aws/options.ts'

/**
 * Longer limits than the functions have: no form is waiting, and the region may be far away. The credentials
 * are found as the AWS CLI finds them.
 */
export const AWS: AwsOptions = {
  ...awsOptions,
  maxAttempts: 2,
  connectTimeoutMs: 3000,
  timeoutMs: 5000,
  credentials: defaultProvider(),
}
