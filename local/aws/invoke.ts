import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import type { Context } from 'aws-lambda'
import { AWS_ACCOUNT_ID, awsClientConfig, REGION } from './sdk.ts'

/** The answer of Lambda's invoke API. */
export interface Invocation {
  /** Set if the function threw or timed out. */
  readonly functionError?: string | undefined
  /** The function's answer or its error, as JSON. */
  readonly payload: string
}

/** Invokes a function and waits for its answer. */
export type Invoke = (event: object) => Promise<Invocation>

/**
 * Returns a function that invokes through Lambda's invoke API, such as that of `serverless offline`.
 *
 * @param options.url The API's URL.
 */
export function invokeByApi(options: {
  readonly url: string
  readonly functionName: string
}): Invoke & { close(): void } {
  const client = new LambdaClient({
    ...awsClientConfig(options.url),
    maxAttempts: 1,
    requestHandler: { httpAgent: { maxSockets: Number.POSITIVE_INFINITY } },
  })
  const invoke = async (event: object): Promise<Invocation> => {
    const { FunctionError, Payload } = await client.send(
      new InvokeCommand({ FunctionName: options.functionName, Payload: JSON.stringify(event) }),
    )
    return { functionError: FunctionError, payload: Payload?.transformToString() ?? '' }
  }
  return Object.assign(invoke, { close: () => client.destroy() })
}

/**
 * Returns a function that invokes a handler in this process as Lambda would. Events and answers are converted
 * to JSON and back. An error or a timeout becomes a function error.
 *
 * @param options.timeoutMs Default: 60 seconds.
 */
export function invokeInProcess<Event>(
  handler: (event: Event, context: Context) => unknown,
  options: { readonly functionName?: string; readonly timeoutMs?: number } = {},
): Invoke {
  const timeoutMs = options.timeoutMs ?? 60_000
  return async (event) => {
    const timer = new AbortController()
    const timeout = sleep(timeoutMs, undefined, { signal: timer.signal, ref: false }).then(() => {
      throw new Error(`Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`)
    })
    timeout.catch(() => {})
    try {
      const copy: Event = JSON.parse(JSON.stringify(event))
      const answer = await Promise.race([handler(copy, createContext({ ...options, timeoutMs })), timeout])
      return { payload: JSON.stringify(answer ?? null) }
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error))
      return {
        functionError: 'Unhandled',
        payload: JSON.stringify({ errorType: name, errorMessage: message }),
      }
    } finally {
      timer.abort()
    }
  }
}

/**
 * Returns a handler's context. Its time starts to run now.
 *
 * @param options.timeoutMs Default: 60 seconds.
 */
export function createContext(
  options: { readonly functionName?: string; readonly timeoutMs?: number } = {},
): Context {
  const { functionName = 'local', timeoutMs = 60_000 } = options
  const endsAt = Date.now() + timeoutMs
  const refuse = (): never => {
    throw new Error('Lambda on Node 24 has no callbacks. Return a promise.')
  }
  return {
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:${REGION}:${AWS_ACCOUNT_ID}:function:${functionName}`,
    memoryLimitInMB: '1024',
    awsRequestId: randomUUID(),
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: 'local',
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => Math.max(0, endsAt - Date.now()),
    done: refuse,
    fail: refuse,
    succeed: refuse,
  }
}
