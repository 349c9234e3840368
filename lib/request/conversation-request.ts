import * as z from 'zod/mini'
import { InvalidRequestError } from '../errors/errors.ts'
import { check, parse } from './check.ts'
import { engagementAttributes } from './engagement-attributes.ts'
import { readLanguage } from './language.ts'
import { isRecord } from './lenient-json.ts'
import { isPlaceholder } from './placeholder.ts'
import {
  atMost,
  decimalId,
  foreignId,
  IS_PLACEHOLDER,
  lines,
  orInteger,
  safeInteger,
  safeLines,
  text,
  wellFormed,
  withLimits,
  withoutMargin,
  withoutPlaceholder,
  withoutUnsafe,
} from './schema-parts.ts'
import { hasAbsent, withoutAbsent } from './spelling.ts'
import { MAX_WARNINGS, removalsIn, type Warning } from './warnings.ts'

/** Where requests come in. */
export const DOORS = ['form', 'queue'] as const

export type Door = (typeof DOORS)[number]

const REQUEST_ID = /^[A-Za-z0-9._:-]{8,128}$/

/** A request id: 8 to 128 letters, digits and `. _ : -`, and no placeholder. */
export const requestId = z.string().check(
  z.regex(REQUEST_ID, 'must be 8 to 128 letters, digits or . _ : -'),
  z.refine((value) => !(REQUEST_ID.test(value) && isPlaceholder(value)), IS_PLACEHOLDER),
)

/** A request id that may also be a number in JSON, of any length but 0. */
const requestIdOrInteger = orInteger(requestId, z.string().check(withoutPlaceholder))

const NOT_AN_ACCOUNT_ID = 'must be a LivePerson account id of 1 to 32 letters or digits'

/** LivePerson's id of an account (site). */
export const accountId = z.string().check(z.regex(/^[A-Za-z0-9]{1,32}$/, NOT_AN_ACCOUNT_ID))

/** Returns whether a value is an account id. */
export const isAccountId = (value: unknown): value is string => z.safeParse(accountId, value).success

/** An account id that may also be a number in JSON. */
const accountIdOrInteger = orInteger(accountId, accountId, safeInteger.check(z.minimum(0, NOT_AN_ACCOUNT_ID)))

/** How soon the brand wants to respond. LivePerson's own example sends CUSTOM. */
export const ttr = z.enum(['URGENT', 'NORMAL', 'PRIORITIZED', 'CUSTOM'])

/** The pair of ids that decides LivePerson's routing. Each is a string or a number in, a string out. */
export const campaign = z.strictObject({ campaignId: decimalId, engagementId: decimalId })

/** The name of a route in the stage configuration. */
export const routeName = z
  .string()
  .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be 1 to 64 letters, digits, _ or -'))

/**
 * The consumer's external id: 1 to 256 characters, without control or bidi-override characters or white space
 * around them, and no placeholder.
 */
export const consumerId = z.string().check(
  withLimits(
    { minimum: 1, maximum: 256 },
    z.refine(({ length }) => length >= 1 && length <= 256, 'must have 1 to 256 characters'),
  ),
  wellFormed,
  withoutUnsafe,
  withoutMargin,
  withoutPlaceholder,
)

