import { randomUUID } from 'node:crypto'
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { z } from 'zod'
import type { QueueName } from '../../lib/aws/queues.ts'
import { NOTHING } from '../../lib/conversation/facts.ts'
import { toHandOver } from '../../lib/conversation/hand-over.ts'
import { awsClientConfig } from '../../local/aws/sdk.ts'
import { signatureOf, toChangePush } from '../../local/liveperson/pushes/push.ts'
import { loadFixture } from '../../local/liveperson/state/account.ts'
import { createStateStream } from '../../local/stack/outcomes.ts'
import type { Container } from '../support/process-container.ts'
import { ACCOUNT, ORDER_HELP, toRecord, type World } from '../support/world.ts'

export type FunctionName =
  | 'openFromForm'
  | 'openFromQueue'
  | 'refreshDomains'
  | 'conversationStatus'
  | 'conversationEvents'
  | 'publishOutcomes'

/** Something that a function does, and that needs permissions. */
export interface Scenario {
  readonly function: FunctionName
  /** Members of the account in the stage configuration that differ from the usual ones. */
  readonly account?: object
  /** Happens before, with all permissions. */
  readonly before?: (tools: Tools) => Promise<unknown>
  /**
   * Performs it. Returns what its caller is told: the HTTP status and the status or code of the answer, or
   * what becomes of a record: `done` if its queue need not keep it, else `kept`.
   */
  readonly perform: (tools: Tools) => Promise<string>
  /** What is told if the role has all its permissions. */
  readonly whole: string
  /** Sends it once more, after the trouble. Undefined: it opens nothing. */
  readonly again?: (tools: Tools) => Promise<string>
}

export interface Tools {
  readonly container: Container
  readonly world: World
  readonly requestId: string
  /** Deletes the item that the next update of a request is for, before that update. */
  readonly loseItem: () => void
  /** Does what Lambda does to one record of a queue, with the role of openFromQueue. */
  readonly poll: (queue: QueueName, body: string) => Promise<string>
}

const form = (requestId: string) => ({ requestId, route: 'order-help' })

const event = (requestId: string) => ({
  requestId,
  route: 'crm-upgrade',
  consumer: { id: `consumer-of-${requestId}` },
})

/** A record of the hand-over queue that holds a form. */
const handedOver = (requestId: string) =>
  toHandOver({
    request: {
      door: 'form',
      requestId,
      accountId: ACCOUNT,
      consumerId: `consumer-of-${requestId}`,
      fingerprint: `2.${'0'.repeat(64)}`,
      vouchedBy: 'nobody',
      warnings: [],
      route: 'order-help',
    },
    destination: { ...ORDER_HELP, ttr: 'NORMAL', routeAttributes: [] },
    facts: { ...NOTHING, handedOver: true },
  })

const submit = async ({ container }: Tools, body: unknown): Promise<string> => {
  const answer = await container.submit(body)
  const { status, code } = JSON.parse(answer.body)
  return `${answer.statusCode} ${code ?? status}`
}

const submitForm = (tools: Tools) => submit(tools, form(tools.requestId))

const submitSolved = (tools: Tools) =>
  submit(tools, { ...form(tools.requestId), 'cf-turnstile-response': `solved-${tools.requestId}` })

const deliver = async (container: Container, body: unknown, queue: QueueName = 'events'): Promise<string> =>
  (await container.deliver([toRecord(body, { queue })])).length === 0 ? 'done' : 'kept'

const deliverEvent = ({ container, requestId }: Tools) => deliver(container, event(requestId))
const deliverHandOver = ({ container, requestId }: Tools) =>
  deliver(container, handedOver(requestId), 'handOver')

/** A record of the stream: a conversation was opened. */
const outcomeOf = (requestId: string) => {
  const stream = createStateStream()
  const item = {
    pk: { S: `request#${ACCOUNT}#queue#crm#${requestId}` },
    requestId: { S: requestId },
    accountId: { S: ACCOUNT },
    door: { S: 'queue' },
    updatedAt: { N: String(Date.now()) },
  }
  stream.push({
    oldImage: { ...item, status: { S: 'opening' }, outcomeNumber: { N: '0' } },
    newImage: { ...item, status: { S: 'opened' }, outcomeNumber: { N: '1' } },
  })
  return stream.take(1)
}

