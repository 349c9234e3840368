import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../json/value.ts'
import { createRateLimit } from './rate-limit.ts'
import type { ConsumerIdentity } from './tokens.ts'

/** A consumer for whom the IDP has issued a ConsumerJWS. */
export interface Consumer extends ConsumerIdentity {
  /** The last `userprofile.SetUserProfile` body that was accepted. */
  profile?: JsonObject
  openConversationId?: string
}

/** A conversation as its create request describes it. */
export interface ConversationDetails {
  readonly campaignId?: string
  readonly engagementId?: string
  /** Absent: any agent may answer. */
  readonly skillId?: number
  readonly skillName?: string
  profile: JsonObject
  /** Milliseconds since the epoch, by the simulator's clock. */
  readonly openedAt: number
  /** Name of the time to respond. PRIORITIZED if the request had none. */
  ttr: string
  /** The request's `conversationContext`. */
  readonly context?: JsonObject
  /** The request's Client-Properties header. */
  readonly clientProperties?: JsonObject
  /** The request array as received. */
  readonly body: readonly unknown[]
}

/** A conversation. Its main dialog has the same id. */
export interface Conversation extends ConversationDetails, ConsumerIdentity {
  /** A UUID. */
  readonly conversationId: string
  state: 'OPEN' | 'CLOSE'
  /** Closed in an open conversation: a survey is open. The dialog then accepts no messages. */
  mainDialog: 'OPEN' | 'CLOSE'
  /** The dialog of the survey, once there is one. */
  surveyDialogId?: string
  /** Milliseconds since the epoch, by the simulator's clock. */
  closedAt?: number
  /** The name of the agent who has joined it. */
  agent?: string
  readonly messages: { readonly sequence: number; readonly text: string; readonly from?: 'agent' }[]
  nextSequence: number
  /** Set by TTRField. */
  ttrSeconds?: number
  /** Set by CSATRate. */
  csatRate?: number
}

/** The consumers and conversations of one simulator. */
export type Store = ReturnType<typeof createStore>

/**
 * Returns an empty in-memory store of consumers and conversations.
 *
 * @param uuid Returns the id of the next conversation.
 * @param options.now Milliseconds since the epoch.
 * @param options.onChanged Called with each conversation that was opened, joined, surveyed or closed.
 */
export const createStore = (
  uuid: () => string = randomUUID,
  {
    now = Date.now,
    onChanged = () => undefined,
  }: { readonly now?: () => number; readonly onChanged?: (conversation: Conversation) => void } = {},
) => {
  const consumers = new Map<string, Consumer>()
  const conversations = new Map<string, Conversation>()
  const creates = createRateLimit()

  return {
    /** Keyed by LivePerson's own consumer id. */
    consumers,
    /** Keyed by conversation id. */
    conversations,
    /** Counts the CONVERSATION requests of each account. */
    creates,

    /** Returns the consumer, who is created on first use. */
    getConsumer: (identity: ConsumerIdentity): Consumer => {
      const known = consumers.get(identity.lpConsumerId)
      if (known !== undefined) return known
      const consumer: Consumer = { ...identity }
      consumers.set(identity.lpConsumerId, consumer)
      return consumer
    },

    /** Opens a conversation. Doesn't check whether the consumer already has one. */
    open: (consumer: Consumer, details: ConversationDetails): Conversation => {
      const conversation: Conversation = {
        conversationId: uuid(),
        accountId: consumer.accountId,
        extConsumerId: consumer.extConsumerId,
        lpConsumerId: consumer.lpConsumerId,
        ...details,
        state: 'OPEN',
        mainDialog: 'OPEN',
        messages: [],
        nextSequence: 0,
      }
      conversations.set(conversation.conversationId, conversation)
      consumer.openConversationId = conversation.conversationId
      onChanged(conversation)
      return conversation
    },

    /** Closes the main dialog and opens a survey. The conversation stays open. */
    startSurvey: (conversation: Conversation): void => {
      conversation.mainDialog = 'CLOSE'
      conversation.surveyDialogId ??= uuid()
      onChanged(conversation)
    },

    /** Lets an agent join a conversation. */
    join: (conversation: Conversation, agent: string): void => {
      conversation.agent = agent
      onChanged(conversation)
    },

    /** Closes a conversation, and its survey if there is one. Its consumer may then open another one. */
    close: (conversation: Conversation): void => {
      conversation.state = 'CLOSE'
      conversation.mainDialog = 'CLOSE'
      const consumer = consumers.get(conversation.lpConsumerId)
      if (consumer?.openConversationId === conversation.conversationId) delete consumer.openConversationId
      conversation.closedAt ??= now()
      onChanged(conversation)
    },

    /** Replaces the profile that agents see, also in the consumer's open conversation. */
    setProfile: (consumer: Consumer, profile: JsonObject): void => {
      consumer.profile = profile
      const conversation = conversations.get(consumer.openConversationId ?? '')
      if (conversation !== undefined) conversation.profile = profile
    },

    /**
     * Adds an event to the dialog and returns its sequence number. An event with text is kept as a message.
     *
     * @param from Default: the consumer.
     */
    publish: (conversation: Conversation, text?: string, from?: 'agent'): number => {
      const sequence = conversation.nextSequence
      conversation.nextSequence += 1
      if (text !== undefined) conversation.messages.push({ sequence, text, ...(from && { from }) })
      return sequence
    },

    clear: (): void => {
      consumers.clear()
      conversations.clear()
      creates.clear()
    },
  }
}
