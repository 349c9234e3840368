import * as z from 'zod/mini'

/**
 * What one push of LivePerson reports about a consumer's conversation. Times are milliseconds since the
 * epoch.
 */
export interface PushedConversation {
  readonly conversationId: string
  /** LivePerson's own id of the consumer. */
  readonly lpConsumerId: string
  readonly startedAt: number
  /** Undefined: it is open. */
  readonly closedAt?: number
  /** No page documents that pushes have the campaign. */
  readonly campaignId?: string
  readonly engagementId?: string
}

/** Why a change can't be used. */
export type Unusable =
  | 'unreadable'
  | 'other_account'
  | 'no_conversation_id'
  | 'no_state'
  | 'no_consumer'
  | 'several_consumers'
  | 'no_time'

/** A change that the service can't use. It names no consumer, so it may be logged. */
export interface UnusableChange {
  readonly reason: Unusable
  readonly conversationId?: string
}

/** The push about changed conversations. Each change has the whole current state. */
const CHANGED = 'cqm.ExConversationChangeNotification'

/** A member without which the rest can still be used: an unusable value counts as none. */
const optional = <T extends z.ZodMiniType>(schema: T) => z.catch(z.optional(schema), undefined)
/** A list whose unusable items count as none. */
const listOf = <T extends z.ZodMiniType>(item: T) =>
  z.pipe(
    z.catch(z.array(optional(item)), []),
    z.transform((items) => items.filter((each) => each !== undefined)),
  )

/** These become parts of the state table's keys. */
const id = z.string().check(z.regex(/^[A-Za-z0-9._:-]{1,128}$/))
const conversationId = z.string().check(z.regex(/^[A-Za-z0-9._:-]{1,64}$/))
/** `effectiveTTR` is -1 if there is none, so other times may be, too. */
const time = optional(z.number().check(z.positive()))
/** An id of the account configuration is a number there, and a text in pushes. */
const configured = z.union([id, z.pipe(z.int(), z.transform(String))])
/** Consumers only. The service needs no other participant. */
const consumers = listOf(z.object({ id: z.unknown(), role: z.literal('CONSUMER') }))

const change = z.object({
  type: optional(z.string()),
  result: z.object({
    convId: z.unknown(),
    conversationDetails: z.object({
      brandId: optional(configured),
      state: optional(z.string()),
      stage: optional(z.string()),
      startTs: time,
      endTs: time,
      metaDataLastUpdateTs: time,
      campaignInfo: optional(z.object({ campaignId: configured, engagementId: configured })),
      participants: consumers,
      dialogs: listOf(
        z.object({
          dialogType: optional(z.string()),
          channelType: optional(z.string()),
          creationTs: time,
          endTs: time,
          participantsDetails: consumers,
        }),
      ),
    }),
  }),
})

const anyPush = z.object({ type: z.string() })
const push = z.object({ body: z.object({ sentTs: time, changes: z.array(z.unknown()) }) })

/**
 * Returns what a push reports, and which of its changes can't be used. Other types of push, other channels
 * and deletions are neither. Only what the service needs has to be valid. Never throws.
 *
 * `sentAt` is when LivePerson sent the push. If it doesn't say so, it is the latest time in the changes.
 *
 * @param accountId The account whose secret the push was signed with.
 * @see https://developers.liveperson.com/webhooks-events.html
 */
export const parsePush = (
  json: unknown,
  accountId: string,
): {
  readonly sentAt?: number
  readonly conversations: readonly PushedConversation[]
  readonly unusable: readonly UnusableChange[]
} => {
  const { data: { type } = {} } = z.safeParse(anyPush, json)
  if (type !== undefined && type !== CHANGED) return { conversations: [], unusable: [] }
  const { data } = z.safeParse(push, json)
  if (type === undefined || !data) return { conversations: [], unusable: [{ reason: 'unreadable' }] }
  const { sentTs, changes } = data.body
  const read = changes.flatMap((each) => readChange(each, accountId) ?? [])
  const conversations = read.flatMap((each) => ('conversation' in each ? each : []))
  const sentAt = sentTs ?? conversations.reduce((latest, { changedAt }) => Math.max(latest, changedAt), 0)
  return {
    ...(sentAt > 0 && { sentAt }),
    conversations: conversations.map(({ conversation }) => conversation),
    unusable: read.flatMap((each) => ('reason' in each ? each : [])),
  }
}

/** A change that can be used. `changedAt` is the latest time in it. */
interface UsableChange {
  readonly conversation: PushedConversation
  readonly changedAt: number
}

/** Returns undefined if a change is not about an existing conversation of this channel. */
const readChange = (json: unknown, accountId: string): UsableChange | UnusableChange | undefined => {
  const { data } = z.safeParse(change, json)
  if (!data) return { reason: 'unreadable' }
  const { type = 'UPSERT', result } = data
  const { brandId = accountId, state, stage, campaignInfo, dialogs, ...details } = result.conversationDetails
  const main = dialogs.find(({ dialogType }) => dialogType === 'MAIN') ?? dialogs[0]
  const { channelType = 'MESSAGING' } = main ?? {}
  if (type !== 'UPSERT' || channelType !== 'MESSAGING') return undefined

  const { data: convId } = z.safeParse(conversationId, result.convId)
  if (convId === undefined) return { reason: 'no_conversation_id' }
  const unusable = (reason: Unusable): UnusableChange => ({ reason, conversationId: convId })
  if (brandId !== accountId) return unusable('other_account')
  if (state === undefined && stage === undefined) return unusable('no_state')
  const named = details.participants.length > 0 ? details.participants : (main?.participantsDetails ?? [])
  const [consumer, ...others] = new Set(named.map((each) => each.id))
  if (others.length > 0) return unusable('several_consumers')
  const { data: lpConsumerId } = z.safeParse(id, consumer)
  if (lpConsumerId === undefined) return unusable('no_consumer')
  const startedAt = details.startTs ?? main?.creationTs
  if (startedAt === undefined) return unusable('no_time')

  const isClosed = state === 'CLOSE' || stage === 'CLOSE'
  const closedAt = details.endTs ?? main?.endTs ?? details.metaDataLastUpdateTs ?? startedAt
  const { endTs = 0, metaDataLastUpdateTs = 0 } = details
  return {
    conversation: {
      conversationId: convId,
      lpConsumerId,
      startedAt,
      ...(isClosed && { closedAt: Math.max(closedAt, startedAt) }),
      ...campaignInfo,
    },
    changedAt: Math.max(startedAt, endTs, main?.endTs ?? 0, metaDataLastUpdateTs),
  }
}
