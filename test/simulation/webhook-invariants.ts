import type { Item } from '../../lib/aws/state-table.ts'
import { consumerKey } from '../../lib/conversation/ledger-item.ts'
import type { Conversation } from '../../local/liveperson/state/store.ts'
import type { Ending } from './ending.ts'
import { ACCOUNTS } from './requests.ts'
import { factsOf, isOpened } from './statuses.ts'
import type { Invariant } from './subject.ts'

/** Promises about a request once every push of LivePerson has been delivered. */
export const WEBHOOK_INVARIANTS: Readonly<Record<string, Invariant>> = {
  'a conversation has its id once all pushes are delivered': ({ item, ending }) =>
    ending.hasWebhooks && isOpened(item?.status) && item?.conversationId === undefined
      ? [`${item?.status} without an id`]
      : [],

  'no outcome stays unknown that LivePerson can settle': ({ item, own, planned, ending }) => {
    if (!ending.hasWebhooks || item?.status !== 'outcome_unknown' || own.length === 0) return []
    // Pushes name the consumer only by LivePerson's own id, and the IDP didn't tell it.
    if (factsOf(item).lpConsumerId === undefined) return []
    const isDerived = item.consumerId !== undefined
    // The pushes of the second account name the campaign. Several requests of one consumer may have the same.
    const isCertain = planned.accountId === ACCOUNTS[1] && !planned.isShared && own.length === 1
    return isDerived || isCertain ? [`unknown, and LivePerson has told ${own[0]?.conversationId}`] : []
  },

  'a closing is told, and true': ({ item, own, ending, witnessed }) => {
    if (!ending.hasWebhooks || !item || !isOpened(item.status)) return []
    const named = ending.byId.get(String(item.conversationId))
    if (item.closedAt !== undefined)
      return named?.closedAt === item.closedAt ? [] : [`closed at ${item.closedAt}, not ${named?.closedAt}`]
    // Nobody repeats what an attempt that died, or whose write failed, left undone.
    const consumer = named && consumerKey(named.accountId, named.lpConsumerId)
    const isDisturbed =
      witnessed.deaths > 0 || [String(item.pk), String(consumer)].some((pk) => ending.failedWrites(pk) > 0)
    if (isDisturbed) return []
    // A request whose conversation was open before isn't told.
    return named?.closedAt !== undefined && own.includes(named) && item.status === 'opened'
      ? [`${named.conversationId} was closed, and the ledger doesn't know`]
      : []
  },

  'a settled outcome names a conversation of its own': ({ item, own, planned }) => {
    if (!item || factsOf(item).settled === undefined || item.status !== 'opened') return []
    const isOwn = own.some(({ conversationId }) => conversationId === item.conversationId)
    return isOwn || (planned.isShared && own.length === 0) ? [] : [`settled as ${item.conversationId}`]
  },
}

/** Promises about the whole run once every push of LivePerson has been delivered. */
export const WEBHOOK_GLOBAL_INVARIANTS: Readonly<Record<string, (ending: Ending) => readonly string[]>> = {
  'a consumer’s item names the open conversation': ({ hasWebhooks, allItems, conversations }) => {
    if (!hasWebhooks) return []
    const open = new Map<string, Conversation>(
      conversations
        .filter(({ state }) => state === 'OPEN')
        .map((each) => [consumerKey(each.accountId, each.lpConsumerId), each] as const),
    )
    const isWrong = (pk: string, item: Item): boolean => {
      const expected = open.get(pk)
      if (!expected) return item.state === 'OPEN'
      // A survey is open for creates only, and an attempt has found that.
      const isSurvey = expected.mainDialog === 'CLOSE'
      return item.conversationId !== expected.conversationId || (item.state !== 'OPEN' && !isSurvey)
    }
    return [...allItems]
      .filter(([pk, item]) => pk.startsWith('consumer#') && isWrong(pk, item))
      .slice(0, 5)
      .map(([pk, { conversationId, state }]) => `${pk}: ${conversationId} ${state}`)
  },
}
