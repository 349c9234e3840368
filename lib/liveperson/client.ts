import {
  type AppError,
  CredentialsRefusedError,
  LivePersonRejectedError,
  LivePersonUnavailableError,
  toAppError,
} from '../errors/errors.ts'
import { type AccessOptions, createAccess } from './access.ts'
import { type Answer, type AnsweredCall, isProfileRefused, readAnswer } from './answer.ts'
import type { ConsumerJws } from './consumer-jws.ts'
import type { HttpAnswer } from './http.ts'
import { type ConversationInput, toConversationBody, toMessageBody, toPresenceBody } from './payload.ts'

/**
 * The pause before repeating a create that LivePerson certainly didn't execute, in milliseconds. LivePerson
 * recommends it after a 429.
 */
export const RETRY_PAUSE_MS = 1000

export interface LivePersonOptions extends AccessOptions {
  /** Returns a new unique id. LivePerson echoes it with its answer. */
  readonly uuid: () => string
  /** Called each time a conversation is open, but LivePerson refused the consumer's profile. */
  readonly onProfileRefused: (requestId: string | undefined) => void
  /** Called each time LivePerson has refused a conversation with its language, but not without it. */
  readonly onLanguageRefused: (requestId: string | undefined) => void
}

/** LivePerson's answer to CONVERSATION. */
export type CreateAnswer =
  | {
      readonly kind: 'opened'
      readonly conversationId: string
      readonly lpConsumerId: string
      /** Whether LivePerson refused the consumer's profile, so that agents don't see it. */
      readonly profileRefused: boolean
      /** Whether LivePerson refused the conversation with its language, and opened it without one. */
      readonly languageRefused: boolean
    }
  /** The consumer already has an open conversation. LivePerson doesn't say which. */
  | { readonly kind: 'already_open'; readonly lpConsumerId: string; readonly profileRefused?: true }

/** What became of a message. */
export type MessageAnswer =
  | { readonly kind: 'sent' }
  /** The conversation is closed, so LivePerson did not accept the message. */
  | { readonly kind: 'closed' }
  /** LivePerson certainly did not accept the message. Sending it later may help. */
  | { readonly kind: 'owed'; readonly error: AppError }
  /** LivePerson may have accepted the message. */
  | { readonly kind: 'unknown'; readonly error: AppError }

export type LivePerson = ReturnType<typeof createLivePerson>

/**
 * Returns a client of LivePerson's Connector API for one account.
 *
 * @see https://developers.liveperson.com/connector-api-send-api-overview.html
 */
