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

/** The push about changed conversations. Each change has the whole current state. */
const CHANGED = 'cqm.ExConversationChangeNotification'

/** These become parts of the state table's keys. */
const id = z.string().check(z.regex(/^[A-Za-z0-9._:-]{1,128}$/))
/** `effectiveTTR` is -1 if there is none, so other times may be, too. An unusable value counts as none. */
const time = z.catch(z.optional(z.number().check(z.positive())), undefined)
/** An id of the account configuration is a number there, and a text in pushes. */
const configured = z.union([id, z.pipe(z.int(), z.transform(String))])

const change = z.object({
  type: z.optional(z.literal('UPSERT')),
  result: z.object({
    convId: z.string().check(z.regex(/^[A-Za-z0-9._:-]{1,64}$/)),
    conversationDetails: z.object({
      brandId: z.optional(configured),
      state: z.optional(z.string()),
      stage: z.optional(z.string()),
      startTs: time,
      endTs: time,
      metaDataLastUpdateTs: time,
      campaignInfo: z.catch(
        z.optional(z.object({ campaignId: configured, engagementId: configured })),
        undefined,
      ),
      participants: z.optional(z.array(z.object({ id: z.string(), role: z.string() }))),
      dialogs: z.optional(
        z.array(
          z.object({
            dialogType: z.optional(z.string()),
            channelType: z.optional(z.string()),
            creationTs: time,
            endTs: time,
            participantsDetails: z.optional(z.array(z.object({ id: z.string(), role: z.string() }))),
          }),
        ),
      ),
    }),
  }),
})

const push = z.object({
  type: z.literal(CHANGED),
  body: z.object({ sentTs: time, changes: z.array(z.unknown()) }),
})

/**
 * Returns what a push reports, and when LivePerson sent it, if it says so. Returns nothing for other types of
 * push, other channels, other accounts, and changes without what is needed. Never throws.
 *
 * @param accountId The account whose secret the push was signed with.
 * @see https://developers.liveperson.com/webhooks-events.html
 */
export const parsePush = (
  json: unknown,
  accountId: string,
): { readonly sentAt?: number; readonly conversations: readonly PushedConversation[] } => {
  const { data } = z.safeParse(push, json)
  if (!data) return { conversations: [] }
  const { sentTs, changes } = data.body
  return {
    ...(sentTs !== undefined && { sentAt: sentTs }),
    conversations: changes.flatMap((each) => {
      const parsed = z.safeParse(change, each)
      return parsed.data ? toConversations(parsed.data, accountId) : []
    }),
  }
}

const toConversations = (
  { result }: z.infer<typeof change>,
  accountId: string,
): readonly PushedConversation[] => {
  const {
    brandId = accountId,
    state,
    stage,
    campaignInfo,
    dialogs = [],
    ...details
  } = result.conversationDetails
  const main = dialogs.find(({ dialogType }) => dialogType === 'MAIN') ?? dialogs[0]
  const { channelType = 'MESSAGING' } = main ?? {}
  const startedAt = details.startTs ?? main?.creationTs
  if (brandId !== accountId || channelType !== 'MESSAGING' || startedAt === undefined) return []
  const isClosed = state === 'CLOSE' || stage === 'CLOSE'
  const closedAt = details.endTs ?? main?.endTs ?? details.metaDataLastUpdateTs ?? startedAt
  const participants = details.participants ?? main?.participantsDetails ?? []
  const consumers = new Set(
    participants.flatMap((each) =>
      each.role === 'CONSUMER' && z.safeParse(id, each.id).success ? [each.id] : [],
    ),
  )
  return [...consumers].map((lpConsumerId) => ({
    conversationId: result.convId,
    lpConsumerId,
    startedAt,
    ...(isClosed && { closedAt: Math.max(closedAt, startedAt) }),
    ...campaignInfo,
  }))
}
