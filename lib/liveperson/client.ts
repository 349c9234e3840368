import { randomUUID } from 'node:crypto'
import {
  CredentialsRefusedError,
  LivePersonRejectedError,
  LivePersonUnavailableError,
} from '../errors/errors.ts'
import { type AccessOptions, createAccess } from './access.ts'
import { type Answer, readAnswer } from './answer.ts'
import type { ConsumerJws } from './consumer-jws.ts'
import { type ConversationInput, toConversationBody, toMessageBody, toPresenceBody } from './payload.ts'

/** LivePerson's advised pause after 429, in milliseconds. */
const MESSAGE_PAUSE_MS = 1000

export interface LivePersonOptions extends AccessOptions {
  /** Told each time that LivePerson opened a conversation, but did not take the consumer's profile. */
  readonly onProfileRefused: () => void
}

/** What CONVERSATION came to. */
export type Opened =
  | { readonly kind: 'opened'; readonly conversationId: string; readonly lpConsumerId: string }
  /** The consumer has an open conversation; LivePerson doesn't say which. */
  | { readonly kind: 'already_open'; readonly lpConsumerId: string }

/** Whether a message was taken: `closed` says that its conversation is over, `unknown` that no answer was read. */
export type MessageOutcome = 'sent' | 'closed' | 'not_sent' | 'unknown'

export type LivePerson = ReturnType<typeof createLivePerson>

/**
 * Speaks LivePerson's Connector API for one account.
 *
 * @see https://developers.liveperson.com/connector-api-send-api-overview.html
 */
export const createLivePerson = (options: LivePersonOptions) => {
  const { accountId, http, now } = options
  const { at, withAppJwt, identify, forget } = createAccess(options)

  /** One call of the Send API on behalf of a consumer, with each token replaced once where LivePerson refused it. */
  const onBehalfOf = async (
    consumerId: string,
    {
      path,
      body,
      reqId,
      deadline,
    }: Readonly<{ path: string; body: string; reqId: string; deadline: number }>,
  ) => {
    const call = (consumerJws: ConsumerJws) =>
      withAppJwt(deadline, async (appJwt) => {
        const answer = await at('asyncMessagingEnt', deadline, (origin) =>
          http({
            method: 'POST',
            url: `${origin}/api/account/${accountId}/messaging/consumer/conversation${path}?v=3`,
            headers: {
              'content-type': 'application/json',
              authorization: appJwt,
              'x-lp-on-behalf': consumerJws.token,
            },
            body,
            deadline,
            repeatable: false,
          }),
        )
        const read = readAnswer(answer, reqId)
        return read.kind === 'app_jwt_refused'
          ? undefined
          : { answer: read, said: answer, lpConsumerId: consumerJws.lpConsumerId }
      })
    const consumerJws = await identify(consumerId, deadline)
    const first = await call(consumerJws)
    if (first.answer.kind !== 'consumer_jws_refused') return first
    forget(consumerId, consumerJws)
    return call(await identify(consumerId, deadline))
  }

  /** `busy`: it certainly was not taken, and may be later; `unknown`: no answer was read. */
  const publish = async (
    consumerId: string,
    body: object,
    reqId: string,
    deadline: number,
  ): Promise<'taken' | 'closed' | 'busy' | 'not_sent' | 'unknown'> => {
    try {
      const { answer } = await onBehalfOf(consumerId, {
        path: '/send',
        body: JSON.stringify(body),
        reqId,
        deadline,
      })
      if (answer.kind === 'ok') return 'taken'
      if (answer.kind === 'closed') return 'closed'
      if (answer.kind === 'unavailable') return answer.reached ? 'unknown' : 'busy'
      return 'not_sent'
    } catch (error) {
      if (!(error instanceof LivePersonUnavailableError)) return 'not_sent'
      return error.reached ? 'unknown' : 'busy'
    }
  }

  return {
    accountId,

    /**
     * Gives a consumer's ConsumerJWS, from the cache where it is known.
     *
     * @param deadline Milliseconds since the epoch.
     * @throws {CredentialsRefusedError | LivePersonRejectedError | LivePersonUnavailableError}
     */
    identify,

    /**
     * Opens a conversation for a consumer.
     *
     * @param deadline Milliseconds since the epoch.
     * @throws {LivePersonUnavailableError} With `reached` where the conversation may be open all the same.
     * @throws {CredentialsRefusedError | LivePersonRejectedError}
     */
    openConversation: async (
      consumerId: string,
      input: Omit<ConversationInput, 'accountId'>,
      deadline: number,
    ): Promise<Opened> => {
      const ids = { profile: randomUUID(), conversation: randomUUID() }
      const { answer, said, lpConsumerId } = await onBehalfOf(consumerId, {
        path: '',
        body: JSON.stringify(toConversationBody({ ...input, accountId }, ids)),
        reqId: ids.conversation,
        deadline,
      })
      if (answer.kind === 'already_open') return { kind: 'already_open', lpConsumerId }
      if (answer.kind !== 'ok') throw toError(answer, said.retryAfterMs)
      if (readAnswer(said, ids.profile).kind === 'rejected') options.onProfileRefused()
      const { conversationId } = answer.body
      if (typeof conversationId === 'string' && conversationId !== '')
        return { kind: 'opened', conversationId, lpConsumerId }
      throw new LivePersonUnavailableError({
        detail: 'LivePerson answered without a conversationId.',
        reached: true,
      })
    },

    /**
     * Sends a consumer's message; once more only where it certainly was not taken, since LivePerson has no guard against
     * a second one.
     *
     * @param deadline Milliseconds since the epoch.
     */
    sendMessage: async (
      consumerId: string,
      conversationId: string,
      message: string,
      deadline: number,
    ): Promise<MessageOutcome> => {
      const id = randomUUID()
      const send = () => publish(consumerId, toMessageBody(conversationId, message, id), id, deadline)
      let outcome = await send()
      if (outcome === 'busy' && now() + 2 * MESSAGE_PAUSE_MS < deadline) {
        await new Promise((resolve) => setTimeout(resolve, MESSAGE_PAUSE_MS))
        outcome = await send()
      }
      if (outcome === 'taken') return 'sent'
      return outcome === 'busy' ? 'not_sent' : outcome
    },

    /**
     * Whether a conversation of a consumer is open; undefined where LivePerson doesn't say. Asking does no harm.
     *
     * @param deadline Milliseconds since the epoch.
     */
    isOpen: async (
      consumerId: string,
      conversationId: string,
      deadline: number,
    ): Promise<boolean | undefined> => {
      const id = randomUUID()
      const outcome = await publish(consumerId, toPresenceBody(conversationId, id), id, deadline)
      if (outcome === 'taken') return true
      return outcome === 'closed' ? false : undefined
    },
  }
}

const toError = (answer: Exclude<Answer, { kind: 'ok' }>, retryAfterMs: number | undefined) => {
  if (answer.kind === 'unavailable')
    return new LivePersonUnavailableError({
      detail: `LivePerson answered ${answer.reason}.`,
      reached: answer.reached,
      retryAfterMs,
    })
  if (answer.kind === 'consumer_jws_refused')
    return new CredentialsRefusedError({ detail: 'LivePerson refused a new ConsumerJWS.' })
  return new LivePersonRejectedError({
    detail: `LivePerson refused the request (${answer.kind === 'rejected' ? answer.reason : answer.kind}).`,
  })
}
