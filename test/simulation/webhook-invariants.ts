import type { Item } from '../../lib/aws/state-table.ts'
import { consumerKey, openingsIn } from '../../lib/conversation/ledger-item.ts'
import type { Conversation } from '../../local/liveperson/state/store.ts'
import { mayNameAnothers } from './conversation-invariants.ts'
import type { Ending } from './ending.ts'
import { ACCOUNTS } from './requests.ts'
import { factsOf, isOpened } from './statuses.ts'
import type { Invariant, Subject } from './subject.ts'

/**
 * Returns what no push can tell a request, because an attempt died, or its write failed, before the ledger held
 * how to find the request. Undefined: nothing. Runs count and print them.
 *
 * `closing`: LivePerson closed the conversation, and no copy of the request arrived afterwards to name its opener
 * in the consumer's item. `outcome`: pushes name the consumer only by LivePerson's own id, and no attempt could
 * ask for it after the create.
 */
export const untoldOf = ({ item, own, ending, witnessed }: Subject): 'closing' | 'outcome' | undefined => {
  if (!ending.hasWebhooks || !item) return undefined
  const isDisturbed = (pk: string) => witnessed.deaths > 0 || ending.failedWrites(pk) > 0
  if (item.status === 'outcome_unknown') {
    const isUnnamed = factsOf(item).lpConsumerId === undefined
    return own.length > 0 && isUnnamed && isDisturbed(String(item.pk)) ? 'outcome' : undefined
  }
  const named = own.find(({ conversationId }) => conversationId === item.conversationId)
  if (item.status !== 'opened' || item.closedAt !== undefined || named?.closedAt === undefined)
    return undefined
  const consumer = consumerKey(named.accountId, named.lpConsumerId)
  const openings = openingsIn(ending.allItems.get(consumer) ?? {})
  const isNamed = openings.some(({ conversationId }) => conversationId === named.conversationId)
  return !isNamed && isDisturbed(consumer) ? 'closing' : undefined
}

/** Promises about a request once every push of LivePerson has been delivered. */
export const WEBHOOK_INVARIANTS: Readonly<Record<string, Invariant>> = {
  'a conversation has its id once all pushes are delivered': ({ item, ending }) =>
    ending.hasWebhooks && isOpened(item?.status) && item?.conversationId === undefined
      ? [`${item?.status} without an id`]
      : [],

  'no outcome stays unknown that LivePerson can settle': (subject) => {
    const { item, own, planned, ending } = subject
    if (!ending.hasWebhooks || item?.status !== 'outcome_unknown' || own.length === 0) return []
    if (untoldOf(subject) === 'outcome') return []
    const isDerived = item.consumerId !== undefined
    // The pushes of the second account name the campaign. Several requests of one consumer may have the same.
    const isCertain = planned.accountId === ACCOUNTS[1] && !planned.isShared && own.length === 1
    return isDerived || isCertain ? [`unknown, and LivePerson has told ${own[0]?.conversationId}`] : []
  },

  'a closing is told, and true': (subject) => {
    const { item, own, ending } = subject
    if (!ending.hasWebhooks || !item || !isOpened(item.status)) return []
    const named = ending.byId.get(String(item.conversationId))
    if (item.closedAt !== undefined)
      return named?.closedAt === item.closedAt ? [] : [`closed at ${item.closedAt}, not ${named?.closedAt}`]
    // A request whose conversation was open before isn't told.
    const isOwed = named?.closedAt !== undefined && own.includes(named) && item.status === 'opened'
    return isOwed && untoldOf(subject) !== 'closing'
      ? [`${named.conversationId} was closed, and the ledger doesn't know`]
      : []
  },

  'a settled outcome names a conversation of its own': (subject) => {
    const { item, own, planned } = subject
    if (!item || factsOf(item).settled === undefined || item.status !== 'opened') return []
    const isOwn = own.some(({ conversationId }) => conversationId === item.conversationId)
    const isAnothers = (planned.isShared && own.length === 0) || mayNameAnothers(subject)
    return isOwn || isAnothers ? [] : [`settled as ${item.conversationId}`]
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
