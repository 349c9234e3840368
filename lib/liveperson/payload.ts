import type { ConversationRequest, Voucher } from '../request/conversation-request.ts'

/** The ids of the two requests in a batch. LivePerson echoes each as `reqId`. */
export interface RequestIds {
  readonly profile: string
  readonly conversation: string
}

/** What the payload is built from: the whole request, so that no caller can leave a member out. */
export interface ConversationInput extends Omit<ConversationRequest, 'ttr'> {
  readonly accountId: string
  readonly campaignId: string
  readonly engagementId: string
  readonly ttr: string
  readonly vouchedBy: Voucher
}

/**
 * Returns the body of CONVERSATION: the consumer's profile, then the conversation. Values are passed on
 * unchanged.
 *
 * @see https://developers.liveperson.com/connector-api-send-api-conversation.html
 */
export const toConversationBody = (input: ConversationInput, ids: RequestIds) => [
  { kind: 'req', id: ids.profile, type: 'userprofile.SetUserProfile', body: toProfile(input) },
  {
    kind: 'req',
    id: ids.conversation,
    type: 'cm.ConsumerRequestConversation',
    body: {
      ttrDefName: input.ttr,
      campaignInfo: { campaignId: input.campaignId, engagementId: input.engagementId },
      ...(input.context && { conversationContext: { type: 'SharkContext', ...input.context } }),
      channelType: 'MESSAGING',
      brandId: input.accountId,
    },
  },
]

/**
 * Returns the body of SEND for a message of the consumer. The id of the main dialog is the conversation's.
 *
 * @see https://developers.liveperson.com/connector-api-send-api-send.html
 */
export const toMessageBody = (conversationId: string, message: string, id: string) =>
  toEventBody(conversationId, { type: 'ContentEvent', contentType: 'text/plain', message }, id)

/**
 * Returns the body of SEND that reports the consumer as active. Agents don't see it; a closed conversation
 * refuses it.
 */
export const toPresenceBody = (conversationId: string, id: string) =>
  toEventBody(conversationId, { type: 'ChatStateEvent', chatState: 'ACTIVE' }, id)

const toEventBody = (conversationId: string, event: object, id: string) => ({
  kind: 'req',
  id,
  type: 'ms.PublishEvent',
  body: { conversationId, dialogId: conversationId, event },
})

/**
 * Agents see attributes as authenticated, so `consumer` becomes one only if the CRM vouches for all of it.
 * What a token says is an attribute already.
 */
const toProfile = ({ consumer = {}, engagementAttributes = [], vouchedBy }: ConversationInput) => {
  const { firstName, lastName, avatarUrl, description, email, phone } = consumer
  const isBuilt = vouchedBy === 'crm' && !engagementAttributes.some(({ type }) => type === 'personal')
  const attributes = isBuilt ? [...engagementAttributes, ...toPersonal(consumer)] : engagementAttributes
  return {
    ...given({ firstName, lastName, avatarUrl, description }),
    ...nested('privateData', given({ mobileNum: phone, mail: email })),
    ...(attributes.length > 0 && { authenticatedData: { lp_sdes: attributes } }),
  }
}

/** Returns the consumer as a `personal` attribute. */
const toPersonal = ({ firstName, lastName, email, phone }: NonNullable<ConversationRequest['consumer']>) => {
  const contact = given({ email, phone })
  const personal = {
    ...given({ firstname: firstName, lastname: lastName }),
    ...(Object.keys(contact).length > 0 && { contacts: [contact] }),
  }
  return Object.keys(personal).length > 0 ? [{ type: 'personal', personal }] : []
}

const given = (members: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))

const nested = (name: string, members: object) => (Object.keys(members).length > 0 ? { [name]: members } : {})
