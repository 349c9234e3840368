import * as z from 'zod/mini'
import type { Destination } from '../config/routes.ts'
import { parse } from '../request/check.ts'
import {
  type AcceptedRequest,
  type ConversationRequest,
  DOORS,
  VOUCHERS,
} from '../request/conversation-request.ts'
import { isRecord, parseLenientJson } from '../request/lenient-json.ts'
import type { Facts } from './facts.ts'
import { carriedFactsShape } from './facts-shape.ts'

/** Which request a hand-over is about. It can be read even if the rest can't. */
const idsShape = z.object({
  handedOver: z.object({
    door: z.enum(DOORS),
    accountId: z.string(),
    vouchedBy: z.enum(VOUCHERS),
    requestId: z.string(),
  }),
})

// A door has validated the request. Another rule here could refuse what was accepted.
const shape = z.strictObject({
  handedOver: z.strictObject({
    ...idsShape.shape.handedOver.shape,
    consumerId: z.string(),
    fingerprint: z.string(),
    challengeHash: z.optional(z.string().check(z.regex(/^[0-9a-f]{64}$/))),
    warnings: z.array(z.strictObject({ path: z.string(), message: z.string() })),
    request: z.custom<ConversationRequest>(isRecord),
    destination: z.custom<Destination>(isRecord),
    facts: carriedFactsShape,
    acceptedAt: z.optional(z.number()),
    pausedMs: z.optional(z.number()),
    pausedSince: z.optional(z.number()),
    lostLeases: z.optional(z.array(z.string())),
    messageId: z.optional(z.string()),
  }),
})

/** A request that this service put into the hand-over queue, with everything that a door decided. */
export interface HandOver {
  readonly request: AcceptedRequest
  readonly destination: Destination
  readonly facts: Facts
  /**
   * When the request was accepted, in milliseconds since the epoch. Undefined: when the record was sent, as
   * for a replay.
   */
  readonly acceptedAt?: number | undefined
  /** How long the account was paused since then, in milliseconds. Default: 0. */
  readonly pausedMs?: number | undefined
  /**
   * When it was sent, in milliseconds since the epoch, if that was because the account is paused. It may come
   * back much later than its delay says.
   */
  readonly pausedSince?: number | undefined
  /** See `Job`. */
  readonly lostLeases?: readonly string[] | undefined
  /** See `Job`. */
  readonly messageId?: string | undefined
}

/** What makes the key of a request's ledger item. */
export type RequestIds = z.infer<typeof idsShape>['handedOver']

/**
 * Returns the message body that hands a request over. {@link readHandOver} returns the same request from it.
 *
 * The body is JSON in ASCII, because SQS refuses some Unicode characters.
 */
export const toHandOver = ({ request: accepted, lostLeases = [], ...rest }: HandOver): string => {
  const { door, requestId, accountId, vouchedBy, ...content } = accepted
  const { consumerId, fingerprint, challengeHash, warnings, ...request } = content
  const ids = { door, requestId, accountId, vouchedBy }
  const decided = { ...ids, consumerId, fingerprint, challengeHash, warnings }
  return toAscii({
    handedOver: { ...decided, request, ...rest, ...(lostLeases.length > 0 && { lostLeases }) },
  })
}

const toAscii = (value: object): string =>
  JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/**
 * Returns the request that a message of the hand-over queue holds.
 *
 * @throws {InvalidRequestError} The body is not a hand-over of this version.
 */
export const readHandOver = (input: unknown): HandOver => {
  const { request, destination, facts, lostLeases, messageId, ...rest } = parse(shape, input).handedOver
  const { acceptedAt, pausedMs, pausedSince, ...decided } = rest
  const times = { acceptedAt, pausedMs, pausedSince }
  return { request: { ...request, ...decided }, destination, facts, ...times, lostLeases, messageId }
}

/**
 * Returns the body of a hand-over for the quarantine queue, without its times, so that its age counts from
 * the replay. Any other body is returned unchanged.
 */
export const withoutTimes = (body: string): string => {
  const value = parseLenientJson(body)
  if (!isRecord(value) || !isRecord(value.handedOver)) return body
  const { acceptedAt: _, pausedMs: __, pausedSince: ___, ...handedOver } = value.handedOver
  return toAscii({ ...value, handedOver })
}

/** Returns the ids in a hand-over that may be unreadable otherwise. Undefined: they can't be read either. */
export const idsIn = (input: unknown): RequestIds | undefined => z.safeParse(idsShape, input).data?.handedOver
