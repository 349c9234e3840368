import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { createConnections } from '../net/connections.ts'

/** Settings shared by all AWS clients. Region and endpoints come from the SDK's own variables. */
export interface AwsOptions {
  readonly maxAttempts: number
  readonly requestHandler: NonNullable<DynamoDBClientConfig['requestHandler']>
}

/** The longest time from the start of a request until its whole answer has been read, in milliseconds. */
const REQUEST_TIMEOUT_MS = 1000

/**
 * Returns the handler that sends the clients' requests. Sockets that were idle while the process was frozen
 * are not used again. The SDK's own time limit ends with the headers of an answer, so this one goes on.
 */
const createRequestHandler = () => {
  const clocks = { now: Date.now, monotonicNow: () => performance.now() }
  const handler = new NodeHttpHandler({
    connectionTimeout: 500,
    requestTimeout: REQUEST_TIMEOUT_MS,
    throwOnRequestTimeout: true,
    httpAgent: createConnections({ protocol: 'http:', ...clocks }).agent,
    httpsAgent: createConnections({ protocol: 'https:', ...clocks }).agent,
  })
  const handle: NodeHttpHandler['handle'] = async (request, options) => {
    const startedAt = performance.now()
    const answer = await handler.handle(request, options)
    const { body } = answer.response
    const timer = setTimeout(
      () => body.destroy(new TimeoutError(`The answer was not complete within ${REQUEST_TIMEOUT_MS} ms`)),
      REQUEST_TIMEOUT_MS - (performance.now() - startedAt),
    )
    body.once('close', () => clearTimeout(timer))
    return answer
  }
  return {
    metadata: handler.metadata,
    handle,
    destroy: () => handler.destroy(),
    updateHttpClientConfig: handler.updateHttpClientConfig.bind(handler),
    httpHandlerConfigs: handler.httpHandlerConfigs.bind(handler),
  }
}

/** The SDK repeats a request that ended with an error of this name. */
class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
}

/** Short timeouts, in milliseconds: a form that can't wait for AWS is handed over to the queue instead. */
export const awsOptions: AwsOptions = { maxAttempts: 3, requestHandler: createRequestHandler() }
