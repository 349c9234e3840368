import {
  CredentialsRefusedError,
  LivePersonRejectedError,
  LivePersonUnavailableError,
  toAppError,
} from '../errors/errors.ts'
import { type AccessOptions, createAccess } from './access.ts'
import { type Answer, readAnswer } from './answer.ts'
import type { ConsumerJws } from './consumer-jws.ts'
import { type ConversationInput, toConversationBody, toMessageBody, toPresenceBody } from './payload.ts'

/**
 * The pause before a call is repeated that LivePerson certainly didn't execute, in milliseconds. LivePerson
 * recommends it after a 429.
 */
export const RETRY_PAUSE_MS = 1000

export interface LivePersonOptions extends AccessOptions {
  /** Resolves after `ms` milliseconds. */
  readonly sleep: (ms: number) => Promise<void>
  /** Returns a new unique id. LivePerson echoes it with its answer. */
  readonly uuid: () => string
  /** Called each time LivePerson opens a conversation but refuses the consumer's profile. */
  readonly onProfileRefused: () => void
}

/** LivePerson's answer to CONVERSATION. */
export type CreateAnswer =
  | { readonly kind: 'opened'; readonly conversationId: string; readonly lpConsumerId: string }
  /** The consumer already has an open conversation. LivePerson doesn't say which. */
  | { readonly kind: 'already_open'; readonly lpConsumerId: string }

/**
 * The result of sending a message.
 *
 * - `closed`: the conversation is closed, so LivePerson did not accept the message.
 * - `not_sent`: LivePerson certainly did not accept the message, and it is not tried again.
 * - `unknown`: LivePerson may have accepted it.
 */
export type MessageOutcome = 'sent' | 'closed' | 'not_sent' | 'unknown'

export type LivePerson = ReturnType<typeof createLivePerson>

/**
 * Returns a client of LivePerson's Connector API for one account.
 *
 * @see https://developers.liveperson.com/connector-api-send-api-overview.html
 */