const lpConsumerOf = (requestId: string) => `lp-${requestId}`
const conversationOf = (requestId: string) => `conversation-${requestId}`

/** Puts a request with its open conversation into the table, and its consumer. */
const putOpened = async ({ world, requestId }: Tools): Promise<void> => {
  const now = Date.now()
  const pk = `request#${ACCOUNT}#queue#crm#${requestId}`
  const conversationId = conversationOf(requestId)
  const { claim: _, ...nothing } = NOTHING
  const items = [
    {
      ...{ pk, requestId, accountId: ACCOUNT, door: 'queue', fingerprint: '3.f00d', status: 'opened' },
      ...{ createdAt: now, updatedAt: now, revision: 2, attempts: 1, releases: 1, releasedAttempt: 1 },
      ...{ claimState: 'done', leaseId: 'lease', leaseUntil: 0, hasMessage: false, outcomeNumber: 1 },
      facts: { ...nothing, conversation: { kind: 'opened', conversationId } },
    },
    {
      pk: `consumer#${ACCOUNT}#${lpConsumerOf(requestId)}`,
      ...{ conversationId, state: 'OPEN', openedBy: pk, openedAt: now },
    },
  ]
  const dynamoDb = new DynamoDBClient(awsClientConfig(world.dynamoDb.url))
  for (const item of items)
    await dynamoDb.send(new PutItemCommand({ TableName: world.dynamoDb.stateTable, Item: marshall(item) }))
  dynamoDb.destroy()
}

/** Tells that the conversation was closed. Returns the HTTP status. */
const pushClosing = async ({ container, requestId }: Tools): Promise<string> => {
  const now = Date.now()
  const body = JSON.stringify(
    toChangePush(
      {
        ...{ conversationId: conversationOf(requestId), accountId: ACCOUNT, extConsumerId: 'crm-1' },
        ...{
          lpConsumerId: lpConsumerOf(requestId),
          profile: {},
          openedAt: now,
          closedAt: now,
          ttr: 'NORMAL',
        },
        ...{ body: [], state: 'CLOSE', mainDialog: 'CLOSE', messages: [], nextSequence: 0 },
      },
      { sentAt: now, hasCampaign: false },
    ),
  )
  const account = loadFixture().find(({ accountId }) => accountId === ACCOUNT)
  const answer = await container.invoke('conversationEvents', {
    pathParameters: { accountId: ACCOUNT },
    headers: { 'x-liveperson-signature': signatureOf(body, account?.clientSecrets[0] ?? '', 'sha1') },
    body,
  })
  return String(z.object({ statusCode: z.number() }).parse(answer).statusCode)
}

/** Fails creates, by an answer or a lost answer, until `act` has ended. */
const whileDown = async (
  { world: { livePerson } }: Tools,
  kind: 'status' | 'reset-after',
  act: () => Promise<string>,
): Promise<string> => {
  const stop = livePerson.faults.add(
    kind === 'status'
      ? { service: 'conversation', kind, status: 503, times: 100 }
      : { service: 'conversation', kind, times: 100 },
  )
  try {
    return await act()
  } finally {
    stop()
  }
}

