import { z } from 'zod'
import type { MessageCode, Outcome, Status } from '../../lib/conversation/facts.ts'
import type { DetailType } from '../../lib/conversation/outcome-event.ts'
import { CODES, isCode } from '../../lib/errors/codes.ts'
import { DOORS } from '../../lib/request/conversation-request.ts'
import type { JsonSchema } from '../request-schema.ts'

/** A text for each value of a type. The compiler requires all of them. */
type Meanings<T extends string> = Readonly<Record<T, string>>

const FINAL_STATUSES: Meanings<Exclude<Status, 'opening' | 'queued'>> = {
  failed: 'no queue holds the request, and `code` gives the reason',
  opened: 'the conversation is open',
  existing: 'the consumer already had an open conversation',
  rejected: 'the request was refused, and `code` gives the reason',
  outcome_unknown: 'the conversation may be open, and the operator has to check',
}

const STATUSES: Meanings<Status> = {
  opening: 'an attempt is in progress',
  queued: 'a queue holds the request, and it is retried',
  ...FINAL_STATUSES,
}

const MESSAGE_STATUSES: Meanings<NonNullable<Outcome['messageStatus']>> = {
  pending: 'the service still has to send it',
  sent: 'LivePerson accepted it',
  unknown: 'LivePerson may have accepted it, and it is not sent again',
  not_sent: 'it is not sent, and `messageCode` gives the reason',
}

const MESSAGE_CODES: Meanings<MessageCode> = {
  conversation_closed: 'the conversation was closed before',
  conversation_unknown: "LivePerson didn't say which conversation is open",
  given_up: 'it could not be sent in time',
}

/** The detail types of the outcome events. */
export const DETAIL_TYPES = {
  'Conversation Opened': 'the conversation is open',
  'Conversation Existing': 'the consumer already had an open conversation',
  'Conversation Request Rejected': 'the request was refused',
  'Conversation Outcome Unknown': 'the conversation may be open, and the operator has to check',
  'Conversation Request Failed': 'the service gave the request up, and a replay can still change it',
  'Conversation Message Updated': 'the first message was sent late, or ended unsent',
  'Conversation Updated': 'the id became known later, or an unknown outcome was settled',
  'Conversation Closed': 'the conversation was closed',
} as const satisfies Meanings<DetailType>

const oneOf = <T extends string>(subject: string, meanings: Meanings<T>) =>
  z.enum(namesOf(meanings)).describe(
    `${subject} ${namesOf(meanings)
      .map((name) => `\`${name}\`: ${meanings[name]}.`)
      .join(' ')}`,
  )

const namesOf = <T extends string>(meanings: Meanings<T>): [T, ...T[]] => {
  const isName = (name: string): name is T => Object.hasOwn(meanings, name)
  const [first, ...rest] = Object.keys(meanings).filter(isName)
  if (first === undefined) throw new Error('There must be at least one value')
  return [first, ...rest]
}

const requestId = z.string().describe("The request's id.")
const messageId = z.string().describe('The SQS message id of an event that was refused before its attempt.')
const accountId = z.string().describe("LivePerson's id of the account.")
const conversationId = z.string().describe("LivePerson's id of the conversation.")
const code = z
  .enum(Object.keys(CODES).filter(isCode))
  .describe('Why the request was not processed. docs/errors.md says what each code means.')
const warnings = z
  .array(
    z.strictObject({
      path: z.string().describe('The dotted path of a member, or of a claim of the token after `token.`.'),
      message: z.string().describe('What is wrong with it, for people.'),
    }),
  )
  .describe('What was left out of the request.')
const time = z.iso.datetime()

/** The members that the status and an outcome event share. */
const told = {
  conversationId: conversationId.optional(),
  code: code.optional(),
  messageStatus: oneOf(
    'The status of the first message, if the request has one.',
    MESSAGE_STATUSES,
  ).optional(),
  messageCode: oneOf('Why the message is not sent.', MESSAGE_CODES).optional(),
  warnings: warnings.optional(),
}

/** The body of a response with the status of a request. */
export const requestStatus = z.strictObject({
  requestId,
  messageId: messageId.optional(),
  status: oneOf('The status of the request.', STATUSES),
  ...told,
  continue: z
    .url()
    .describe('Where a signed-in consumer continues the conversation, if the account has such an address.')
    .optional(),
})

/** The `detail` of an outcome event. */
export const outcomeDetail = z.strictObject({
  version: z.literal(1).describe('The version of this shape. New members may be added to a version.'),
  sequence: z
    .int()
    .min(1)
    .describe(
      'Counts the outcomes of this request, without gaps. Events may arrive twice or out of order: keep the highest.',
    ),
  requestId: requestId.optional(),
  messageId: messageId.optional(),
  accountId,
  door: z.enum(DOORS).describe('Where the request came in.'),
  status: oneOf('The status of the request.', FINAL_STATUSES),
  ...told,
  closedAt: time.describe('When the conversation was closed.').optional(),
  campaignId: z.string().describe("LivePerson's id of the campaign.").optional(),
  engagementId: z.string().describe("LivePerson's id of the engagement.").optional(),
  route: z.string().describe("The name of the request's route.").optional(),
  occurredAt: time.describe('When the service learned it.'),
})

/** An outcome event, as an EventBridge rule or its target gets it. */
const outcomeEvent = z.object({
  source: z.literal('campaign-conversations'),
  'detail-type': oneOf('What happened.', DETAIL_TYPES),
  detail: outcomeDetail,
})

/**
 * Returns the JSON Schema of an outcome event. Unknown members are allowed, because versions may add some.
 */
export const toOutcomeSchema = (): JsonSchema => ({
  title: 'Outcome event',
  description:
    'What became of a request, on the EventBridge bus of outcomes. EventBridge adds its own members to it, such as `id` and `time`. It holds nothing personal.',
  ...toOpenJsonSchema(outcomeEvent),
})

/** Returns the JSON Schema of the body with the status of a request. */
export const toStatusSchema = (): JsonSchema => toOpenJsonSchema(requestStatus)

/** Readers must accept members that a later version adds. */
const toOpenJsonSchema = (schema: z.ZodType): JsonSchema => {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io: 'output',
    override: ({ jsonSchema }) => {
      delete jsonSchema.additionalProperties
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern
    },
  })
  return json
}
