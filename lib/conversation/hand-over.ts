import type { SQSRecord } from 'aws-lambda'
import * as z from 'zod/mini'
import { accountOf } from '../config/routes.ts'
import type { StageConfig } from '../config/stage.ts'
import { InvalidRequestError } from '../errors/errors.ts'
import {
  type AcceptedRequest,
  accountId,
  consumerId,
  parse,
  parseConversationRequest,
  requestId,
} from '../request/conversation-request.ts'
import { accept } from '../request/identity.ts'
import { parseJson } from '../request/strict-json.ts'
import type { KnownOutcome } from './conclude.ts'

const known = z.strictObject({
  outcome: z.strictObject({
    status: z.enum(['opened', 'existing']),
    conversationId: z.optional(z.string()),
    messageStatus: z.optional(z.enum(['sent', 'not_sent', 'unknown'])),
  }),
  lpConsumerId: z.string(),
})

/** What this service itself leaves in the queue: all that the door settled, so that nobody decides it again. */
const handedOver = z.strictObject({
  door: z.enum(['form', 'queue']),
  requestId,
  accountId,
  consumerId,
  fingerprint: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  request: z.unknown(),
  known: z.optional(known),
})

/** What a record asks for; `known` is what an earlier attempt found out and could not write down. */
interface ParsedRecord {
  readonly request: AcceptedRequest
  readonly known: KnownOutcome | undefined
}

/**
 * Gives the request of one record: plain, in an SNS or EventBridge envelope, or handed over by this service.
 *
 * @throws {InvalidRequestError}
 */
export const parseRecord = (stage: StageConfig, { body, messageId }: SQSRecord): ParsedRecord => {
  const { input, eventId } = unwrap(parseJson(body))
  if (eventId === undefined && isObject(input) && 'handedOver' in input) return parseHandedOver(input)
  const request = parseConversationRequest(input)
  return {
    request: accept(request, {
      door: 'queue',
      requestId: request.requestId ?? eventId ?? messageId,
      accountId: accountOf(stage, request).accountId,
      consumerId: request.consumer?.id,
    }),
    known: undefined,
  }
}

/** What `parseRecord` reads back as the same request. */
export const toHandedOver = (accepted: AcceptedRequest, known?: KnownOutcome): string => {
  const { door, requestId, accountId, consumerId, fingerprint, ...request } = accepted
  return toAscii({ handedOver: { door, requestId, accountId, consumerId, fingerprint, request, known } })
}

const parseHandedOver = (input: object): ParsedRecord => {
  const { request, known, ...settled } = parse(z.strictObject({ handedOver }), input).handedOver
  return { request: { ...parseConversationRequest(request), ...settled }, known }
}

/** JSON in ASCII: queues differ in which characters they take, and none refuses these. */
const toAscii = (value: unknown) =>
  JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

interface Unwrapped {
  readonly input: unknown
  /** The id that the innermost envelope gave the event. */
  readonly eventId: string | undefined
}

/**
 * Takes off the envelopes of SNS and EventBridge; one may be inside the other.
 *
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
 */
const unwrap = (input: unknown, eventId?: string): Unwrapped => {
  if (!isObject(input)) return { input, eventId }
  if ('Type' in input && input.Type === 'Notification' && 'Message' in input && 'MessageId' in input) {
    if (typeof input.Message !== 'string')
      throw new InvalidRequestError([{ path: 'Message', message: 'must be a string' }])
    return unwrap(parseJson(input.Message), idOf(input.MessageId))
  }
  if ('detail-type' in input && 'detail' in input && 'id' in input)
    return unwrap(input.detail, idOf(input.id))
  return { input, eventId }
}

const idOf = (id: unknown) => (z.safeParse(requestId, id).success ? String(id) : undefined)

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
