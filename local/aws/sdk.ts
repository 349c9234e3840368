import { REGION } from '../../tools/deployed-resources.ts'

/** Options for an SDK client that talks to a local endpoint; the credentials are made up and checked by nobody. */
export function awsClientConfig(endpoint: string) {
  return { endpoint, region: REGION, credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }
}
