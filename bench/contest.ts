import { randomUUID } from 'node:crypto'
import type { Service } from '../lib/service/open.ts'
import { ACCOUNT, deliver, ORDER_HELP, submit, toRecord, type World } from '../test/support/world.ts'
import { openPlainly, type PlainOptions } from './plain-client.ts'

/** Milliseconds that each answer of LivePerson waits where times are measured. */
export const LATENCY_MS = 30

export const addLatency = ({ livePerson }: World): void => {
  livePerson.faults.add({ kind: 'latency', ms: LATENCY_MS, times: Number.POSITIVE_INFINITY })
}

const FIRST_NAME = 'Zoë'

/** Opens a conversation for a new consumer by the form. */
export const openByForm = async (service: Service): Promise<void> => {
  const { statusCode } = await submit(service, { route: 'order-help', consumer: { firstName: FIRST_NAME } })
  if (statusCode !== 201) throw new Error(`The form was answered ${statusCode}.`)
}

/** A CRM event's record, of a new consumer unless one is named. */
export const recordOf = (consumerId: string = randomUUID()) =>
  toRecord({
    requestId: randomUUID(),
    route: 'order-help',
    consumer: { id: consumerId, firstName: FIRST_NAME },
  })

/** Opens conversations for a batch of records. */
export const openByQueue = async (
  service: Service,
  records: readonly ReturnType<typeof toRecord>[],
): Promise<void> => {
  const { batchItemFailures } = await deliver(service, records, 120_000)
  if (batchItemFailures.length > 0) throw new Error(`${batchItemFailures.length} records failed.`)
}

/** Returns the plain client, for a consumer who is new unless one is named. */
export const createPlainClient = ({ livePerson, accounts }: World) => {
  const account = accounts.find(({ accountId }) => accountId === ACCOUNT)
  const options: PlainOptions = {
    domainApiUrl: livePerson.url,
    accountId: ACCOUNT,
    clientId: account?.clientId ?? '',
    clientSecret: account?.clientSecrets[0] ?? '',
  }
  return (consumerId: string = randomUUID()) =>
    openPlainly(options, { consumerId, firstName: FIRST_NAME, ...ORDER_HELP })
}

/** Lets every consumer open a conversation again. */
export const closeConversations = ({ livePerson }: World): void => {
  for (const { conversationId, state } of livePerson.conversations())
    if (state === 'OPEN') livePerson.closeConversation(conversationId)
}

/** Requests that LivePerson gets during some work, by service. */
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
