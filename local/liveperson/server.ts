import { randomUUID } from 'node:crypto'
import { createExchange, type Serve } from './faults/exchange.ts'
import { createFaults } from './faults/faults.ts'
import { startListener } from './http/listener.ts'
import { createInspection } from './inspection.ts'
import { createPushSender } from './pushes/sender.ts'
import { answer, notFound } from './services/answer.ts'
import type { Simulator } from './simulator.ts'
import type { LivePersonAccount } from './state/account.ts'
import { createClock } from './state/clock.ts'
import { createJournal } from './state/journal.ts'
import { defaultSettings, type Mode } from './state/settings.ts'
import type { State } from './state/state.ts'
import { createStore } from './state/store.ts'
import { createTokens } from './state/tokens.ts'

/** A running simulator with its address. */
export interface LivePersonSimulator extends Simulator {
  /**
   * `http://127.0.0.1:<port>`, the value for LIVEPERSON_DOMAIN_API_URL. The inspection API is at
   * `/_simulator/`.
   */
  readonly url: string
}

/**
 * Starts a LivePerson simulator on 127.0.0.1. The Domain API has one port. Sentinel, the IDP, CONVERSATION
 * and SEND share another one, which the Domain API returns.
 *
 * @param options.port Port of the Domain API. Default: a free one.
 * @param options.mode Default strict.
 * @throws {PortTakenError}
 */
export const startLivePerson = async (options: {
  readonly accounts: readonly LivePersonAccount[]
  readonly port?: number
  readonly mode?: Mode
}): Promise<LivePersonSimulator> => {
  const mode = options.mode ?? 'strict'
  const clock = createClock()
  const settings = defaultSettings(mode)
  const accounts = new Map(options.accounts.map((account) => [account.accountId, account]))
  const pushes = createPushSender({ settings, accounts, clock })
  const store = createStore(randomUUID, { now: clock.now, onChanged: pushes.send })
  const faults = createFaults()
  const journal = createJournal(clock, settings)
  const state: State = {
    accounts,
    settings,
    clock,
    tokens: await createTokens(clock, settings),
    store,
    hosts: { current: '', overrides: new Map() },
  }
  const exchange = createExchange({ faults, receive: journal.receive })
  const serveHosts: Serve = (request) => (request.service === 'domain' ? notFound : answer(state, request))
  const startHosts = () => startListener(0, exchange.handle(serveHosts))
  const serveDomain = exchange.handle((request) =>
    request.service === 'domain' ? answer(state, request) : notFound,
  )

  const find = (conversationId: string) => {
    const conversation = store.conversations.get(conversationId)
    if (conversation === undefined) throw new Error(`Conversation ${conversationId} doesn't exist.`)
    return conversation
  }

  const findOpen = (conversationId: string) => {
    const conversation = find(conversationId)
    if (conversation.state === 'CLOSE') throw new Error(`Conversation ${conversationId} isn't open.`)
    return conversation
  }

  let hosts = await startHosts()
  state.hosts.current = hosts.host

  const simulator: Simulator = {
    settings,
    faults,
    clock,
    requests: journal.list,
    counts: journal.counts,
    conversations: () => [...store.conversations.values()],
    consumers: () => [...store.consumers.values()],
    startSurvey: (conversationId) => store.startSurvey(findOpen(conversationId)),
    joinConversation: (conversationId, agent) => {
      store.join(findOpen(conversationId), agent)
    },
    answerConversation: (conversationId, text) => {
      const conversation = findOpen(conversationId)
      if (conversation.agent === undefined)
        throw new Error(`No agent has joined conversation ${conversationId}.`)
      store.publish(conversation, text, 'agent')
    },
    closeConversation: (conversationId) => store.close(find(conversationId)),
    moveHosts: async () => {
      const old = hosts
      hosts = await startHosts()
      state.hosts.current = hosts.host
      await old.close()
    },
    setHost: (service, host) => {
      if (host === undefined) state.hosts.overrides.delete(service)
      else state.hosts.overrides.set(service, host)
    },
    revokeAppTokens: state.tokens.revokeAppTokens,
    revokeConsumerTokens: state.tokens.revokeConsumerTokens,
    reset: () => {
      exchange.drop()
      pushes.drop()
      store.clear()
      journal.clear()
      faults.clear()
      clock.set(undefined)
      state.hosts.overrides.clear()
      // Where pushes go belongs to the surroundings, like the ports.
      Object.assign(settings, defaultSettings(mode), { pushUrl: settings.pushUrl })
    },
    close: async () => {
      exchange.drop()
      pushes.drop()
      await Promise.all([domain.close(), hosts.close()])
    },
  }

  const inspect = createInspection(simulator, state.accounts)
  const domain = await startListener(options.port ?? 0, (incoming, response) =>
    incoming.url?.startsWith('/_simulator/') ? inspect(incoming, response) : serveDomain(incoming, response),
  ).catch(async (error: unknown) => {
    await hosts.close()
    throw error
  })
  return { ...simulator, url: `http://${domain.host}` }
}
