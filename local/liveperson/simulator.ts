import type { Faults } from './faults/faults.ts'
import type { ReceivedRequest, Service } from './http/request.ts'
import type { Clock } from './state/clock.ts'
import type { RequestFilter } from './state/journal.ts'
import type { Settings } from './state/settings.ts'
import type { NamedService } from './state/state.ts'
import type { Consumer, Conversation } from './state/store.ts'

/** What a running simulator has seen, and its switches. */
export interface Simulator {
  readonly settings: Settings
  readonly faults: Faults
  readonly clock: Clock
  /** Returns the requests received, oldest first. */
  requests(filter?: RequestFilter): readonly ReceivedRequest[]
  /** Returns the number of requests received per service. */
  counts(): Record<Service, number>
  conversations(): readonly Conversation[]
  consumers(): readonly Consumer[]
  /**
   * Closes the main dialog of an open conversation and opens a survey, as a consumer's `DialogChange` does.
   * The conversation then has a `surveyDialogId`. CONVERSATION then says that the
   * consumer has an open conversation, SEND that it is closed. `closeConversation` ends it.
   *
   * @throws {Error} The conversation doesn't exist, or isn't open.
   */
  startSurvey(conversationId: string): void
  /**
   * Lets an agent join an open conversation.
   *
   * @throws {Error} The conversation doesn't exist, or isn't open.
   */
  joinConversation(conversationId: string, agent: string): void
  /**
   * Sends a message of the agent who has joined.
   *
   * @throws {Error} The conversation doesn't exist, isn't open, or no agent has joined it.
   */
  answerConversation(conversationId: string, text: string): void
  /**
   * Closes a conversation as an agent would, and its survey if there is one.
   *
   * @throws {Error} The conversation doesn't exist.
   */
  closeConversation(conversationId: string): void
  /** Moves Sentinel, the IDP and messaging to another port. The old one then refuses connections. */
  moveHosts(): Promise<void>
  /** Makes the Domain API return this host, for example a foreign one. `undefined`: the real one again. */
  setHost(service: NamedService, host: string | undefined): void
  /** Makes every AppJWT issued so far invalid. */
  revokeAppTokens(): void
  /** Makes every ConsumerJWS issued so far invalid. */
  revokeConsumerTokens(): void
  /** Returns to the initial state. Ports, keys, tokens, the accounts' secrets and `pushUrl` stay. */
  reset(): void
  /** Destroys all connections. Resolves when both ports are free. */
  close(): Promise<void>
}