export const createLivePerson = (options: LivePersonOptions) => {
  const { accountId, http, now, sleep, uuid } = options
  const { callHost, withAppJwt, identify, forget } = createAccess(options)

  /** Calls the Send API on behalf of a consumer. A token that LivePerson refuses is replaced once. */
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
        const response = await callHost('asyncMessagingEnt', deadline, (origin) =>
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
        const parsed = readAnswer(response, reqId)
        return parsed.kind === 'app_jwt_refused'
          ? undefined
          : { parsed, response, lpConsumerId: consumerJws.lpConsumerId }
      })
    const consumerJws = await identify(consumerId, deadline)
    const first = await call(consumerJws)
    if (first.parsed.kind !== 'consumer_jws_refused') return first
    forget(consumerId, consumerJws)
    return call(await identify(consumerId, deadline))
  }

  /** Sends an event. `busy`: LivePerson certainly did not accept it, but may accept it later. */
  const publish = async (
    consumerId: string,
    body: object,
    reqId: string,
    deadline: number,
  ): Promise<MessageOutcome | 'busy'> => {
    try {
      const { parsed } = await onBehalfOf(consumerId, {
        path: '/send',
        body: JSON.stringify(body),
        reqId,
        deadline,
      })
      if (parsed.kind === 'ok') return 'sent'
      if (parsed.kind === 'closed') return 'closed'
      if (parsed.kind === 'unavailable') return parsed.mayHaveExecuted ? 'unknown' : 'busy'
      return 'not_sent'
    } catch (thrown) {
      const error = toAppError(thrown)
      if (error instanceof LivePersonUnavailableError) return error.mayHaveExecuted ? 'unknown' : 'busy'
      // An unexpected error doesn't prove that nothing was sent.
      return error.code === 'internal_error' ? 'unknown' : 'not_sent'
    }
  }

  return {
    /**
     * Returns a consumer's ConsumerJWS, from the cache if it is there.
     *
     * @param deadline Milliseconds since the epoch.
     * @throws {LivePersonUnavailableError} Never with `mayHaveExecuted`.
     * @throws {LivePersonRejectedError} The IDP refused the consumer.
     * @throws {CredentialsRefusedError} LivePerson refused the credentials or a new AppJWT.
     * @throws {InvalidConfigError} The account's secret is missing or invalid.
     * @throws {ServiceUnavailableError} The account's secret can't be read.
     */
    identify,

    /**
     * Opens a conversation for a consumer.
     *
     * @param deadline Milliseconds since the epoch.
     * @throws {LivePersonUnavailableError} With `mayHaveExecuted` if the conversation may be open
     * nevertheless.
     * @throws {LivePersonRejectedError} LivePerson refused the consumer or the conversation.
     * @throws {CredentialsRefusedError} LivePerson refused the credentials or a new token.
     * @throws {InvalidConfigError} The account's secret is missing or invalid.
     * @throws {ServiceUnavailableError} The account's secret can't be read.
     */
    openConversation: async (
      consumerId: string,
      input: Omit<ConversationInput, 'accountId'>,
      deadline: number,
    ): Promise<CreateAnswer> => {
      const ids = { profile: uuid(), conversation: uuid() }
      const { parsed, response, lpConsumerId } = await onBehalfOf(consumerId, {
        path: '',
        body: JSON.stringify(toConversationBody({ ...input, accountId }, ids)),
        reqId: ids.conversation,
        deadline,
      })
      if (parsed.kind === 'already_open') return { kind: 'already_open', lpConsumerId }
      if (parsed.kind !== 'ok') throw errorOf(parsed, response.retryAfterMs)
      if (readAnswer(response, ids.profile).kind === 'rejected') options.onProfileRefused()
      const { conversationId } = parsed.body
      if (typeof conversationId === 'string' && conversationId !== '')
        return { kind: 'opened', conversationId, lpConsumerId }
      throw new LivePersonUnavailableError({
        detail: 'LivePerson answered without a conversationId.',
        mayHaveExecuted: true,
      })
    },

    /**
     * Sends a consumer's message. LivePerson does not deduplicate messages, so it is sent once more only if
     * LivePerson certainly did not accept it. Never throws.
     *
     * @param deadline Milliseconds since the epoch.
     */
    sendMessage: async (
      consumerId: string,
      conversationId: string,
      message: string,
      deadline: number,
    ): Promise<MessageOutcome> => {
      const id = uuid()
      const send = () => publish(consumerId, toMessageBody(conversationId, message, id), id, deadline)
      let outcome = await send()
      // Time for the pause, and as much again for the second call.
      if (outcome === 'busy' && now() + 2 * RETRY_PAUSE_MS < deadline) {
        await sleep(RETRY_PAUSE_MS)
        outcome = await send()
      }
      return outcome === 'busy' ? 'not_sent' : outcome
    },

    /**
     * Returns whether a consumer's conversation is open, or undefined if LivePerson doesn't say. Asking
     * changes nothing that consumers or agents can see. Never throws.
     *
     * @param deadline Milliseconds since the epoch.
     */
    isOpen: async (
      consumerId: string,
      conversationId: string,
      deadline: number,
    ): Promise<boolean | undefined> => {
      const id = uuid()
      const outcome = await publish(consumerId, toPresenceBody(conversationId, id), id, deadline)
      if (outcome === 'sent') return true
      return outcome === 'closed' ? false : undefined
    },
  }
}

const errorOf = (answer: Exclude<Answer, { kind: 'ok' }>, retryAfterMs: number | undefined) => {
  if (answer.kind === 'unavailable')
    return new LivePersonUnavailableError({
      detail: `LivePerson answered ${answer.reason}.`,
      mayHaveExecuted: answer.mayHaveExecuted,
      retryAfterMs,
    })
  if (answer.kind === 'consumer_jws_refused')
    return new CredentialsRefusedError({ detail: 'LivePerson refused a new ConsumerJWS.' })
  return new LivePersonRejectedError({
    detail: `LivePerson rejected the request (${answer.kind === 'rejected' ? answer.reason : answer.kind}).`,
  })
}
