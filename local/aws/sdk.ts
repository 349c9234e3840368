/** The AWS region that the local stack uses. */
export const REGION = 'eu-west-1'

/** The AWS account that the local stack uses. */
export const AWS_ACCOUNT_ID = '000000000000'

/** Placeholders. The stand-ins don't check them. */
export const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' }

/** Returns the options of an SDK client for a local endpoint. */
export function awsClientConfig(endpoint: string) {
  return { endpoint, region: REGION, credentials: CREDENTIALS }
}
