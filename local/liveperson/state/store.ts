import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../json/check.ts'
import type { ConsumerIdentity } from './tokens.ts'

/** Keeps consumers and conversations in memory. */
export const createStore = () => {
  const consumers = new Map<string, Consumer>()
  const conversations = new Map<string, Conversation>()

  return {
    consumers,
    conversations,

    /** The consumer of a ConsumerJWS, which exists from its first use on. */
    getConsumer: (identity: ConsumerIdentity): Consumer => {
      const known = consumers.get(identity.lpConsumerId)
      if (known !== undefined) return known
      const consumer: Consumer = { ...identity }
      consumers.set(identity.lpConsumerId, consumer)
      return consumer
    },

    /** Opens a conversation; whether the consumer may is the caller's question. */
    open: (consumer: Consumer, details: ConversationDetails): Conversation => {
      const conversation: Conversation = {
        conversationId: randomUUID(),
        accountId: consumer.accountId,
        extConsumerId: consumer.extConsumerId,
        lpConsumerId: consumer.lpConsumerId,
        ...details,
        state: 'OPEN',
        messages: [],
        nextSequence: 0,
      }
      conversations.set(conversation.conversationId, conversation)
      consumer.openConversationId = conversation.conversationId
      return conversation
    },

    /** Closes a conversation; its consumer may open another one. */
    close: (conversation: Conversation): void => {
      conversation.state = 'CLOSE'
      const consumer = consumers.get(conversation.lpConsumerId)
      if (consumer?.openConversationId === conversation.conversationId) delete consumer.openConversationId
    },

    /** Replaces what agents see of a consumer, in the open conversation too. */
    setProfile: (consumer: Consumer, profile: JsonObject): void => {
      consumer.profile = profile
      const conversation = conversations.get(consumer.openConversationId ?? '')
      if (conversation !== undefined) conversation.profile = profile
    },

    /** Takes one event of a dialog; text is kept as a message. */
    publish: (conversation: Conversation, text?: string): number => {
      const sequence = conversation.nextSequence
      conversation.nextSequence += 1
      if (text !== undefined) conversation.messages.push({ sequence, text })
      return sequence
    },

    clear: (): void => {
      consumers.clear()
      conversations.clear()
    },
  }
}

/** What `createStore` makes. */
export type Store = ReturnType<typeof createStore>

/** One consumer, known since the IDP made a ConsumerJWS. */
export interface Consumer extends ConsumerIdentity {
  /** The last body of `userprofile.SetUserProfile` that was taken. */
  profile?: JsonObject
  openConversationId?: string
}

/** What a create request says about its conversation. */
export interface ConversationDetails {
  readonly campaignId?: string
  readonly engagementId?: string
  /** Absent: any agent. */
  readonly skillId?: number
  readonly skillName?: string
  profile: JsonObject
  /** Milliseconds since the epoch, by the simulator's clock. */
  readonly openedAt: number
  /** Time to respond by name, PRIORITIZED where the request named none. */
  ttr: string
  /** The `conversationContext` of the request. */
  readonly context?: JsonObject
  /** The Client-Properties header of the request. */
  readonly clientProperties?: JsonObject
  /** The array as it was received. */
  readonly body: readonly unknown[]
}

/** One conversation; its main dialog has the same id. */
export interface Conversation extends ConversationDetails, ConsumerIdentity {
  /** A UUID. */
  readonly conversationId: string
  state: 'OPEN' | 'CLOSE'
  readonly messages: { readonly sequence: number; readonly text: string }[]
  nextSequence: number
  /** Set by TTRField, seconds. */
  ttrSeconds?: number
  /** Set by CSATRate. */
  csatRate?: number
}
