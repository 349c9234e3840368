import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type {
  APIGatewayProxyStructuredResultV2,
  DynamoDBRecord,
  SQSBatchResponse,
  SQSRecord,
} from 'aws-lambda'
import { z } from 'zod'
import { formEvent } from './world.ts'

export type Container = Awaited<ReturnType<typeof startContainer>>

const Message = z.object({ id: z.number(), answer: z.unknown().optional(), thrown: z.string().optional() })
const HttpAnswer = z.object({
  statusCode: z.number(),
  headers: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  body: z.string(),
}) satisfies z.ZodType<APIGatewayProxyStructuredResultV2>
const BatchAnswer = z.object({
  batchItemFailures: z.array(z.object({ itemIdentifier: z.string() })),
}) satisfies z.ZodType<SQSBatchResponse>

export type HttpAnswer = z.infer<typeof HttpAnswer>

/** The URLs of the handlers' source files, by function. */
export const SOURCE_HANDLERS = Object.fromEntries(
  Object.entries({
    openFromForm: 'open-from-form',
    openFromQueue: 'open-from-queue',
    refreshDomains: 'refresh-domains',
    conversationStatus: 'conversation-status',
    conversationEvents: 'conversation-events',
    publishOutcomes: 'publish-outcomes',
  }).map(([name, file]) => [name, new URL(`../../functions/${file}.ts`, import.meta.url).href]),
)

/**
 * Starts a Lambda container: a separate process with only these environment variables. Its whole output is
 * kept.
 *
 * @param handlers URLs of the modules, by function.
 */
export const startContainer = async (
  handlers: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>>,
) => {
  const child = fork(
    fileURLToPath(new URL('process-runner.ts', import.meta.url)),
    [JSON.stringify(handlers)],
    {
      env: { ...env, NODE_NO_WARNINGS: '1' },
      execArgv: [],
      silent: true,
      serialization: 'json',
    },
  )
  let output = ''
  child.stdout?.on('data', (chunk) => {
    output += chunk
  })
  child.stderr?.on('data', (chunk) => {
    output += chunk
  })
  const waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>()
  let serial = 0
  const ready = new Promise<unknown>((resolve, reject) => waiting.set(0, { resolve, reject }))
  child.on('message', (sent) => {
    const { id, answer, thrown } = Message.parse(sent)
    const { resolve, reject } = waiting.get(id) ?? {}
    waiting.delete(id)
    if (thrown === undefined) resolve?.(answer)
    else reject?.(new Error(thrown))
  })
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`The container ended (${code}): ${output}`))
  })
  await ready

  const send = (message: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      serial++
      waiting.set(serial, { resolve, reject })
      child.send({ id: serial, ...message })
    })

  return {
    /** Returns everything that it has written so far: the log and the metrics. */
    output: () => output,

    submit: async (body: unknown, init?: Parameters<typeof formEvent>[1]): Promise<HttpAnswer> =>
      HttpAnswer.parse(await send({ handler: 'openFromForm', event: formEvent(body, init) })),

    /** Returns the message ids of the records that stay in the queue. */
    deliver: async (records: readonly SQSRecord[]): Promise<readonly string[]> => {
      const event = { Records: records }
      const answer = await send({ handler: 'openFromQueue', event, remainingMs: 60_000 })
      return BatchAnswer.parse(answer).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
    },

    askStatus: async (requestId: string): Promise<HttpAnswer> =>
      HttpAnswer.parse(
        await send({ handler: 'conversationStatus', event: { pathParameters: { requestId } } }),
      ),

    /** Asks as API Gateway does once IAM has authorized the call. */
    askEventStatus: async (accountId: string, requestId: string): Promise<HttpAnswer> =>
      HttpAnswer.parse(
        await send({
          handler: 'conversationStatus',
          event: {
            routeKey: 'GET /events/{accountId}/{requestId}',
            pathParameters: { accountId, requestId },
            requestContext: { authorizer: { iam: {} } },
          },
        }),
      ),

    refresh: async (): Promise<HttpAnswer> =>
      HttpAnswer.parse(await send({ handler: 'refreshDomains', event: {} })),

    /** Invokes it with records of the stream. Returns the sequence numbers that it reports as failed. */
    publish: async (records: readonly DynamoDBRecord[]): Promise<readonly string[]> => {
      const event = { Records: records }
      const answer = await send({ handler: 'publishOutcomes', event, remainingMs: 60_000 })
      return BatchAnswer.parse(answer).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
    },

    /** Calls any handler. Returns what it returns. */
    invoke: (handler: string, event: unknown): Promise<unknown> => send({ handler, event }),

    /** Moves its clock forward. */
    advance: (advanceMs: number) => send({ advanceMs }),

    signal: (name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT') => child.kill(name),

    stop: () => {
      child.kill()
    },
  }
}
