import { type Answer, badRequest, empty, failed, json, ok, type Result, refusals } from '../http/answer.ts'
import type { ReceivedRequest } from '../http/request.ts'
import { isObject } from '../json/value.ts'
import { readClientProperties } from '../messaging/client-properties.ts'
import { findConversationProblem } from '../messaging/conversation-request.ts'
import { type Envelope, readEnvelope } from '../messaging/envelope.ts'
import { applyProfile } from '../messaging/profile.ts'
import { publish } from '../messaging/publish.ts'
import { findRoute } from '../messaging/routing.ts'
import type { RateLimit } from '../state/rate-limit.ts'
import type { State } from '../state/state.ts'
import type { Consumer } from '../state/store.ts'
import { readAuthorized } from './authorize.ts'

/**
 * Answers CONVERSATION: sets the profile, then opens a conversation. Each element succeeds or fails on its
 * own, so the profile stays set if the conversation is refused, and the reverse.
 *
 * Checks run in this order: rate (429), `v` (404), tokens (401), length, Content-Type and JSON (400),
 * envelopes (400), brandId (40001).
 *
 * @see https://developers.liveperson.com/connector-api-send-api-conversation.html
 */
export const answerConversation = (state: State, request: ReceivedRequest): Answer => {
  const { createLimit, conversationLimit } = state.settings
  if (createLimit && !state.store.creates.accepts(request.accountId ?? '', createLimit, state.clock.now()))
    return tooMany(createLimit)
  const read = readAuthorized(state, request, conversationLimit)
  if (read.refusal !== undefined) return read.refusal
  const { consumer, json: batch } = read
  if (!Array.isArray(batch)) return badRequest('Bad Request: the body must be an array')
  const envelopes = readBatch(batch, state.settings.mode === 'strict')
  if (typeof envelopes === 'string') return badRequest(`Bad Request: ${envelopes}`)

  const [setProfile, create, firstMessage] = envelopes
  const { brandId } = create.body
  if (typeof brandId !== 'string' || brandId === '') return refusals.brandIdMissing
  if (brandId !== request.accountId) return refusals.brandIdWrong

  const results = [applyProfile(state, consumer, setProfile), open(state, request, consumer, create, batch)]
  if (firstMessage !== undefined) results.push(publishFirst(state, consumer, firstMessage, results[1]))
  const status = results.every((result) => result.code === 'OK') ? 200 : state.settings.failingElementStatus
  return json(status, state.settings.answerShape === 'reversed' ? results.reverse() : results)
}

const tooMany = ({ retryAfter }: RateLimit): Answer => ({
  ...empty(429),
  headers: retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) },
})

type Batch = readonly [Envelope, Envelope, Envelope?]

const readBatch = (batch: readonly unknown[], strict: boolean): Batch | string => {
  const envelopes: Envelope[] = []
  for (const element of batch) {
    const envelope = readEnvelope(element)
    if (typeof envelope === 'string') return envelope
    envelopes.push(envelope)
  }
  const [first, second, third, ...more] = envelopes
  if (first === undefined || second === undefined) return 'the array must have two requests'
  if (first.type !== 'userprofile.SetUserProfile')
    return 'the first request must be userprofile.SetUserProfile'
  if (second.type !== 'cm.ConsumerRequestConversation') {
    return 'the second request must be cm.ConsumerRequestConversation'
  }
  if (third === undefined) return [first, second]
  // Only superseded documentation has a first message in the same batch.
  if (strict || more.length > 0) return 'the array must have two requests'
  return third.type === 'ms.PublishEvent'
    ? [first, second, third]
    : 'the third request must be ms.PublishEvent'
}

const open = (
  state: State,
  request: ReceivedRequest,
  consumer: Consumer,
  { id, body }: Envelope,
  batch: readonly unknown[],
): Result => {
  const refuse = (why: string) => failed(`Consumer request conversation failed: ${why}`, id)
  const account = state.accounts.get(consumer.accountId)
  if (account === undefined) return refuse('Unknown account.')
  const problem = findConversationProblem(body, state.settings.mode === 'strict')
  if (problem !== undefined) return refuse(`${problem}.`)
  if (state.settings.oneOpenConversation && consumer.openConversationId !== undefined) {
    return refuse(`User ${consumer.lpConsumerId} already has open conversation. Can't open another one.`)
  }
  const profile = consumer.profile ?? {}
  const route = findRoute(account, state.settings, body, profile)
  if (typeof route === 'string') return refuse(`${route}.`)

  const context = body.conversationContext
  const { clientProperties } = readClientProperties(request)
  const { conversationId } = state.store.open(consumer, {
    ...route,
    profile,
    openedAt: state.clock.now(),
    ttr: typeof body.ttrDefName === 'string' ? body.ttrDefName : 'PRIORITIZED',
    ...(isObject(context) ? { context } : {}),
    ...(clientProperties === undefined ? {} : { clientProperties }),
    body: batch,
  })
  return ok({ conversationId }, id)
}

const publishFirst = (
  state: State,
  consumer: Consumer,
  message: Envelope,
  created: Result | undefined,
): Result => {
  const dialogId = created?.code === 'OK' ? consumer.openConversationId : undefined
  const conversation = state.store.conversations.get(dialogId ?? '')
  if (conversation === undefined) return failed('Bad Request', message.id)
  const sequence = publish(state, conversation, message.body)
  return typeof sequence === 'string'
    ? failed(`Bad Request: ${sequence}`, message.id)
    : ok({ sequence }, message.id)
}