const AVATAR_URL = /^https:\/\/([A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]*(:\d{1,5})?([/?#]\S*)?$/
const NOT_AN_AVATAR_URL = 'must be an https URL with the name of a host, without user or password'

/** A name below `localhost` is the machine of the agent. `isNamedHost` refuses it elsewhere. */
const isReachable = (address: string): boolean => {
  const hostname = URL.parse(address)?.hostname
  return hostname !== undefined && !hostname.endsWith('.localhost')
}

/**
 * The address of a picture, which agents' browsers load. The pattern allows https at the name of a host only,
 * so that no reader of the address can find a password or an IP address in it. Other alphabets are written
 * in Punycode.
 */
const avatarUrl = z.string().check(
  atMost(2048, 'characters'),
  wellFormed,
  withoutUnsafe,
  z.regex(AVATAR_URL, NOT_AN_AVATAR_URL),
  // The pattern allows port 99999. LivePerson would refuse the whole profile.
  z.refine((value) => !AVATAR_URL.test(value) || isReachable(value), NOT_AN_AVATAR_URL),
)

// SEND accepts 5,000 characters of JSON. The JSON around the message takes fewer than 500.
const MAX_MESSAGE = 4498

/** How many characters JSON needs for a text, without the quotes around it. */
const jsonLength = (value: string): number => JSON.stringify(value.toWellFormed()).length - 2

const message = z.string().check(
  safeLines,
  atMost(MAX_MESSAGE, 'characters'),
  wellFormed,
  z.refine(
    (value) => value.length > MAX_MESSAGE || jsonLength(value) <= MAX_MESSAGE,
    `must have at most ${MAX_MESSAGE} characters. Line ends, tabs, " and \\ count as two`,
  ),
)

/** The ids of the visitor's browser in LivePerson's Monitoring API. */
const monitoringId = z.pipe(
  foreignId(256),
  z.string().check(z.refine((value) => !isPlaceholder(value), 'is a placeholder, not an id')),
)

/** The value, or undefined if it is not valid. */
const leftOutIfInvalid = <T extends z.ZodMiniType>(schema: T) =>
  z.pipe(
    z.transform((input: unknown) => ('data' in check(schema, input) ? input : undefined)),
    z.optional(schema),
  )

const contextMembers = {
  visitorId: z.optional(leftOutIfInvalid(monitoringId)),
  sessionId: z.optional(leftOutIfInvalid(monitoringId)),
  interactionContextId: z.optional(leftOutIfInvalid(monitoringId)),
  lang: z.optional(
    z.pipe(
      z.transform((input: unknown) => readLanguage(input).language),
      z.optional(z.string().check(atMost(256, 'characters'))),
    ),
  ),
}

/**
 * What a visitor's browser says. Nobody can correct it, so values that LivePerson doesn't accept are left
 * out, with a warning.
 */
const context = z.pipe(
  z.transform((input: unknown) =>
    isRecord(input)
      ? Object.fromEntries(Object.entries(input).filter(([name]) => Object.hasOwn(contextMembers, name)))
      : undefined,
  ),
  z.optional(z.strictObject(contextMembers)),
)

/**
 * The schema of `ConversationRequest`. `MEMBERS` must have a row for each leaf, which the compiler checks,
 * and `payload-through-doors.test.ts` checks the payload against those rows.
 */
export const conversationRequest = z.strictObject({
  requestId: z.optional(requestIdOrInteger),
  accountId: z.optional(accountIdOrInteger),
  route: z.optional(routeName),
  campaign: z.optional(campaign),
  consumer: z.optional(
    z.strictObject({
      id: z.optional(orInteger(consumerId)),
      firstName: z.optional(text(256)),
      lastName: z.optional(text(256)),
      email: z.optional(text(320)),
      phone: z.optional(text(64)),
      avatarUrl: z.optional(avatarUrl),
      description: z.optional(lines(4096)),
    }),
  ),
  engagementAttributes: z.optional(engagementAttributes),
  ttr: z.optional(ttr),
  context: z.optional(context),
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

/** A request, and what was left out of it. */
export interface ParsedRequest {
  readonly request: ConversationRequest
  readonly warnings: readonly Warning[]
}

/**
 * Returns the input as a ConversationRequest. Two spellings of one request are returned as the same request:
 * null and an empty text count as absent, and texts are normalized.
 *
 * @throws {InvalidRequestError} With one finding for each unknown, missing or invalid member.
 */
export const parseConversationRequest = (input: unknown): ParsedRequest => {
  const given = withHalfCampaign(withoutAbsent(withFlatContext(input)), input)
  const parsed = parse(conversationRequest, given)
  // The schema may have emptied a text.
  const request = hasAbsent(parsed) ? parse(conversationRequest, withoutAbsent(parsed)) : parsed
  if (request.route === undefined && request.campaign === undefined)
    throw new InvalidRequestError([{ path: 'campaign', message: 'or route is required' }])
  if (request.route !== undefined && request.campaign !== undefined)
    throw new InvalidRequestError([{ path: 'campaign', message: 'must not be combined with route' }])
  const leftOut = leftOutOf(given, request)
  const removed = removalsIn(given, parsed).filter(
    ({ path }) => !leftOut.some((other) => other.path === path),
  )
  const warnings = [...leftOut, ...removed].slice(0, MAX_WARNINGS)
  return { request, warnings }
}

/**
 * Returns the input with a context that has no objects or lists, which can be of any size and depth there.
 * They are never sent, so `true` stands in for them, and `others` for all unknown members.
 */
const withFlatContext = (input: unknown): unknown => {
  if (!isRecord(input) || typeof input.context !== 'object' || input.context === null) return input
  const { context, ...rest } = input
  const members = Object.entries(context).filter(([, member]) => member !== null && member !== '')
  if (members.length === 0) return rest
  if (!isRecord(context)) return { ...rest, context: true }
  const isKnown = ([name]: readonly [string, unknown]) => Object.hasOwn(contextMembers, name)
  const known = members.filter(isKnown).map(([name, member]) => [name, Object(member) === member || member])
  return {
    ...rest,
    context: { ...Object.fromEntries(known), ...(members.length > known.length && { others: true }) },
  }
}

/** Keeps a campaign whose ids are all absent if there is no route, so that the findings name the ids. */
const withHalfCampaign = (given: unknown, input: unknown): unknown =>
  isRecord(given) && given.route === undefined && isRecord(input) && isRecord(input.campaign)
    ? { campaign: {}, ...given }
    : given

/** Returns a warning for everything in the context that was left out. */
const leftOutOf = (given: unknown, { context: sent = {} }: ConversationRequest): Warning[] => {
  const context = isRecord(given) ? given.context : undefined
  if (context === undefined) return []
  if (!isRecord(context)) return [{ path: 'context', message: 'must be an object, so it was left out' }]
  const isKnown = Object.keys(context).every((name) => Object.hasOwn(contextMembers, name))
  const { leftOut } = context.lang === undefined ? {} : readLanguage(context.lang)
  return [
    ...(['visitorId', 'sessionId', 'interactionContextId'] as const)
      .filter((name) => context[name] !== undefined && sent[name] === undefined)
      .map((name) => ({
        path: `context.${name}`,
        message: `${reasonOf(context[name])}, so it was left out`,
      })),
    ...(leftOut === undefined ? [] : [{ path: 'context.lang', message: leftOut }]),
    // A name that the sender chose may be personal.
    ...(isKnown ? [] : [{ path: 'context', message: 'had unknown members, which were left out' }]),
  ]
}

const reasonOf = (id: unknown): string => {
  const result = check(monitoringId, id)
  const [finding] = 'findings' in result ? result.findings : []
  return finding?.message ?? 'is empty'
}

/** Returns the value as a request id if it is a valid one, else `undefined`. */
export const toRequestId = (value: unknown): string | undefined => {
  const result = z.safeParse(requestIdOrInteger, value)
  return result.success ? result.data : undefined
}

/**
 * Returns the request id in the input, even if the rest of the input is invalid. `undefined` if there is no
 * valid one.
 */
export const requestIdOf = (input: unknown): string | undefined =>
  isRecord(input) ? toRequestId(input.requestId) : undefined
