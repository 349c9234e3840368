import type { AwsCredentials } from './options.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Returns the region that a process runs in.
 *
 * @throws {Error} No variable names it.
 */
export const regionOf = ({ AWS_REGION, AWS_DEFAULT_REGION }: Environment = process.env): string => {
  const region = AWS_REGION ?? AWS_DEFAULT_REGION
  if (region) return region
  throw new Error('Set AWS_REGION')
}

/**
 * Returns the credentials of a Lambda function. They are valid for as long as its container lives.
 *
 * @throws {Error} A variable is missing.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
export const credentialsOf = (env: Environment = process.env): AwsCredentials => {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env
  const { AWS_SESSION_TOKEN: sessionToken } = env
  if (!accessKeyId || !secretAccessKey) throw new Error('Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY')
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
}

/**
 * Returns the endpoint that a variable names for a service. Undefined: none does.
 *
 * @param service Such as `dynamodb`.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
 */
export const endpointOf = (service: string, env: Environment = process.env): string | undefined => {
  if (env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS === 'true') return undefined
  return env[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] || env.AWS_ENDPOINT_URL || undefined
}

/**
 * Returns the origin of a service in a region.
 *
 * @see https://docs.aws.amazon.com/general/latest/gr/rande.html
 */
export const originOf = (service: string, region: string): string =>
  `https://${service}.${region}.${SUFFIXES.find(([prefix]) => region.startsWith(prefix))?.[1] ?? 'amazonaws.com'}`

/** The domains of partitions, by the start of their regions' names. All others have `amazonaws.com`. */
const SUFFIXES = [
  ['cn-', 'amazonaws.com.cn'],
  ['eusc-', 'amazonaws.eu'],
] as const
