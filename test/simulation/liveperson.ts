import { createHash } from 'node:crypto'
import type { OutboundRequest } from '../../lib/net/outbound.ts'
import type { Answer } from '../../local/liveperson/http/answer.ts'
import { answer } from '../../local/liveperson/services/answer.ts'
import { loadFixture } from '../../local/liveperson/state/account.ts'
import { toReceived } from '../../local/liveperson/state/journal.ts'
import { defaultSettings } from '../../local/liveperson/state/settings.ts'
import type { State } from '../../local/liveperson/state/state.ts'
import { type Conversation, createStore, type Store } from '../../local/liveperson/state/store.ts'
import { createTokens, type Signer } from '../../local/liveperson/state/tokens.ts'
import type { Random } from './random.ts'
import type { VirtualTime } from './time.ts'

/** The address of the Domain API. The port distinguishes it from the other services. */
export const DOMAIN_API = 'http://127.0.0.1:9001'

/** The client reads tokens but never verifies them, so a hash can replace the signature. */
const signer: Signer = {
  sign: (text) => createHash('sha256').update(text).digest('base64url'),
  verify: (text, signature) => createHash('sha256').update(text).digest('base64url') === signature,
  jwk: {},
}

export type SimulatedLivePerson = Awaited<ReturnType<typeof createSimulatedLivePerson>>

/** Returns the LivePerson simulator without sockets, in virtual time. */
export const createSimulatedLivePerson = async (
  time: VirtualTime,
  random: Random,
  onOpened: (conversation: Conversation) => void,
  onChanged: (conversation: Conversation) => void = () => undefined,
) => {
  const settings = { ...defaultSettings('strict'), rememberedRequests: 0 }
  const clock = { now: time.now, advance: () => undefined, set: () => undefined }
  const plain = createStore(random.uuid, { now: time.now, onChanged })
  const store: Store = {
    ...plain,
    open: (consumer, details) => {
      const conversation = plain.open(consumer, details)
      onOpened(conversation)
      return conversation
    },
  }
  // Both accounts have the campaigns of the first, so that they can serve the same requests.
  const [first, ...others] = loadFixture()
  if (!first) throw new Error('The fixture has no account')
  const accounts = [
    first,
    ...others.map((account) => ({ ...first, ...account, campaigns: first.campaigns, skills: first.skills })),
  ]
  const state: State = {
    accounts: new Map(accounts.map((account) => [account.accountId, account])),
    settings,
    clock,
    store,
    tokens: await createTokens(clock, settings, signer),
    hosts: { current: '127.0.0.1:9100', overrides: new Map() },
  }
  let moves = 0

  return {
    state,
    accounts,

    /** Whether a service listens at an address. */
    isListening: (url: string): boolean => {
      const { host } = new URL(url)
      return host === new URL(DOMAIN_API).host || host === state.hosts.current
    },

    /** Carries out a request and returns LivePerson's answer. */
    carryOut: async ({ method, url, headers = {}, body = '' }: OutboundRequest): Promise<Answer> => {
      const { pathname, search } = new URL(url)
      return answer(
        state,
        toReceived({ at: time.now(), method, path: `${pathname}${search}`, headers, body }),
      )
    },

    /** Moves every service except the Domain API. Nothing listens at the old addresses anymore. */
    moveHosts: (): void => {
      moves += 1
      state.hosts.current = `127.0.0.1:${9100 + moves}`
    },

    startSurvey: (conversationId: string): void => {
      const conversation = store.conversations.get(conversationId)
      if (conversation?.state === 'OPEN') store.startSurvey(conversation)
    },

    close: (conversationId: string): void => {
      const conversation = store.conversations.get(conversationId)
      if (conversation?.state === 'OPEN') store.close(conversation)
    },
  }
}
