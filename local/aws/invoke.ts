import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import type { Context } from 'aws-lambda'
import { REGION } from '../../tools/deployed-resources.ts'
import { awsClientConfig } from './sdk.ts'

/** What Lambda's invoke API answers: the function's answer as JSON text, or its error's. */
export interface Invocation {
  /** Set if the function threw or ran out of time. */
  readonly functionError?: string | undefined
  readonly payload: string
}

/** Invokes one function and waits for its answer. */
export type Invoke = (event: object) => Promise<Invocation>

/**
 * Invokes through Lambda's invoke API, e.g. that of `serverless offline`.
 *
 * @param options.url The API's address.
 */
export function invokeByApi(options: {
  readonly url: string
  readonly functionName: string
}): Invoke & { close(): void } {
  const client = new LambdaClient({ ...awsClientConfig(options.url), maxAttempts: 1 })
  const invoke = async (event: object): Promise<Invocation> => {
    const { FunctionError, Payload } = await client.send(
      new InvokeCommand({ FunctionName: options.functionName, Payload: JSON.stringify(event) }),
    )
    return { functionError: FunctionError, payload: Payload?.transformToString() ?? '' }
  }
  return Object.assign(invoke, { close: () => client.destroy() })
}

/**
 * Invokes a handler of this process as Lambda would: events and answers go through JSON, an error becomes a function error, and
 * so does running over the timeout.
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

/** Makes the context that Lambda hands to a handler, counting down from now. */
export function createContext(
  options: { readonly functionName?: string; readonly timeoutMs?: number } = {},
): Context {
  const { functionName = 'local', timeoutMs = 60_000 } = options
  const endsAt = Date.now() + timeoutMs
  const gone = (): never => {
    throw new Error('Node 24 on Lambda has no callbacks: return a promise.')
  }
  return {
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:${REGION}:000000000000:function:${functionName}`,
    memoryLimitInMB: '1024',
    awsRequestId: randomUUID(),
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: 'local',
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => Math.max(0, endsAt - Date.now()),
    done: gone,
    fail: gone,
    succeed: gone,
  }
}
