import { randomUUID } from 'node:crypto'
import { openPlainly, type PlainOptions } from './plain-client.ts'
import { ACCOUNT_ID, type Container, ORDER_HELP, type World } from './world.ts'

/** The delay of each LivePerson answer, in milliseconds, wherever time is measured. */
export const LATENCY_MS = 30

/** Delays each LivePerson answer from now on. */
export const addLatency = ({ livePerson }: World): void => {
  livePerson.faults.add({ kind: 'latency', ms: LATENCY_MS, times: Number.POSITIVE_INFINITY })
}

const FIRST_NAME = 'Zoë'

/** Opens a conversation for a new consumer from a form. */
export const openByForm = async ({ submit }: Container): Promise<void> => {
  const { statusCode } = await submit({ route: 'order-help', consumer: { firstName: FIRST_NAME } })
  if (statusCode !== 201) throw new Error(`The form was answered with ${statusCode}.`)
}

/** Returns a CRM event. Default: for a new consumer. */
export const toEvent = (consumerId: string = randomUUID()) => ({
  requestId: randomUUID(),
  route: 'order-help',
  consumer: { id: consumerId, firstName: FIRST_NAME },
})

/** Opens a conversation for each event of one batch. */
export const openByQueue = async ({ deliver }: Container, events: readonly object[]): Promise<void> => {
  const { batchItemFailures } = await deliver(events)
  if (batchItemFailures.length > 0) throw new Error(`${batchItemFailures.length} records failed.`)
}

/** Returns a function that opens a conversation with the plain client. Default: for a new consumer. */
export const createPlainClient = ({ livePerson, accounts }: World) => {
  const account = accounts.find(({ accountId }) => accountId === ACCOUNT_ID)
  const options: PlainOptions = {
    domainApiUrl: livePerson.url,
    accountId: ACCOUNT_ID,
    clientId: account?.clientId ?? '',
    clientSecret: account?.clientSecrets[0] ?? '',
  }
  return (consumerId: string = randomUUID()) =>
    openPlainly(options, { consumerId, firstName: FIRST_NAME, ...ORDER_HELP })
}

/** Closes all conversations, so that each consumer can open another one. */
export const closeConversations = ({ livePerson }: World): void => {
  for (const { conversationId, state } of livePerson.conversations())
    if (state === 'OPEN') livePerson.closeConversation(conversationId)
}

/** Returns the number of requests that LivePerson receives while `work` runs, per service. */
export const countCalls = async ({ livePerson }: World, work: () => Promise<unknown>) => {
  const before = livePerson.counts()
  await work()
  const after = livePerson.counts()
  const calls = (service: keyof typeof after) => after[service] - before[service]
  const { domain, sentinel, idp, conversation } = {
    domain: calls('domain'),
    sentinel: calls('sentinel'),
    idp: calls('idp'),
    conversation: calls('conversation'),
  }
  return { domain, sentinel, idp, conversation, all: domain + sentinel + idp + conversation + calls('send') }
}
