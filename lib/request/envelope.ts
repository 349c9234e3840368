import { InvalidRequestError } from '../errors/errors.ts'
import { toRequestId } from './conversation-request.ts'
import { sha256 } from './identity.ts'
import { isRecord, type JsonRecord, parseLenientJson } from './lenient-json.ts'
import { isPlaceholder } from './placeholder.ts'
import { parseJson } from './strict-json.ts'

/** A record's content without its envelopes. */
export interface Unwrapped {
  readonly input: unknown
  /** The id that the innermost envelope with an id gave the event. `undefined` if none did. */
  readonly eventId: string | undefined
  /** The earliest time in an envelope, in milliseconds since the epoch. `undefined` if there is none. */
  readonly occurredAt: number | undefined
}

/** What an envelope says about the event in it. */
interface Envelope {
  readonly id: unknown
  readonly time: unknown
  readonly open: () => unknown
}

/**
 * Removes the envelopes of SNS and EventBridge from a record's parsed JSON. One may be inside the other.
 * Anything else is returned as it is.
 *
 * @throws {InvalidRequestError} The message in an SNS envelope is not valid JSON.
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
 */
export const unwrap = (
  input: unknown,
  outside: Omit<Unwrapped, 'input'> = { eventId: undefined, occurredAt: undefined },
): Unwrapped => {
  const envelope = envelopeOf(input)
  if (!envelope) return { input, ...outside }
  return unwrap(envelope.open(), {
    eventId: eventIdOf(envelope.id) ?? outside.eventId,
    occurredAt: earliest(timeOf(envelope.time), outside.occurredAt),
  })
}

const envelopeOf = (input: unknown): Envelope | undefined => {
  if (!isRecord(input)) return undefined
  if (input.Type === 'Notification' && has(input, 'Message'))
    return { id: input.MessageId, time: input.Timestamp, open: () => parseMessage(input.Message) }
  if (has(input, 'detail-type', 'detail')) return { id: input.id, time: input.time, open: () => input.detail }
  return undefined
}

const has = (input: JsonRecord, ...names: readonly string[]) => names.every((name) => name in input)

const parseMessage = (message: unknown): unknown => {
  if (typeof message === 'string') return parseJson(message)
  throw new InvalidRequestError([{ path: 'Message', message: 'must be a string' }])
}

/**
 * Returns a request id for an envelope's id: the same one for the same value. A value that isn't a valid
 * request id is hashed. `v1` is the version of that formula. Undefined for a placeholder, which would be the
 * same for every event.
 */
const eventIdOf = (raw: unknown): string | undefined => {
  const id = typeof raw === 'number' ? String(raw) : raw
  if (id === undefined || id === null) return undefined
  if (typeof id === 'string' && (id.trim() === '' || isPlaceholder(id.trim()))) return undefined
  return toRequestId(id) ?? `envelope-v1-${sha256(JSON.stringify(id))}`
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/

/** SNS and EventBridge write ISO 8601. Anything else is ignored. */
const timeOf = (time: unknown): number | undefined => {
  const at = typeof time === 'string' && TIME.test(time) ? Date.parse(time) : Number.NaN
  return Number.isNaN(at) ? undefined : at
}

const earliest = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)

const PARTNERS = [['ChangeEventHeader'], ['ticket_event'], ['payload', 'metadata']]

interface Foreign {
  readonly isIt: (input: JsonRecord) => boolean
  readonly message: string
}

/** Formats that senders use by mistake, and what to do about each. */
const FOREIGN: readonly Foreign[] = [
  {
    isIt: (input) =>
      has(input, 'specversion') && ['data', 'data_base64', 'source'].some((name) => name in input),
    message:
      'is in a CloudEvents envelope, which is not read. Send only what its data holds, with its id as requestId',
  },
  {
    isIt: (input) => has(input, 's3BucketName', 's3Key'),
    message:
      'is a pointer to S3 from the SQS extended client, which is not followed. Send the event itself, in at most 256 KB, without that client',
  },
  {
    isIt: (input) => has(input, 'eventSource', 'body'),
    message:
      'is a whole record of another queue, as a pipe passes it on. Give the pipe the input template of docs/event-sources.md',
  },
  {
    // Salesforce's own event and that of its relay, Zendesk's, and Shopify's.
    isIt: (input) =>
      PARTNERS.some((names) => has(input, ...names)) ||
      (isRecord(input.payload) && has(input.payload, 'ChangeEventHeader')),
    message:
      'is an event of another system. Give the rule that sends it an input transformer of docs/event-sources.md',
  },
  {
    isIt: ({ Type }) => Type === 'SubscriptionConfirmation' || Type === 'UnsubscribeConfirmation',
    message: 'is a confirmation that SNS asks for. Its Token confirms it: aws sns confirm-subscription',
  },
]

/**
 * Refuses content in a known format that isn't an event. The finding names the format and says what to do.
 *
 * @throws {InvalidRequestError}
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
 * @see https://github.com/awslabs/amazon-sqs-java-extended-client-lib
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-sqs.html
 */
export const refuseForeign = (input: unknown): void => {
  const message = isJsonInJson(input)
    ? 'is JSON in a JSON string. Encode the event only once'
    : FOREIGN.find(({ isIt }) => partsOf(input).some(isIt))?.message
  if (message !== undefined) throw new InvalidRequestError([{ path: '', message }])
}

const isJsonInJson = (input: unknown) => typeof input === 'string' && isRecord(parseLenientJson(input))

/** Batches of CloudEvents are arrays, and the extended client writes an array of a class and its object. */
const partsOf = (input: unknown): readonly JsonRecord[] =>
  (Array.isArray(input) ? input.slice(0, 2) : [input]).filter(isRecord)
