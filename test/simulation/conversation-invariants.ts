import { consumerKey } from '../../lib/conversation/ledger-item.ts'
import { isFinal } from './statuses.ts'
import type { Invariant, Subject } from './subject.ts'

/** The longest that a request may wait in seconds, while only another account is in trouble. */
const MAX_DELAY_SECONDS = 20

/** Promises about a request's conversation. */
export const CONVERSATION_INVARIANTS: Readonly<Record<string, Invariant>> = {
  'at most one conversation per request': ({ own, ending, planned }) =>
    own.length <= 1 || ending.reopened.has(planned.key) ? [] : [`${own.length} conversations`],

  'no conversation for a request that was told rejected': ({ own, told, item }) => {
    const isTold = told.some(({ body }) => body.code === 'liveperson_rejected' || body.status === 'rejected')
    return (isTold || item?.status === 'rejected') && own.length > 0
      ? ['told rejected, and LivePerson opened one']
      : []
  },

  'an accepted request is finished or owed': (subject) => {
    const { planned, told, item } = subject
    const isAccepted =
      planned.door === 'queue' || told.some(({ how, httpStatus }) => how === 'answer' && httpStatus < 300)
    return isAccepted && !isKept(subject) ? [`its status is ${item?.status}, and nothing holds it`] : []
  },

  'every 202 is kept': (subject) => {
    const { told, item } = subject
    const is202 = told.some(({ how, httpStatus }) => how === 'answer' && httpStatus === 202)
    return is202 && !isKept(subject) ? [`told 202, and its status is ${item?.status}`] : []
  },

  'a refusal is one of LivePerson’s': ({ witnessed, item }) => {
    if (item?.status !== 'rejected') return []
    return item.code === 'liveperson_rejected' && witnessed.isRefused
      ? []
      : [`rejected with ${item.code}, although LivePerson never refused it`]
  },

  'one account’s trouble costs the others nothing': ({ planned, own, ending }) => {
    const [sentAt = 0] = planned.copies
    const openedAt = own[0]?.openedAt
    if (!ending.isCalm(planned) || openedAt === undefined) return []
    const seconds = (openedAt - ending.startedAt - sentAt) / 1000
    return seconds > MAX_DELAY_SECONDS
      ? [`opened after ${seconds.toFixed(0)} s, while another account was in trouble`]
      : []
  },

  'LivePerson has what the sender said': ({ planned, own }) => {
    const [conversation] = own
    if (!conversation || planned.isShared) return []
    const { profile, campaignId } = conversation
    const { firstName, email } = planned.body.consumer
    return [
      ...(profile.firstName === firstName ? [] : ['the first name is missing']),
      ...(JSON.stringify(profile.privateData ?? {}).includes(email) ? [] : ['the e-mail address is missing']),
      ...(planned.body.campaign && campaignId !== planned.body.campaign.campaignId
        ? [`the campaign is ${campaignId}`]
        : []),
    ]
  },

  'the ledger agrees with LivePerson': (subject) => {
    const { item, own, planned, ending } = subject
    const { status, conversationId } = item ?? {}
    // A conversation that an agent closed before the repeat leaves no trace at LivePerson.
    if (status === 'existing' && own.some(({ state }) => state === 'OPEN'))
      return ['existing, and it opened one']
    if (status === 'existing' && !planned.isShared) return ['existing, and nobody else is this consumer']
    if (status === 'opened' && own.length === 0 && !planned.isShared)
      return ['opened, and LivePerson has none']
    if (conversationId === undefined || (status !== 'opened' && status !== 'existing')) return []
    const named = ending.byId.get(String(conversationId))
    if (!named) return [`it names ${conversationId}, which LivePerson doesn't have`]
    if (status === 'opened' && own.length > 0 && !own.includes(named) && !mayNameAnothers(subject))
      return ["it names another request's conversation"]
    const consumer = planned.body.consumer.id
    return consumer !== undefined && named.extConsumerId !== consumer
      ? ["it names another consumer's conversation"]
      : []
  },

  'a conversationId that an attempt read is in the ledger': ({ item, planned: { key }, ending }) => {
    const read = ending.readIds.get(key)
    if (read === undefined || ending.waiting.has(key)) return []
    return item?.conversationId === undefined ? [`an attempt read ${read}, and the ledger has none`] : []
  },
}

/**
 * Whether a request can't know that the conversation it names is another's: LivePerson says only that its consumer
 * has one, an agent closed its own before the repeat, and the request that opened the other one lost the answer,
 * its container or the write that would have said so. Runs count and print them.
 */
export const mayNameAnothers = ({ item, own, planned, ending }: Subject): boolean => {
  const named = ending.byId.get(String(item?.conversationId))
  if (item?.status !== 'opened' || !named || own.length === 0 || own.includes(named)) return false
  const opener = String(named.context?.sessionId)
  const { mayBeOpen, deaths } = ending.witnessed(opener)
  const isWritten = [
    String(ending.items.get(opener)?.pk),
    consumerKey(named.accountId, named.lpConsumerId),
  ].every((pk) => ending.failedWrites(pk) === 0)
  const isUntold = mayBeOpen || deaths > 0 || !isWritten
  const isRepeated = ending.onLostAnswer(named.accountId) === 'repeat'
  return planned.isShared && isRepeated && own.every(ending.wasClosed) && isUntold
}

/** Whether a request has an outcome, or a queue holds it. */
const isKept = ({ planned: { key }, item, quarantined, ending }: Subject): boolean =>
  isFinal(item?.status) || quarantined.length > 0 || ending.waiting.has(key)
