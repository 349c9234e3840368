import type { LivePersonAccount } from './state/account.ts'
import { json } from './http/answer.ts'
import { type Clock, createClock } from './state/clock.ts'
import { answerConversation } from './services/conversation.ts'
import { answerDomainApi } from './services/domain-api.ts'
import { createExchange, type Serve } from './faults/exchange.ts'
import { createFaults, type Faults } from './faults/faults.ts'
import { answerIdp } from './services/idp.ts'
import { createInspection } from './inspection.ts'
import { createJournal, type RequestFilter } from './state/journal.ts'
import { listen } from './http/listener.ts'
import { answerSend } from './services/send.ts'
import { answerSentinel } from './services/sentinel.ts'
import { defaultSettings, type Mode, type Settings } from './state/settings.ts'
import type { NamedService, ReceivedRequest, Service, State } from './state/state.ts'
import { type Consumer, type Conversation, createStore } from './state/store.ts'
import { createTokens } from './state/tokens.ts'

/**
 * Starts a LivePerson that runs on this machine only: the Domain API on one port of 127.0.0.1; Sentinel, IDP,
 * CONVERSATION and SEND on another one, which the Domain API names.
 *
 * @throws {Error} `port` is taken.
 */
export const startLivePerson = async (options: LivePersonOptions): Promise<LivePersonSimulator> => {
  const mode = options.mode ?? 'strict'
  const clock = createClock()
  const settings = defaultSettings(mode)
  const store = createStore()
  const faults = createFaults()
  const journal = createJournal(clock, settings)
  const state: State = {
    accounts: new Map(options.accounts.map((account) => [account.accountId, account])),
    settings,
    clock,
    tokens: await createTokens(clock, settings),
    store,
    hosts: { current: '', named: new Map() },
  }
  const exchange = createExchange({ faults, receive: journal.receive })
  const serveHosts: Serve = (request) => hostServices[request.service]?.(state, request) ?? notFound
  const startHosts = () => listen(0, exchange.handle(serveHosts))
  const serveDomain = exchange.handle((request) =>
    request.service === 'domain' ? answerDomainApi(state, request) : notFound,
  )

  let hosts = await startHosts()
  state.hosts.current = hosts.host

  const simulator: Omit<LivePersonSimulator, 'url'> = {
    settings,
    faults,
    clock,
    requests: journal.list,
    counts: journal.counts,
    conversations: () => [...store.conversations.values()],
    consumers: () => [...store.consumers.values()],
    closeConversation: (conversationId) => {
      const conversation = store.conversations.get(conversationId)
      if (conversation === undefined) throw new Error(`no conversation ${conversationId}`)
      store.close(conversation)
    },
    moveHosts: async () => {
      const old = hosts
      hosts = await startHosts()
      state.hosts.current = hosts.host
      await old.close()
    },
    setHost: (service, host) => {
      if (host === undefined) state.hosts.named.delete(service)
      else state.hosts.named.set(service, host)
    },
    revokeAppTokens: state.tokens.revokeAppTokens,
    revokeConsumerTokens: state.tokens.revokeConsumerTokens,
    reset: () => {
      exchange.drop()
      store.clear()
      journal.clear()
      faults.clear()
      clock.set(undefined)
      state.hosts.named.clear()
      Object.assign(settings, defaultSettings(mode))
    },
    close: async () => {
      exchange.drop()
      await Promise.all([domain.close(), hosts.close()])
    },
  }

  const inspect = createInspection(simulator, state.accounts)
  const domain = await listen(options.port ?? 0, (incoming, response) =>
    incoming.url?.startsWith('/_simulator/') ? inspect(incoming, response) : serveDomain(incoming, response),
  ).catch(async (error: unknown) => {
    await hosts.close()
    throw error
  })
  return { ...simulator, url: `http://${domain.host}` }
}

/** What a simulator starts with. */
export interface LivePersonOptions {
  readonly accounts: readonly LivePersonAccount[]
  /** Port of the Domain API. Default 0: a free one. */
  readonly port?: number
  /** Default strict. */
  readonly mode?: Mode
}

/** One running simulator. */
export interface LivePersonSimulator {
  /** `http://127.0.0.1:<port>`: what LIVEPERSON_DOMAIN_API_URL is set to; `/_simulator/` below it is the inspection. */
  readonly url: string
  readonly settings: Settings
  readonly faults: Faults
  readonly clock: Clock
  /** Every request that was received, oldest first. */
  requests(filter?: RequestFilter): readonly ReceivedRequest[]
  counts(): Record<Service, number>
  conversations(): readonly Conversation[]
  consumers(): readonly Consumer[]
  /**
   * Closes a conversation as if an agent had.
   *
   * @throws {Error} There is no such conversation.
   */
  closeConversation(conversationId: string): void
  /** Moves Sentinel, IDP and messaging to another port; connections to the old one are refused from then on. */
  moveHosts(): Promise<void>
  /** Lets the Domain API name this host, for poisoned answers; `undefined`: the true one again. */
  setHost(service: NamedService, host: string | undefined): void
  /** No AppJWT made before is taken any more. */
  revokeAppTokens(): void
  /** No ConsumerJWS made before is taken any more. */
  revokeConsumerTokens(): void
  /** Back to the start: only ports, keys, tokens and the accounts' secrets stay as they are. */
  reset(): void
  /** Destroys all connections; resolves when both ports are free. */
  close(): Promise<void>
}

const hostServices: Partial<Record<Service, (state: State, request: ReceivedRequest) => ReturnType<Serve>>> =
  {
    sentinel: answerSentinel,
    idp: answerIdp,
    conversation: answerConversation,
    send: answerSend,
  }

const notFound = json(404, { error: 'Not found' })

export { type LivePersonAccount, loadFixture } from './state/account.ts'
export type { Fault } from './faults/faults.ts'
export type { ReceivedRequest } from './state/state.ts'
export type { Conversation } from './state/store.ts'
