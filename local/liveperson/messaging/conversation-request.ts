import { type Check, list, object, oneOf, text } from '../json/check.ts'

/**
 * Returns what is wrong with a `cm.ConsumerRequestConversation` body. Strict mode checks every documented
 * member, lenient mode only that ids are digits.
 */
export const findConversationProblem = (body: unknown, strict: boolean): string | undefined =>
  (strict ? strictBody : lenientBody)(body, 'body')

const digits =
  (form: RegExp): Check =>
  (value, path) =>
    (typeof value === 'string' || Number.isSafeInteger(value)) && form.test(String(value))
      ? undefined
      : `${path} isn't an id`

const id = digits(/^\d{1,19}$/)
const skillId = digits(/^(?:-1|\d{1,10})$/)
const ids = { campaignId: id, engagementId: id }

const lenientBody = object({ campaignInfo: object(ids), skillId })

const strictBody = object({
  campaignInfo: object(ids, { required: ['campaignId', 'engagementId'] }),
  skillId,
  channelType: oneOf('MESSAGING'),
  ttrDefName: oneOf('NORMAL', 'URGENT', 'PRIORITIZED', 'CUSTOM', 'NIGHT', null),
  appId: text,
  conversationContext: object(
    {
      type: oneOf('SharkContext', 'SMSContext', 'ProactiveContext'),
      visitorId: text,
      sessionId: text,
      interactionContextId: (value, path) => (typeof value === 'number' ? undefined : text(value, path)),
      lang: text,
      features: list(text),
      clientProperties: object({ type: text }),
    },
    { required: ['type'] },
  ),
})
