import { type Finding, InvalidRequestError } from '../errors/errors.ts'
import { toRequestId } from './conversation-request.ts'
import { sha256 } from './identity.ts'
import { isRecord, type JsonRecord, parseLenientJson } from './lenient-json.ts'
import { isPlaceholder } from './placeholder.ts'
import { parseRequestJson } from './strict-json.ts'

/** A record's content without its envelopes. */
export interface Unwrapped {
  readonly input: unknown
  /** The id that the innermost envelope with an id gave the event. `undefined` if none did. */
  readonly eventId: string | undefined
  /** The earliest time in an envelope, in milliseconds since the epoch. `undefined` if there is none. */
  readonly occurredAt: number | undefined
  /** Where the input is in the record: dotted, '' without envelopes. */
  readonly at: string
}

/** What an envelope says about the event in it. */
interface Envelope {
  /** The member that holds it. */
  readonly name: 'Message' | 'detail'
  readonly id: unknown
  readonly time: unknown
  readonly open: () => unknown
}

/**
 * Removes the envelopes of SNS and EventBridge from a record's parsed JSON. One may be inside the other.
 * Anything else is returned as it is.
 *
 * @throws {InvalidRequestError} The message in an SNS envelope is not valid JSON. The path says where it is.
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
 */
export const unwrap = (
  input: unknown,
  outside: Omit<Unwrapped, 'input'> = { eventId: undefined, occurredAt: undefined, at: '' },
): Unwrapped => {
  const envelope = envelopeOf(input)
  if (!envelope) return { input, ...outside }
  const at = join(outside.at, envelope.name)
  return unwrap(open(envelope, at), {
    at,
    eventId: eventIdOf(envelope.id) ?? outside.eventId,
    occurredAt: earliest(timeOf(envelope.time), outside.occurredAt),
  })
}

const open = (envelope: Envelope, at: string): unknown => {
  try {
    return envelope.open()
  } catch (error) {
    throw placeIn(at, error)
  }
}

const join = (outer: string, inner: string) => [outer, inner].filter((part) => part !== '').join('.')

/** Returns the error with the place of the input in front of the paths of its findings. */
export const placeIn = (at: string, error: unknown): unknown =>
  at === '' || !(error instanceof InvalidRequestError)
    ? error
    : new InvalidRequestError(
        error.findings.map(
          ({ path, maskedPath, message }): Finding => ({
            path: join(at, path),
            ...(maskedPath !== undefined && { maskedPath: join(at, maskedPath) }),
            message,
          }),
        ),
      )

const envelopeOf = (input: unknown): Envelope | undefined => {
  if (!isRecord(input)) return undefined
  if (input.Type === 'Notification' && has(input, 'Message'))
    return {
      name: 'Message',
      id: input.MessageId,
      time: input.Timestamp,
      open: () => parseMessage(input.Message),
    }
  if (has(input, 'detail-type', 'detail'))
    return { name: 'detail', id: input.id, time: input.time, open: () => input.detail }
  return undefined
}

const has = (input: JsonRecord, ...names: readonly string[]) => names.every((name) => name in input)

const parseMessage = (message: unknown): unknown => {
  if (typeof message === 'string') return parseRequestJson(message)
  throw new InvalidRequestError([{ path: '', message: 'must be a string' }])
}

/**
 * Returns a request id for an envelope's id: the same one for the same value. A value that isn't a valid
 * request id is hashed. `v1` is the version of that formula. Undefined for a value that other events could
 * have as well: one that says nothing, such as a placeholder, or a number whose digits JSON.parse may have
 * changed.
 */
const eventIdOf = (raw: unknown): string | undefined => {
  const leaves = leavesOf(raw)
  if (leaves.every(saysNothing) || leaves.some(mayHaveLostDigits)) return undefined
  const id = typeof raw === 'number' ? String(raw) : raw
  return toRequestId(id) ?? `envelope-v1-${sha256(JSON.stringify(id))}`
}

const leavesOf = (value: unknown): readonly unknown[] =>
  typeof value === 'object' && value !== null ? Object.values(value).flatMap(leavesOf) : [value]

const saysNothing = (leaf: unknown): boolean => {
  if (typeof leaf !== 'string' && typeof leaf !== 'number') return true
  const text = String(leaf).trim()
  return text === '' || isPlaceholder(text)
}

/** Doubles keep integers up to 2^53 and, of other numbers, 15 digits. */
const mayHaveLostDigits = (leaf: unknown): boolean =>
  typeof leaf === 'number' &&
  !Number.isSafeInteger(leaf) &&
  (!Number.isFinite(leaf) || Number.isInteger(leaf) || Number(leaf.toPrecision(15)) !== leaf)

/**
 * Returns the time of an envelope, in milliseconds since the epoch, or `undefined` if it isn't known. SNS and
 * EventBridge write ISO 8601. Templates put in what other systems write.
 */
const timeOf = (time: unknown): number | undefined => {
  const text = String(typeof time === 'string' || typeof time === 'number' ? time : '').trim()
  const at = fromIso(text) ?? fromEpoch(text) ?? (WITH_WEEKDAY.test(text) ? Date.parse(text) : Number.NaN)
  return Number.isNaN(at) ? undefined : at
}

