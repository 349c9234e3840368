import * as z from 'zod/mini'
import { InvalidRequestError } from '../errors/errors.ts'
import { parse } from './check.ts'
import { engagementAttributes } from './engagement-attributes.ts'
import { isRecord } from './lenient-json.ts'
import {
  atMost,
  decimalId,
  foreignId,
  safeLines,
  text,
  wellFormed,
  withLimits,
  withoutUnsafe,
} from './schema-parts.ts'
import type { Warning } from './warnings.ts'

/** Where requests come in. */
export const DOORS = ['form', 'queue'] as const

export type Door = (typeof DOORS)[number]

/** A request id: 8 to 128 letters, digits and `. _ : -`. */
export const requestId = z
  .string()
  .check(z.regex(/^[A-Za-z0-9._:-]{8,128}$/, 'must be 8 to 128 letters, digits or . _ : -'))

/** LivePerson's id of an account (site). */
export const accountId = z
  .string()
  .check(z.regex(/^[A-Za-z0-9]{1,32}$/, 'must be a LivePerson account id of 1 to 32 letters or digits'))

/** How soon the brand wants to respond. LivePerson's own example sends CUSTOM. */
export const ttr = z.enum(['URGENT', 'NORMAL', 'PRIORITIZED', 'CUSTOM'])

/** The pair of ids that decides LivePerson's routing. Each is a string or a number in, a string out. */
export const campaign = z.strictObject({ campaignId: decimalId, engagementId: decimalId })

/** The name of a route in the stage configuration. */
export const routeName = z
  .string()
  .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be 1 to 64 letters, digits, _ or -'))

/** The consumer's external id: 1 to 256 characters, without control or bidi-override characters. */
export const consumerId = z.string().check(
  withLimits(
    { minimum: 1, maximum: 256 },
    z.refine(({ length }) => length >= 1 && length <= 256, 'must have 1 to 256 characters'),
  ),
  wellFormed,
  withoutUnsafe,
)

/**
 * The address of a picture, which agents' browsers load. The pattern allows https at the name of a host only,
 * so that no reader of the address can find a password or an IP address in it. Other alphabets are written
 * in Punycode.
 */
const avatarUrl = z
  .string()
  .check(
    atMost(2048, 'characters'),
    wellFormed,
    withoutUnsafe,
    z.regex(
      /^https:\/\/([A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]*(:\d{1,5})?([/?#]\S*)?$/,
      'must be an https URL with the name of a host, without user or password',
    ),
  )

// SEND accepts 5,000 characters of JSON. The JSON around the message takes fewer than 500.
const message = z.string().check(
  safeLines,
  withLimits(
    // The quotes are two of the 4500 characters.
    { minimum: 1, maximum: 4498 },
    z.refine(
      (value) => value !== '' && value.isWellFormed() && JSON.stringify(value).length <= 4500,
      'must not be empty, contain lone surrogates, or exceed 4500 characters as JSON (quotes included)',
    ),
  ),
)

/**
 * The schema of `ConversationRequest`. `MEMBERS` must have a row for each leaf, which the compiler checks,
 * and `payload-through-doors.test.ts` checks the payload against those rows.
 */
export const conversationRequest = z.strictObject({
  requestId: z.optional(requestId),
  accountId: z.optional(accountId),
  route: z.optional(routeName),
  campaign: z.optional(campaign),
  consumer: z.optional(
    z.strictObject({
      id: z.optional(consumerId),
      firstName: z.optional(text(256)),
      lastName: z.optional(text(256)),
      email: z.optional(text(320)),
      phone: z.optional(text(64)),
      avatarUrl: z.optional(avatarUrl),
      description: z.optional(text(4096)),
    }),
  ),
  engagementAttributes: z.optional(engagementAttributes),
  ttr: z.optional(ttr),
  context: z.optional(
    z.strictObject({
      visitorId: z.optional(foreignId(256)),
      sessionId: z.optional(foreignId(256)),
      interactionContextId: z.optional(foreignId(256)),
      lang: z.optional(
        z
          .string()
          .check(
            z.regex(/^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,4}$/, 'must be a language tag such as en-GB'),
          ),
      ),
    }),
  ),
  message: z.optional(message),
})

/** What a form or a CRM event asks for, in the same shape for both doors. */
export type ConversationRequest = z.infer<typeof conversationRequest>

/**
 * Who states what a request says about its consumer. Each account and voucher has its own namespace of
 * request ids.
 */
export const VOUCHERS = ['crm', 'token', 'nobody'] as const

export type Voucher = (typeof VOUCHERS)[number]

/** A request that a door has accepted. Its account and its consumer are decided. */
export interface AcceptedRequest extends ConversationRequest {
  readonly door: Door
  readonly requestId: string
  readonly accountId: string
  /** `ext_consumer_id`: the CRM's, the token's or a derived one. It is the same in every attempt. */
  readonly consumerId: string
  /** SHA-256 of the content, in hex. */
  readonly fingerprint: string
  /**
   * Who vouches for the consumer. `token`: for the id, and for what the token says, which
   * `engagementAttributes` has. The rest of `consumer` is the form's word.
   */
  readonly vouchedBy: Voucher
  /** What was left out of the request. */
  readonly warnings: readonly Warning[]
  /** SHA-256 of the challenge that came with the request, in hex. Undefined if no challenge was checked. */
  readonly challengeHash?: string | undefined
}

/**
 * Returns the input as a ConversationRequest.
 *
 * @throws {InvalidRequestError} With one finding for each unknown, missing or invalid member.
 */
export const parseConversationRequest = (input: unknown): ConversationRequest => {
  const request = parse(conversationRequest, input)
  if (request.route === undefined && request.campaign === undefined)
    throw new InvalidRequestError([{ path: 'campaign', message: 'or route is required' }])
  if (request.route !== undefined && request.campaign !== undefined)
    throw new InvalidRequestError([{ path: 'campaign', message: 'must not be combined with route' }])
  return request
}

/** Returns the value if it is a valid request id, else `undefined`. */
export const toRequestId = (value: unknown): string | undefined => {
  const result = z.safeParse(requestId, value)
  return result.success ? result.data : undefined
}

/**
 * Returns the request id in the input, even if the rest of the input is invalid. `undefined` if there is no
 * valid one.
 */
export const requestIdOf = (input: unknown): string | undefined =>
  isRecord(input) ? toRequestId(input.requestId) : undefined
