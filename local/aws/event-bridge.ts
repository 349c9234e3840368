import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventBridgeEvent } from 'aws-lambda'
import { z } from 'zod'
import { closeServer, listen } from '../net/listen.ts'
import { sendAwsJson } from './aws-json.ts'
import { createEventRules, EventRuleError } from './event-rules.ts'
import { AWS_ACCOUNT_ID, REGION } from './sdk.ts'

/** A running local EventBridge. */
export type LocalEventBridge = Awaited<ReturnType<typeof startEventBridge>>

/** What happens to a PutEvents request. */
export interface PutEventsFault {
  /** How long to wait before anything happens, in milliseconds. Default: 0. */
  readonly delayMs?: number
  /** The name of an error that refuses the whole request, such as `ThrottlingException`. */
  readonly error?: string
  /** Cuts the connection before the events are on the bus, or after that instead of answering. */
  readonly cut?: 'before' | 'after'
  /** The error code of each entry that fails, by its place in the request. */
  readonly failed?: ReadonlyMap<number, string>
}

/** The limit of one PutEvents request, in bytes. */
const MAX_BYTES = 262_144

/**
 * Starts an EventBridge endpoint on 127.0.0.1 that AWS's SDK can use. It supports PutEvents, PutRule,
 * PutTargets, RemoveTargets and DeleteRule, on any bus. It doesn't check signatures.
 *
 * @param options.port Default: a free one.
 * @param options.deliver Sends an event to the target of a rule that matches it, by the target's ARN.
 * @throws {PortTakenError}
 * @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
 */
export async function startEventBridge(options: {
  readonly port?: number
  readonly deliver: (targetArn: string, event: object) => Promise<void>
}) {
  const rules = createEventRules()
  const listeners = new Set<(event: EventBridgeEvent<string, unknown>, bus: string) => void>()
  let requests = 0
  let decide: (details: readonly unknown[]) => PutEventsFault = () => ({})

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const action = String(request.headers['x-amz-target'] ?? '').replace(/^AWSEvents\./, '')
    const body = await text(request)
    try {
      if (action === 'PutEvents') await putEvents(body, response)
      else sendAwsJson(response, 200, rules.perform(action, JSON.parse(body)))
    } catch (error) {
      if (error instanceof EventRuleError) sendAwsJson(response, 400, errorBody(error.type, error.message))
      else if (error instanceof z.ZodError || error instanceof SyntaxError)
        sendAwsJson(response, 400, errorBody('ValidationException', error.message))
      else sendAwsJson(response, 500, errorBody('InternalException', String(error)))
    }
  }

  async function putEvents(body: string, response: ServerResponse): Promise<void> {
    requests += 1
    const { Entries } = PutEvents.parse(JSON.parse(body))
    const { delayMs = 0, error, cut, failed } = decide(Entries.map(({ Detail }) => readDetail(Detail)))
    if (delayMs > 0) await sleep(delayMs)
    if (cut === 'before') return void response.destroy()
    if (error !== undefined) return sendAwsJson(response, 400, errorBody(error, 'The request was refused.'))
    if (Entries.reduce((size, entry) => size + sizeOf(entry), 0) > MAX_BYTES)
      return sendAwsJson(
        response,
        400,
        errorBody('ValidationException', 'Total size of the entries is over the limit.'),
      )
    const results = []
    for (const [index, entry] of Entries.entries()) {
      const code =
        failed?.get(index) ?? (readDetail(entry.Detail) === undefined ? 'MalformedDetail' : undefined)
      if (code === undefined) results.push({ EventId: await publish(entry) })
      else results.push({ ErrorCode: code, ErrorMessage: 'The entry failed.' })
    }
    if (cut === 'after') return void response.destroy()
    const FailedEntryCount = results.filter((result) => 'ErrorCode' in result).length
    sendAwsJson(response, 200, { FailedEntryCount, Entries: results })
  }

  async function publish(entry: z.infer<typeof Entry>): Promise<string> {
    const id = randomUUID()
    const bus = entry.EventBusName.replace(/^.*event-bus\//, '')
    const event = {
      version: '0',
      id,
      'detail-type': entry.DetailType,
      source: entry.Source,
      account: AWS_ACCOUNT_ID,
      time: new Date((entry.Time ?? Date.now() / 1000) * 1000).toISOString().replace(/\.\d+Z$/, 'Z'),
      region: REGION,
      resources: entry.Resources,
      detail: readDetail(entry.Detail),
    }
    for (const listener of listeners) listener(event, bus)
    for (const arn of rules.targetsOf(bus, event)) await options.deliver(arn, event)
    return id
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  const port = await listen(server, options.port)

  return {
    url: `http://127.0.0.1:${port}`,

    /** Calls a function with each event that is put on a bus. Returns a function that ends this. */
    subscribe(listener: (event: EventBridgeEvent<string, unknown>, bus: string) => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },

    /** Decides what happens to each PutEvents request from now on, by the details of its entries. */
    onPutEvents(choose: (details: readonly unknown[]) => PutEventsFault): void {
      decide = choose
    },

    /** Returns the names of all rules. */
    rules: () => rules.names(),

    /** Returns the number of PutEvents requests. */
    requests: () => requests,

    /** Makes the endpoint refuse connections. Its rules are kept. */
    goDown(): Promise<void> {
      return closeServer(server)
    },

    /** Accepts connections again, on the same port. */
    async comeUp(): Promise<void> {
      await listen(server, port)
    },

    close(): Promise<void> {
      return closeServer(server)
    },
  }
}

const Entry = z.object({
  EventBusName: z.string().default('default'),
  Source: z.string().min(1),
  DetailType: z.string().min(1).max(128),
  Detail: z.string(),
  Resources: z.array(z.string()).default([]),
  Time: z.number().optional(),
})
const PutEvents = z.object({ Entries: z.array(Entry).min(1).max(10) })

const readDetail = (text: string): object | undefined => {
  try {
    return z.looseObject({}).parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html */
const sizeOf = ({ Source, DetailType, Detail, Resources, Time }: z.infer<typeof Entry>): number =>
  [Source, DetailType, Detail, ...Resources].reduce(
    (size, text) => size + Buffer.byteLength(text),
    Time === undefined ? 0 : 14,
  )

const errorBody = (type: string, message: string): object => ({ __type: type, message })
