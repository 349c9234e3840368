import type { SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager'
import { type HttpRequest, HttpResponse } from '@smithy/core/protocols'
import type { AwsOptions } from './options.ts'
import { credentialsOf, endpointOf, originOf, regionOf } from './settings.ts'

/** The largest answer, in bytes: a secret has 64 KB at most. */
const MAX_ANSWER_BYTES = 1_000_000

/**
 * Options that make a client of the AWS SDK send its requests through {@link AwsOptions.outbound}. It gets
 * its endpoint, region and credentials as our own calls do.
 */
export const sdkOptions = ({ maxAttempts, region, credentials, ...transport }: AwsOptions) => {
  const getRegion = async () => region ?? regionOf()
  return {
    maxAttempts,
    requestHandler: createSdkHandler(transport),
    region: getRegion,
    endpoint: async () => ({
      url: new URL(endpointOf('secrets_manager') ?? originOf('secretsmanager', await getRegion())),
    }),
    credentials: credentials ?? (async () => credentialsOf()),
  } satisfies SecretsManagerClientConfig
}

/** No answer arrived. The error's name makes the SDK retry the request. */
class NoAnswerError extends Error {
  override readonly name = 'TimeoutError'
}

const createSdkHandler = ({
  outbound,
  connectTimeoutMs,
  timeoutMs,
}: Pick<AwsOptions, 'outbound' | 'connectTimeoutMs' | 'timeoutMs'>) => ({
  metadata: { handlerProtocol: 'http/1.1' },

  handle: async ({ protocol, hostname, port, path, headers, body }: HttpRequest) => {
    const result = await outbound({
      method: 'POST',
      url: `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`,
      headers,
      body: toText(body),
      timeoutMs,
      connectTimeoutMs,
      maxAnswerBytes: MAX_ANSWER_BYTES,
    })
    if (result.kind !== 'answer') throw new NoAnswerError('There is no answer', { cause: result.cause })
    const { status: statusCode } = result
    const response = { statusCode, headers: { ...result.headers }, body: Buffer.from(result.body) }
    return { response: new HttpResponse(response) }
  },

  updateHttpClientConfig: () => undefined,
  httpHandlerConfigs: () => ({}),
})

const toText = (body: unknown): string => {
  if (body instanceof Uint8Array) return new TextDecoder().decode(body)
  return typeof body === 'string' ? body : ''
}