export const createLivePerson = (options: LivePersonOptions) => {
  const { accountId, http, uuid } = options
  const { callHost, timed, withAppJwt, identify, forget } = createAccess(options)

  /** Calls the Send API on behalf of a consumer. A token that LivePerson refuses is replaced once. */
  const onBehalfOf = async (
    consumerId: string,
    {
      called,
      body,
      reqId,
      deadline,
      beforeCall,
    }: Readonly<{
      called: AnsweredCall
      body: unknown
      reqId: string
      deadline: number
      beforeCall?: () => void
    }>,
  ) => {
    const path = called === 'send' ? '/send' : ''
    const json = JSON.stringify(body)
    const call = (consumerJws: ConsumerJws) =>
      withAppJwt(deadline, async (appJwt) => {
        const response = await callHost('asyncMessagingEnt', deadline, async (origin) => {
          beforeCall?.()
          const request = {
            method: 'POST',
            url: `${origin}/api/account/${accountId}/messaging/consumer/conversation${path}?v=3`,
            headers: {
              'content-type': 'application/json',
              authorization: appJwt,
              'x-lp-on-behalf': consumerJws.token,
            },
            body: json,
            deadline,
            repeatable: false,
          } as const
          return timed(called, () => http(request))
        })
        const parsed = readAnswer(response, reqId, called)
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

  /** Sends an event. Never throws. */
  const publish = async (
    consumerId: string,
    body: unknown,
    reqId: string,
    deadline: number,
  ): Promise<MessageAnswer> => {
    try {
      const { parsed, response } = await onBehalfOf(consumerId, { called: 'send', body, reqId, deadline })
      if (parsed.kind === 'ok') return { kind: 'sent' }
      if (parsed.kind === 'closed') return { kind: 'closed' }
      throw errorOf(parsed, response)
    } catch (thrown) {
      const error = toAppError(thrown)
      // An unexpected error doesn't prove that nothing was sent.
      const isInDoubt =
        error instanceof LivePersonUnavailableError ? error.mayHaveExecuted : error.code === 'internal_error'
      return { kind: isInDoubt ? 'unknown' : 'owed', error }
    }
  }

  return {
    /**
     * Returns a consumer's ConsumerJWS, from the cache if it is there.
     *
     * @param deadline Milliseconds since the epoch.
     * @throws {LivePersonUnavailableError} Never with `mayHaveExecuted`.
     * @throws {CredentialsRefusedError} LivePerson refused the credentials or a new AppJWT.
     * @throws {InvalidConfigError} The account's secret is missing or invalid.
     * @throws {ServiceUnavailableError} The account's secret can't be read.
     */
    identify,

    /**
     * Opens a conversation for a consumer. Makes no pause, and one create, unless LivePerson refuses a token
     * or the host has moved. If LivePerson refuses a conversation that names a language, makes one more
     * create without it: a language that the engagement doesn't have must not cost the conversation.
     *
     * @param deadline Milliseconds since the epoch.
     * @param beforeCall Called right before each create. If it throws, there is none.
     * @throws {LivePersonUnavailableError} With `mayHaveExecuted` if the conversation may be open
     * nevertheless.
     * @throws {LivePersonRejectedError} The documented refusal of this conversation. Nothing else is final.
     * @throws {CredentialsRefusedError} LivePerson refused the credentials or a new token.
     * @throws {InvalidConfigError} The account's secret is missing or invalid.
     * @throws {ServiceUnavailableError} The account's secret can't be read.
     */
    openConversation: async (
      consumerId: string,
      input: Omit<ConversationInput, 'accountId'>,
      deadline: number,
      beforeCall: () => void,
    ): Promise<CreateAnswer> => {
      const create = async (body: typeof input) => {
        const ids = { profile: uuid(), conversation: uuid() }
        const answered = await onBehalfOf(consumerId, {
          called: 'create',
          body: toConversationBody({ ...body, accountId }, ids),
          reqId: ids.conversation,
          deadline,
          beforeCall,
        })
        return { ...answered, profileRefused: isProfileRefused(answered.response, ids.profile) }
      }
      const first = await create(input)
      const { lang, ...others } = input.context ?? {}
      const languageRefused = first.parsed.kind === 'rejected' && lang !== undefined
      const context = Object.keys(others).length > 0 ? others : undefined
      const { parsed, response, lpConsumerId, profileRefused } = languageRefused
        ? await create({ ...input, context })
        : first
      if (parsed.kind !== 'ok' && parsed.kind !== 'already_open') throw errorOf(parsed, response)
      if (languageRefused) options.onLanguageRefused(input.requestId)
      if (profileRefused) options.onProfileRefused(input.requestId)
      if (parsed.kind === 'already_open')
        return { kind: 'already_open', lpConsumerId, ...(profileRefused && { profileRefused }) }
      const { conversationId } = parsed.body
      if (isConversationId(conversationId))
        return { kind: 'opened', conversationId, lpConsumerId, profileRefused, languageRefused }
      const had = conversationId === undefined ? 'without a conversationId' : 'with an invalid conversationId'
      throw new LivePersonUnavailableError({ detail: `LivePerson answered ${had}.`, mayHaveExecuted: true })
    },

    /**
     * Sends a consumer's message, once: LivePerson does not deduplicate messages. Never throws, and makes no
     * pause.
     *
     * @param deadline Milliseconds since the epoch.
     */
    sendMessage: (
      consumerId: string,
      conversationId: string,
      message: string,
      deadline: number,
    ): Promise<MessageAnswer> => {
      const id = uuid()
      return publish(consumerId, toMessageBody(conversationId, message, id), id, deadline)
    },

    /**
     * Returns whether a consumer's conversation is open, or the error because of which LivePerson doesn't
     * say. Asking changes nothing that consumers or agents can see. Never throws.
     *
     * @param deadline Milliseconds since the epoch.
     */
    isOpen: async (
      consumerId: string,
      conversationId: string,
      deadline: number,
    ): Promise<boolean | AppError> => {
      const id = uuid()
      const answer = await publish(consumerId, toPresenceBody(conversationId, id), id, deadline)
      return 'error' in answer ? answer.error : answer.kind === 'sent'
    },
  }
}

/** The id is told to senders and logged, so nothing else may pass for one. */
const isConversationId = (value: unknown): value is string =>
  typeof value === 'string' && /^[A-Za-z0-9._:-]{1,64}$/.test(value)

const errorOf = (answer: Exclude<Answer, { kind: 'ok' }>, { status, retryAfterMs }: HttpAnswer): AppError => {
  switch (answer.kind) {
    case 'unavailable':
      return new LivePersonUnavailableError({
        detail: `LivePerson answered ${answer.reason}.`,
        mayHaveExecuted: answer.mayHaveExecuted,
        trouble: status === 429 ? 'busy' : 'failed',
        retryAfterMs,
      })
    case 'rejected':
      return new LivePersonRejectedError({ detail: `LivePerson rejected the request (${answer.reason}).` })
    case 'consumer_jws_refused':
      return new CredentialsRefusedError({ detail: 'LivePerson refused a new ConsumerJWS.' })
    default:
      throw new Error(`The answer ${answer.kind} is no error`)
  }
}
