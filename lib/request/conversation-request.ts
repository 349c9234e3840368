import * as z from 'zod/mini'
import { type Finding, InvalidRequestError } from '../errors/errors.ts'
import { engagementAttributes } from './engagement-attributes.ts'
import { decimalId, text, wellFormed } from './schema-parts.ts'
import { toPlace } from './strict-json.ts'

/** Which entry a request came by; the two are separate name spaces of request ids. */
export type Door = 'form' | 'queue'

/** What a request id looks like: 8 to 128 letters, digits and `. _ : -`. */
export const requestId = z
  .string()
  .check(z.regex(/^[A-Za-z0-9._:-]{8,128}$/, 'must be 8 to 128 letters, digits or . _ : -'))

/** LivePerson's name of an account (site). */
export const accountId = z.string().check(z.regex(/^[A-Za-z0-9]{1,32}$/, 'must be a LivePerson account id'))

/** How soon the brand wants to answer; LivePerson's own example still sends CUSTOM. */
export const ttr = z.enum(['URGENT', 'NORMAL', 'PRIORITIZED', 'CUSTOM'])

/** The pair of ids by which LivePerson routes. Decimal, string or number in, string out. */
export const campaign = z.strictObject({ campaignId: decimalId, engagementId: decimalId })

/** The name of a route in the stage configuration. */
export const routeName = z
  .string()
  .check(z.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, 'must be 1 to 64 letters, digits, _ or -'))

/** The consumer's external id; 1 to 256 characters, none of them a control character. */
export const consumerId = z.string().check(
  z.regex(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    /^[^\u0000-\u001f\u007f]{1,256}$/,
    'must be 1 to 256 characters, none of them a control character',
  ),
  wellFormed,
)

// SEND takes 5,000 characters of JSON; what stands around the text takes less than 500.
const message = z
  .string()
  .check(
    z.refine(
      (value) => value !== '' && value.isWellFormed() && JSON.stringify(value).length <= 4500,
      'must be well-formed, and 1 to 4500 characters as JSON',
    ),
  )

const schema = z.strictObject({
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
      avatarUrl: z.optional(
        text(2048).check(z.regex(/^https?:\/\/\S+$/, 'must be an http or https address')),
      ),
      description: z.optional(text(4096)),
    }),
  ),
  engagementAttributes: z.optional(engagementAttributes),
  ttr: z.optional(ttr),
  context: z.optional(
    z.strictObject({
      visitorId: z.optional(text(256)),
      sessionId: z.optional(text(256)),
      interactionContextId: z.optional(text(256)),
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

/** What a form or a CRM event asks for: the one shape between the doors and LivePerson. */
export type ConversationRequest = z.infer<typeof schema>

/** A request that a door has let in: whose it is and which account it goes to are settled. */
export interface AcceptedRequest extends ConversationRequest {
  readonly door: Door
  readonly requestId: string
  readonly accountId: string
  /** `ext_consumer_id`: the sender's, the token's `sub`, or derived; the same in every attempt. */
  readonly consumerId: string
  /** SHA-256 of what the sender asked for, as hex. */
  readonly fingerprint: string
}

/**
 * Gives a ConversationRequest of what came in.
 *
 * @throws {InvalidRequestError} One finding for each member that is unknown, missing or wrong.
 */
export const parseConversationRequest = (input: unknown): ConversationRequest => {
  const request = parse(schema, input)
  if (request.route === undefined && request.campaign === undefined)
    throw new InvalidRequestError([{ path: 'campaign', message: 'is needed where no route is named' }])
  if (request.route !== undefined && request.campaign !== undefined)
    throw new InvalidRequestError([{ path: 'campaign', message: 'must not stand beside a route' }])
  return request
}

/**
 * Parses by a schema, with findings in our own words.
 *
 * @throws {InvalidRequestError}
 */
export const parse = <T extends z.ZodMiniType>(shape: T, input: unknown): z.infer<T> => {
  const result = check(shape, input)
  if ('findings' in result) throw new InvalidRequestError(result.findings)
  return result.data
}

/** Gives what a schema makes of an input, or all that is wrong with it; values of the input are never part of that. */
export const check = <T extends z.ZodMiniType>(
  shape: T,
  input: unknown,
): { readonly data: z.infer<T> } | { readonly findings: readonly Finding[] } => {
  const result = z.safeParse(shape, input, { error: wordsFor })
  return result.success ? { data: result.data } : { findings: result.error.issues.flatMap(toFindings) }
}

const toFindings = (issue: z.core.$ZodIssue): Finding[] =>
  issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => ({
        path: [...issue.path, key].join('.'),
        place: [...issue.path, toPlace(key)].join('.'),
        message: 'is not a known member',
      }))
    : [{ path: issue.path.join('.'), message: issue.message }]

const wordsFor = (issue: z.core.$ZodRawIssue): string => {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${article(issue.expected)}`
    case 'too_small':
      return `must ${issue.origin === 'array' ? 'have' : 'be'} at least ${issue.minimum}`
    case 'too_big':
      return `must ${issue.origin === 'array' ? 'have' : 'be'} at most ${issue.maximum}`
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}`
    case 'invalid_key':
      return 'is not a name that is taken here'
    case 'invalid_union':
      return 'options' in issue && Array.isArray(issue.options)
        ? `must be one of ${issue.options.join(', ')}`
        : 'has the wrong type'
    default:
      return 'is wrong'
  }
}

const article = (type: string) => `${/^[aeio]/.test(type) ? 'an' : 'a'} ${type === 'int' ? 'integer' : type}`