/** Every path through the functions that needs a permission of its own. */
export const SCENARIOS = {
  'a form': { function: 'openFromForm', perform: submitForm, whole: '201 opened', again: submitForm },

  'a form while LivePerson is down': {
    function: 'openFromForm',
    perform: (tools) => whileDown(tools, 'status', () => submitForm(tools)),
    whole: '202 queued',
    again: submitForm,
  },

  'a form with a spent challenge, again': {
    function: 'openFromForm',
    account: { form: { consumers: 'anonymous', botCheck: 'siteverify' } },
    before: submitSolved,
    perform: submitSolved,
    whole: '200 opened',
  },

  'a form after a create that got no answer': {
    function: 'openFromForm',
    before: (tools) => whileDown(tools, 'reset-after', () => submitForm(tools)),
    perform: submitForm,
    whole: '201 opened',
    again: submitForm,
  },

  'a form whose item is lost': {
    function: 'openFromForm',
    perform: (tools) => {
      tools.loseItem()
      return submitForm(tools)
    },
    whole: '201 opened',
  },

  'a form whose outcome is unknown': {
    function: 'openFromForm',
    account: { onLostAnswer: 'hold' },
    perform: (tools) => whileDown(tools, 'reset-after', () => submitForm(tools)),
    whole: '409 outcome_unknown',
  },

  'a CRM event': { function: 'openFromQueue', perform: deliverEvent, whole: 'done', again: deliverEvent },

  'a CRM event that fails': {
    function: 'openFromQueue',
    perform: (tools) => whileDown(tools, 'status', () => deliverEvent(tools)),
    whole: 'kept',
    again: deliverEvent,
  },

  'a CRM event for a consumer with an open conversation': {
    function: 'openFromQueue',
    before: ({ container, requestId }) =>
      deliver(container, { ...event(requestId), requestId: `before-${requestId}` }),
    perform: deliverEvent,
    whole: 'done',
    again: deliverEvent,
  },

  'a CRM event whose item is lost': {
    function: 'openFromQueue',
    perform: (tools) => {
      tools.loseItem()
      return deliverEvent(tools)
    },
    whole: 'done',
    again: deliverEvent,
  },

  'a hand-over that fails': {
    function: 'openFromQueue',
    perform: (tools) => whileDown(tools, 'status', () => deliverHandOver(tools)),
    whole: 'kept',
    again: deliverHandOver,
  },

  'a CRM event while the circuit breaker is open': {
    function: 'openFromQueue',
    perform: (tools) =>
      whileDown(tools, 'status', async () => {
        // Three failures, one after another, halve the rate from 8 to 1 call per second.
        for (let failures = 0; failures < 3; failures++) {
          await deliver(tools.container, event(randomUUID()))
          await tools.container.advance(1000)
        }
        return deliverEvent(tools)
      }),
    whole: 'done',
    again: deliverEvent,
  },

  'an invalid CRM event': {
    function: 'openFromQueue',
    perform: ({ container }) => deliver(container, 'hello'),
    whole: 'done',
  },

  'an invalid CRM event that was refused before': {
    function: 'openFromQueue',
    before: ({ container, requestId }) => container.deliver([toRecord('hello', { messageId: requestId })]),
    perform: async ({ container, requestId }) =>
      (await container.deliver([toRecord('hello', { messageId: requestId })])).length === 0 ? 'done' : 'kept',
    whole: 'done',
  },

  'an invalid CRM event that leaves no room for the reason': {
    function: 'openFromQueue',
    perform: ({ container }) => deliver(container, 'x'.repeat(1_048_570)),
    whole: 'done',
  },

  'a hand-over that can no longer be read': {
    function: 'openFromQueue',
    before: (tools) => whileDown(tools, 'status', () => deliverHandOver(tools)),
    perform: ({ container, requestId }) => {
      const { handedOver: read } = JSON.parse(handedOver(requestId))
      return deliver(container, { handedOver: { ...read, fingerprint: 1 } }, 'handOver')
    },
    whole: 'done',
  },

  'a record of the events queue': {
    function: 'openFromQueue',
    perform: ({ poll, requestId }) => poll('events', JSON.stringify(event(requestId))),
    whole: 'done',
    again: deliverEvent,
  },

  'a record of the hand-over queue': {
    function: 'openFromQueue',
    perform: ({ poll, requestId }) => poll('handOver', handedOver(requestId)),
    whole: 'done',
    again: deliverHandOver,
  },

  'a refresh': {
    function: 'refreshDomains',
    perform: async ({ container }) => String((await container.refresh()).statusCode),
    whole: '200',
  },

  'a status': {
    function: 'conversationStatus',
    perform: async ({ container, requestId }) => {
      const answer = await container.askStatus(requestId)
      return `${answer.statusCode} ${JSON.parse(answer.body).code}`
    },
    whole: '404 not_found',
  },

  'a status of a CRM event': {
    function: 'conversationStatus',
    perform: async ({ container, requestId }) => {
      const answer = await container.askEventStatus(ACCOUNT, requestId)
      return `${answer.statusCode} ${JSON.parse(answer.body).code}`
    },
    whole: '404 not_found',
  },
  'a push': {
    function: 'conversationEvents',
    before: putOpened,
    perform: pushClosing,
    whole: '200',
  },

  'an outcome': {
    function: 'publishOutcomes',
    perform: async ({ container, requestId }) =>
      (await container.publish(outcomeOf(requestId))).length === 0 ? 'done' : 'kept',
    whole: 'done',
  },
} as const satisfies Readonly<Record<string, Scenario>>

export type ScenarioName = keyof typeof SCENARIOS
