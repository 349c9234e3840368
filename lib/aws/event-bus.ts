import type { PutEventsRequestEntry } from '@aws-sdk/client-eventbridge'
import * as z from 'zod/mini'
import { ServiceUnavailableError } from '../errors/errors.ts'
import { createAwsCall } from './call.ts'
import type { AwsOptions } from './options.ts'

/** The maximum number of events in one PutEvents request. */
const MAX_EVENTS = 10
/**
 * The maximum size of one PutEvents request, in bytes. It stays below EventBridge's limit of 256 KB for all
 * entries together.
 */
const MAX_BYTES = 250_000

/** An event for a bus. */
export interface BusEvent {
  readonly source: string
  readonly detailType: string
  /** JSON. */
  readonly detail: string
  /** The ARNs of what the event is about. */
  readonly resources: readonly string[]
  /** Milliseconds since the epoch. */
  readonly time: number
}

export type EventBus = ReturnType<typeof createEventBus>

const EVENT_BRIDGE = { name: 'events', id: 'eventbridge', target: 'AWSEvents', json: '1.1' } as const

const answer = z.object({ Entries: z.array(z.object({ ErrorCode: z.optional(z.string()) })) })

/**
 * Returns the operation on an event bus.
 *
 * @param options.name The bus's name or ARN.
 * @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
 */
export const createEventBus = ({ name, aws }: { readonly name: string; readonly aws: AwsOptions }) => {
  const call = createAwsCall(EVENT_BRIDGE, aws)
  return {
    /**
     * Puts the first events of a list on the bus: as many as fit into one request, but at least one. Returns
     * for each of them why it failed, undefined if the bus has it.
     *
     * @throws {ServiceUnavailableError} The request failed. The bus may have any of the events.
     */
    put: async (events: readonly BusEvent[]): Promise<readonly (string | undefined)[]> => {
      const Entries = events.slice(0, countFitting(events)).map((event) => toEntry(name, event))
      const put = await call('PutEvents', { Entries })
        .then((answered) => z.parse(answer, answered).Entries)
        .catch(throwUnavailable)
      // An entry that the answer doesn't mention counts as failed.
      return Entries.map((_, index) => {
        const entry = put[index]
        return entry ? entry.ErrorCode : 'NoAnswer'
      })
    },
  }
}

const toEntry = (bus: string, { source, detailType, detail, resources, time }: BusEvent) => {
  const entry = {
    EventBusName: bus,
    Source: source,
    DetailType: detailType,
    Detail: detail,
    Resources: [...resources],
  } satisfies PutEventsRequestEntry
  // The SDK takes a Date here, and AWS JSON has seconds.
  return { ...entry, Time: time / 1000 }
}

const countFitting = (events: readonly BusEvent[]): number => {
  let bytes = 0
  let count = 0
  for (const event of events.slice(0, MAX_EVENTS)) {
    bytes += sizeOf(event)
    if (count > 0 && bytes > MAX_BYTES) break
    count += 1
  }
  return count
}

/**
 * Returns the size of an event in bytes, as EventBridge counts it.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevents-limits
 */
const sizeOf = ({ source, detailType, detail, resources }: BusEvent): number =>
  [source, detailType, detail, ...resources].reduce((size, text) => size + Buffer.byteLength(text), 14)

const throwUnavailable = (cause: unknown): never => {
  throw new ServiceUnavailableError({ detail: 'EventBridge PutEvents failed.', cause })
}
