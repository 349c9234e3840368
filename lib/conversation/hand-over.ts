import * as z from 'zod/mini'
import { CODES, type Code } from '../errors/codes.ts'
import { parse } from '../request/check.ts'
import {
  type AcceptedRequest,
  accountId,
  consumerId,
  DOORS,
  parseConversationRequest,
  requestId,
} from '../request/conversation-request.ts'
import { isRecord } from '../request/lenient-json.ts'
import type { Facts } from './protocol.ts'

const code = z.enum(Object.keys(CODES) as readonly Code[])
const conversationId = z.optional(z.string())

const facts = z.strictObject({
  claim: z.strictObject({
    attempt: z.int(),
    state: z.enum(['none', 'held', 'failed', 'queued']),
    code: z.optional(code),
  }),
  conversation: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.enum(['none', 'in_doubt', 'held']) }),
    z.strictObject({ kind: z.literal('refused'), code }),
    z.strictObject({ kind: z.enum(['existing', 'opened']), conversationId }),
  ]),
  message: z.enum(['unsent', 'not_sent', 'in_doubt', 'sent']),
  lpConsumerId: z.optional(z.string()),
})

const shape = z.strictObject({
  door: z.enum(DOORS),
  requestId,
  accountId,
  consumerId,
  fingerprint: z.string().check(z.regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits')),
  request: z.unknown(),
  facts,
})

/** A request that this service put into the queue, with everything that a door decided. */
export interface HandOver {
  readonly request: AcceptedRequest
  readonly facts: Facts
}

/**
 * Returns the message body that hands a request over. {@link readHandOver} returns the same request from it.
 *
 * The body is JSON in ASCII, because SQS refuses some Unicode characters.
 */
export const toHandOver = (accepted: AcceptedRequest, facts: Facts): string => {
  const { door, requestId, accountId, consumerId, fingerprint, ...request } = accepted
  return JSON.stringify({
    handedOver: { door, requestId, accountId, consumerId, fingerprint, request, facts },
  }).replace(/[\u007f-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/**
 * Returns the request that a message body hands over, or undefined if it is not a hand-over.
 *
 * @throws {InvalidRequestError}
 */
export const readHandOver = (input: unknown): HandOver | undefined => {
  if (!isRecord(input) || !('handedOver' in input)) return undefined
  const { request, facts, ...decided } = parse(z.strictObject({ handedOver: shape }), input).handedOver
  return { request: { ...parseConversationRequest(request), ...decided }, facts }
}