const ISO =
  /^(\d{4}-\d\d-\d\d|\d{8}(?=t))(?:[t ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?(?=\D|$) ?([^ \d].*)?)?$/i
const ZONE = /^(?:z|utc|gmt|([+-]\d\d):?(\d\d)?)(?: utc)?(?:\[.*\])?$/i

/** A time without a zone counts as UTC, and a leap second as the one before it, because Date has none. */
const fromIso = (text: string): number | undefined => {
  const [found, date = '', hour = '00', minute = '00', second = '00', fraction = '', zone = 'z'] =
    ISO.exec(text) ?? []
  const [isZone, hours, minutes = '00'] = ZONE.exec(zone) ?? []
  if (found === undefined || isZone === undefined) return undefined
  const day = date.replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3')
  const clock = `${hour}:${minute}:${second === '60' ? '59' : second}.${fraction.padEnd(3, '0').slice(0, 3)}`
  return Date.parse(`${day}T${clock}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`)
}

/** The units of 10, 13, 16 and 19 digits: how many milliseconds each is, and its first number too large. */
const EPOCH_UNITS = [
  [1e11, 1000],
  [1e14, 1],
  [1e17, 1e-3],
  [1e20, 1e-6],
] as const

/** Seconds, milliseconds, microseconds or nanoseconds since the epoch. Smaller numbers are no times. */
const fromEpoch = (text: string): number | undefined => {
  const number = /^\d+(\.\d+)?(e\+?\d+)?$/i.test(text) ? Number(text) : 0
  const [, unit] = EPOCH_UNITS.find(([end]) => number < end) ?? []
  return unit === undefined || number < 1e8 ? undefined : Math.round(number * unit)
}

/** RFC 9110 and RFC 5322, and what JavaScript and Java write for a date. */
const WITH_WEEKDAY =
  /^(mon|tue|wed|thu|fri|sat|sun), \d.*(gmt|utc|[+-]\d{4})$|^(mon|tue|wed|thu|fri|sat|sun) [a-z]{3} \d.*(gmt|utc)/i

const earliest = (one: number | undefined, other: number | undefined): number | undefined =>
  one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)

interface Foreign {
  readonly isIt: (input: JsonRecord) => boolean
  readonly message: string
}

const ofSystem = (name: string) =>
  `is an event of ${name}. Give the rule that sends it the input transformer of docs/event-sources.md, under ${name}`

const startsWith = (value: unknown, start: string) => typeof value === 'string' && value.startsWith(start)

/** Formats that senders use by mistake, and what to do about each. */
const FOREIGN: readonly Foreign[] = [
  {
    isIt: (input) =>
      ['specversion', 'cloudEventsVersion'].some((name) => name in input) &&
      ['data', 'data_base64', 'source'].some((name) => name in input),
    message:
      'is in a CloudEvents envelope, which is not read. Send only what its data holds, with a requestId made of its source and id, or use the pipe of docs/event-sources.md',
  },
  {
    // Java's and Python's clients, and JavaScript's.
    isIt: (input) =>
      has(input, 's3BucketName', 's3Key') || (isRecord(input.S3Payload) && has(input.S3Payload, 'Key')),
    message:
      'is a pointer to S3 from the SQS extended client, which is not followed. Send the event itself, in at most 256 KB, without that client',
  },
  {
    isIt: (input) =>
      has(input, 'ReceiptHandle', 'Body') ||
      (has(input, 'eventSource') && ['body', 'data', 'kinesis', 'dynamodb'].some((name) => name in input)),
    message:
      'is a whole record of another queue or stream, as a pipe passes it on. Give the pipe the input template of docs/event-sources.md, under Another queue',
  },
  {
    // A change event, alone or from a relay, and a platform event from a relay or the streaming API.
    isIt: (input) =>
      has(input, 'ChangeEventHeader') ||
      (isRecord(input.payload) &&
        (has(input.payload, 'ChangeEventHeader') || has(input, 'schemaId') || has(input, 'schema', 'event'))),
    message: ofSystem('Salesforce'),
  },
  {
    isIt: (input) =>
      has(input, 'ticket_event') ||
      has(input, 'zendesk_event_version') ||
      startsWith(input.type, 'zen:event-type:'),
    message: ofSystem('Zendesk'),
  },
  {
    isIt: (input) => has(input, 'payload', 'metadata') || has(input, 'admin_graphql_api_id'),
    message: ofSystem('Shopify'),
  },
  {
    // A workflow's webhook, and an app's.
    isIt: (input) =>
      has(input, 'vid', 'properties') ||
      has(input, 'canonical-vid') ||
      has(input, 'subscriptionType', 'objectId'),
    message: ofSystem('HubSpot'),
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
 * @see https://github.com/aspecto-io/sns-sqs-big-payload
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-sqs.html
 */
export const refuseForeign = (input: unknown): void => {
  const decoded = decode(input)
  const parts = partsOf(decoded)
  const message =
    FOREIGN.find(({ isIt }) => parts.some(isIt))?.message ??
    (typeof input === 'string' && parts.length > 0
      ? 'is JSON in a JSON string. Encode the event only once'
      : undefined)
  if (message !== undefined) throw new InvalidRequestError([{ path: '', message }])
}

/** Each level of encoding doubles the backslashes, so there are few. */
const MAX_ENCODINGS = 4

/** Returns what a text holds if it is JSON, which may be JSON in a text again. */
const decode = (input: unknown, left = MAX_ENCODINGS): unknown =>
  typeof input === 'string' && left > 0 ? decode(parseLenientJson(input), left - 1) : input

/**
 * Batches of CloudEvents are arrays, the extended client writes an array of a class and its object, and
 * Lambda's own event has a list of records.
 */
const partsOf = (input: unknown): readonly JsonRecord[] => {
  const list = isRecord(input) && Array.isArray(input.Records) ? input.Records : input
  return (Array.isArray(list) ? list.slice(0, 2) : [list]).filter(isRecord)
}
