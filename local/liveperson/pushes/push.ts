import { createHmac } from 'node:crypto'
import type { JsonObject } from '../json/value.ts'
import type { Conversation } from '../state/store.ts'

/** The hash function of a signature. */
export type SignatureHash = 'sha1' | 'sha256'

/**
 * Returns the push about a conversation that has changed. It has the whole present state, in the shape of
 * LivePerson's examples.
 *
 * @param options.sentAt Milliseconds since the epoch.
 * @param options.hasCampaign Whether it names the campaign. No page documents that pushes do.
 * @see https://developers.liveperson.com/webhooks-events.html
 */
export const toChangePush = (
  conversation: Conversation,
  { sentAt, hasCampaign }: { readonly sentAt: number; readonly hasCampaign: boolean },
): JsonObject => {
  const { conversationId: convId, accountId, lpConsumerId, openedAt, closedAt, state, agent } = conversation
  const participants = [
    { id: lpConsumerId, role: 'CONSUMER' },
    ...(agent === undefined ? [] : [{ id: `${accountId}.${agent}`, role: 'ASSIGNED_AGENT' }]),
  ]
  const skillId = conversation.skillId === undefined ? {} : { skillId: String(conversation.skillId) }
  const { campaignId, engagementId } = conversation
  const times = {
    metaDataLastUpdateTs: closedAt ?? openedAt,
    ...(closedAt !== undefined && { endTs: closedAt }),
  }
  const dialog = {
    dialogId: convId,
    participantsDetails: participants.map((each) => ({ ...each, state: 'ACTIVE' })),
    dialogType: 'MAIN',
    channelType: 'MESSAGING',
    state: conversation.mainDialog,
    creationTs: openedAt,
    ...times,
    ...(state === 'CLOSE' && { closedBy: 'AGENT' }),
  }
  return {
    kind: 'notification',
    type: 'cqm.ExConversationChangeNotification',
    body: {
      subscriptionId: SUBSCRIPTION_ID,
      sentTs: sentAt,
      changes: [
        {
          type: 'UPSERT',
          result: {
            convId,
            effectiveTTR: state === 'CLOSE' ? -1 : openedAt + TTR_SECONDS * 1000,
            conversationDetails: {
              ...skillId,
              participants,
              dialogs: [dialog],
              brandId: accountId,
              state,
              stage: state,
              startTs: openedAt,
              ...times,
              ...(state === 'CLOSE' && { closeReason: 'AGENT' }),
              ...(hasCampaign &&
                campaignId !== undefined &&
                engagementId !== undefined && { campaignInfo: { campaignId, engagementId } }),
              ttr: { ttrType: conversation.ttr, value: TTR_SECONDS },
              conversationHandlerDetails: { accountId, ...skillId },
            },
          },
        },
      ],
    },
  }
}

const SUBSCRIPTION_ID = 'f1a2b3c4-0000-4d00-8e00-112233445566'
const TTR_SECONDS = 600

/** Returns the value of `x-liveperson-signature`. */
export const signatureOf = (body: string, clientSecret: string, hash: SignatureHash): string =>
  `${hash}=${createHmac(hash, clientSecret).update(body).digest('base64')}`
