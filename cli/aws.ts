import { defaultProvider } from '@aws-sdk/credential-provider-node'
import { type AwsOptions, awsOptions } from '../lib/aws/options.ts'

/**
 * Longer limits than the functions have: no form is waiting, and the region may be far away. Credentials are
 * looked up in the same way as by the AWS CLI.
 */
export const AWS: AwsOptions = {
  ...awsOptions,
  maxAttempts: 2,
  connectTimeoutMs: 3000,
  timeoutMs: 5000,
  credentials: defaultProvider(),
}
