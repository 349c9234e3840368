import type { QueueName } from '../aws/queues.ts'
import { accountIdFor, resolve } from '../config/routes.ts'
import type { AccountConfig, StageConfig } from '../config/stage.ts'
import {
  type AppError,
  InvalidConfigError,
  InvalidRequestError,
  toAppError,
  toError,
} from '../errors/errors.ts'
import {
  type ConversationRequest,
  parseConversationRequest,
  requestIdOf,
} from '../request/conversation-request.ts'
import { placeIn, refuseForeign, unwrap } from '../request/envelope.ts'
import { accept } from '../request/identity.ts'
import { parseLenientJson } from '../request/lenient-json.ts'
import { parseRequestJson } from '../request/strict-json.ts'
import { idsIn, type RequestIds, readHandOver } from './hand-over.ts'
import type { Job } from './job.ts'
import { KEEP_MS } from './ledger-item.ts'

/** What a record asks for, or why it can never succeed. */
export type ReadRecord =
  | { readonly kind: 'job'; readonly job: Job }
  | {
      readonly kind: 'refused'
      readonly error: AppError
      /** The SQS message id if the body has no valid one. */
      readonly requestId: string
      /** When the record was sent, in milliseconds since the epoch. */
      readonly sentAt: number
      /** Which campaign it asked for, by its ids, if it could be read. */
      readonly campaign?: ConversationRequest['campaign'] | undefined
      /** Set for a CRM event: the account that it is about, as far as that can be read. */
      readonly event?: { readonly accountId: string | undefined } | undefined
      /** Set for a hand-over whose ids can be read. */
      readonly ids?: RequestIds | undefined
    }

/** Larger events are not parsed. A hand-over may be larger: it has an accepted event, with more escapes. */
const MAX_EVENT_BYTES = 256 * 1024

interface Message {
  readonly body: string
  readonly messageId: string
  /** When it was sent, in milliseconds since the epoch. */
  readonly sentAt: number
  /** Milliseconds since the epoch. */
  readonly now: number
}

/**
 * Reads a CRM event, plain or in an SNS or EventBridge envelope, from the events queue, or a hand-over from
 * the hand-over queue. The queue decides which of the two it is, whatever the body says. Never throws.
 *
 * A route or campaign that a CRM event may not use is refused here, before LivePerson is called. So is an
 * event from an archive that is so old that the ledger may have forgotten it.
 */
export const readRecord = (stage: StageConfig, queue: QueueName, message: Message): ReadRecord =>
  queue === 'handOver' ? readOwn(stage, message) : readEvent(stage, message)

const readOwn = (stage: StageConfig, { body, messageId, sentAt }: Message): ReadRecord => {
  let ids: RequestIds | undefined
  try {
    // This service wrote it, so no duplicate names are looked for.
    const value = parseLenientJson(body)
    ids = idsIn(value)
    const { acceptedAt = sentAt, pausedMs = 0, ...handOver } = readHandOver(value)
    const account = accountOf(stage, handOver.request.accountId)
    return { kind: 'job', job: { ...handOver, account, acceptedAt, pausedMs } }
  } catch (error) {
    return { kind: 'refused', error: toAppError(error), requestId: ids?.requestId ?? messageId, sentAt, ids }
  }
}

const readEvent = (stage: StageConfig, { body, messageId, sentAt, now }: Message): ReadRecord => {
  let requestId = messageId
  let campaign: ConversationRequest['campaign']
  let place = ''
  let accountId = accountIdFor(stage, undefined)
  try {
    // A text has at least as many bytes as characters, and these need not be counted.
    if (body.length > MAX_EVENT_BYTES || Buffer.byteLength(body) > MAX_EVENT_BYTES)
      throw new InvalidRequestError([{ path: '', message: 'is larger than 256 KB' }])
    const { input, eventId, occurredAt = now, at } = unwrap(parseRequestJson(body))
    place = at
    accountId = accountIdFor(stage, input)
    requestId = requestIdOf(input) ?? eventId ?? messageId
    if (now - occurredAt > KEEP_MS) throw toError('event_too_old')
    refuseForeign(input)
    const { request: parsed, warnings } = parseConversationRequest(input)
    campaign = parsed.campaign
    const { account, destination } = resolve(stage, 'queue', parsed)
    const request = accept(parsed, {
      door: 'queue',
      requestId,
      accountId: account.accountId,
      consumerId: parsed.consumer?.id,
      warnings,
    })
    return { kind: 'job', job: { request, account, destination, acceptedAt: sentAt, pausedMs: 0, messageId } }
  } catch (error) {
    const event = { accountId }
    return { kind: 'refused', error: toAppError(placeIn(place, error)), requestId, campaign, event, sentAt }
  }
}

const accountOf = ({ accounts }: StageConfig, accountId: string): AccountConfig => {
  const account = accounts.find((one) => one.accountId === accountId)
  if (account) return account
  throw new InvalidConfigError({
    detail: `Account ${accountId} is not in the stage configuration, but a request for it was accepted.`,
  })
}
