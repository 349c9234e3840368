import { ageMsAt, GIVE_UP_MS } from './quarantine-invariants.ts'
import { factsOf, isOpened } from './statuses.ts'
import type { Invariant, Subject } from './subject.ts'

/** Promises about a request's first message. */
export const MESSAGE_INVARIANTS: Readonly<Record<string, Invariant>> = {
  'a message is sent at most once': ({ planned: { body }, ending }) => {
    const sent = ending.messages.get(body.message ?? '') ?? 0
    return sent > 1 ? [`sent ${sent} times`] : []
  },

  'what is said about a message is true': (subject) => {
    if (!hasOpened(subject)) return []
    const { planned, item, ending, witnessed } = subject
    const isThere = ending.messages.has(planned.body.message ?? '')
    switch (item?.messageStatus) {
      case 'sent':
        return isThere ? [] : ['said to be sent, and LivePerson has none']
      case 'not_sent':
        return isThere ? ['said not to be sent, and LivePerson has it'] : []
      case 'unknown':
        return witnessed.mayBeSent || witnessed.deaths > 0 || hasHiddenTry(subject)
          ? []
          : ['said to be unknown, and every answer was complete']
      case 'pending':
        return isThere ? ['said to be pending, and LivePerson has it'] : []
      default:
        return ['nothing is said about it']
    }
  },

  'a message that was certainly not sent is sent later or accounted for': (subject) => {
    if (!hasOpened(subject)) return []
    const { planned, item, ending, own, quarantined } = subject
    // A replay sends the message of a request that a push has settled.
    if (item?.messageStatus === 'pending')
      return ending.waiting.has(planned.key) || quarantined.length > 0
        ? []
        : ['pending, and no queue holds it']
    if (item?.messageStatus !== 'not_sent') return []
    const named = ending.byId.get(String(item.conversationId))
    switch (item.messageCode) {
      case 'conversation_closed': {
        const wasClosed = [...own, ...(named ? [named] : [])].some(ending.wasClosed)
        return wasClosed ? [] : ['not sent, because of a closed conversation, and none was closed']
      }
      case 'conversation_unknown': {
        // An attempt that could not record the id may have carried it in the queue for longer than the
        // message waits.
        // And a push may have told it afterwards.
        const isLate = ending.failedWrites(String(item.pk)) > 0 || factsOf(item).settled !== undefined
        return named && item.status === 'opened' && !isLate
          ? ['not sent, because of an unknown conversation, and its id is known']
          : []
      }
      case 'given_up':
        return ageMsAt(subject, ending.endedAt) >= GIVE_UP_MS ? [] : ['given up too early']
      default:
        return ['not sent, and nothing says why']
    }
  },
}

const hasOpened = ({ planned, item }: Subject): boolean =>
  planned.body.message !== undefined && isOpened(item?.status)

/**
 * Whether the ledger may say that the message was about to be sent, and nothing could tell it that it wasn't:
 * the answer to that write was lost, or neither the ledger nor the queue could be written afterwards.
 */
const hasHiddenTry = ({ planned: { key }, item, ending }: Subject): boolean => {
  const pk = String(item?.pk)
  return ending.hasLostWrite(pk) || (ending.failedWrites(pk) > 0 && ending.lostQueue.has(key))
}
