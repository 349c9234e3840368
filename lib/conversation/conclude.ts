import type { LivePerson, Opened } from '../liveperson/client.ts'
import type { AcceptedRequest } from '../request/conversation-request.ts'
import type { FinalOutcome, Lease, Ledger, MessageStatus } from './ledger.ts'

/** What LivePerson has done for a request, and for which consumer. */
export interface KnownOutcome {
  readonly outcome: FinalOutcome
  readonly lpConsumerId: string
}

interface Parts {
  readonly ledger: Ledger
  readonly livePerson: LivePerson
}

/**
 * Finds out what LivePerson's answer means for a request, and sends the first message, where there is one and a
 * conversation to send it to. A message that fails undoes nothing.
 *
 * @param deadline Milliseconds since the epoch.
 * @throws {ServiceUnavailableError} The consumer's conversation could not be looked up.
 */
export const conclude = async (
  parts: Parts,
  request: AcceptedRequest,
  lease: Lease,
  opened: Opened,
  deadline: number,
): Promise<KnownOutcome> => {
  const { lpConsumerId } = opened
  if (opened.kind === 'already_open')
    return { outcome: await attribute(parts, request, lease, lpConsumerId, deadline), lpConsumerId }
  const { conversationId } = opened
  const messageStatus = await send(parts, request, conversationId, deadline)
  return { outcome: { status: 'opened', conversationId, messageStatus }, lpConsumerId }
}

/**
 * Says whose an open conversation is. Either it was open before, or an earlier attempt opened it and its answer was lost.
 * One that is known, and still open, settles that: a consumer has only one.
 */
const attribute = async (
  { ledger, livePerson }: Parts,
  request: AcceptedRequest,
  lease: Lease,
  lpConsumerId: string,
  deadline: number,
): Promise<FinalOutcome> => {
  const { accountId, consumerId, message } = request
  const unsent = message === undefined ? undefined : lease.messageInDoubt ? 'unknown' : 'not_sent'
  const nobodyKnows: FinalOutcome = { status: lease.reached ? 'opened' : 'existing', messageStatus: unsent }

  const last = await ledger.findConversation(accountId, lpConsumerId)
  const conversationId = last?.state === 'OPEN' ? last.conversationId : undefined
  if (conversationId === undefined) return nobodyKnows
  if (last?.openedBy === lease.pk) return { status: 'opened', conversationId, messageStatus: unsent }

  // The message itself asks whether the conversation is open, unless it may have been sent before.
  const answer =
    message === undefined || lease.messageInDoubt
      ? await livePerson.isOpen(consumerId, conversationId, deadline)
      : await livePerson.sendMessage(consumerId, conversationId, message, deadline)
  switch (answer) {
    case true:
      return { status: 'existing', conversationId, messageStatus: unsent }
    case 'sent':
      return { status: 'existing', conversationId, messageStatus: 'sent' }
    case false:
    case 'closed':
      await ledger.forgetConversation(accountId, lpConsumerId, conversationId)
      return nobodyKnows
    case 'unknown':
      return { ...nobodyKnows, messageStatus: 'unknown' }
    default:
      return nobodyKnows
  }
}

const send = async (
  { livePerson }: Parts,
  { consumerId, message }: AcceptedRequest,
  conversationId: string,
  deadline: number,
): Promise<MessageStatus | undefined> => {
  if (message === undefined) return undefined
  const outcome = await livePerson.sendMessage(consumerId, conversationId, message, deadline)
  return outcome === 'closed' ? 'not_sent' : outcome
}
