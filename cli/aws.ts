import type { AwsOptions } from '../lib/aws/options.ts'

/** Longer timeouts than the functions have: no form is waiting, and the region may be far away. */
export const AWS: AwsOptions = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 3000, requestTimeout: 5000, throwOnRequestTimeout: true },
}
