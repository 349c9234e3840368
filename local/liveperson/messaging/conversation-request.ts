import { type Check, isObject, list, object, oneOf, text } from '../json/check.ts'

/** What a `cm.ConsumerRequestConversation` body may not be in strict mode; ids have to be digits in both modes. */
export const conversationProblem = (body: unknown, strict: boolean): string | undefined =>
  (strict ? strictBody : lenientBody)(body, 'body')

/** One request of the Send API that has the right envelope. */
export interface Envelope {
  /** As text, the way it is echoed. */
  readonly id: string
  readonly type: string
  readonly body: Record<string, unknown>
}

/**
 * Reads `{kind, id, type, body}`.
 *
 * @returns The envelope, or in one sentence why it is none.
 * @see https://developers.liveperson.com/connector-api-send-api-conversation.html
 */
export const readEnvelope = (value: unknown): Envelope | string => {
  if (!isObject(value)) return 'A request must be an object'
  const { kind, id, type, body } = value
  if (kind !== 'req') return 'kind must be req'
  if ((typeof id !== 'string' && typeof id !== 'number') || !/^.{1,64}$/su.test(String(id))) {
    return 'id must have 1 to 64 characters'
  }
  if (typeof type !== 'string') return 'type is missing'
  return isObject(body) ? { id: String(id), type, body } : 'body must be an object'
}

const digits =
  (form: RegExp): Check =>
  (value, path) =>
    (typeof value === 'string' || Number.isSafeInteger(value)) && form.test(String(value))
      ? undefined
      : `${path} is no id`

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
