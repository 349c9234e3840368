import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { z } from 'zod'
import { ACCOUNT, type World } from '../support/world.ts'
import type { Planned, Told } from './requests.ts'

/** The result of a run. Without findings, the service kept all its promises. */
export interface Audit {
  readonly findings: readonly string[]
  readonly conversations: number
  /** The number of requests that ended in each state. */
  readonly states: Readonly<Record<string, number>>
  /** The number of responses of each kind. */
  readonly answers: Readonly<Record<string, number>>
  readonly quarantined: number
}

type Item = Readonly<Record<string, unknown>>

/** Compares LivePerson's conversations with the ledger, the queues and every response. */
export const audit = async (
  world: World,
  planned: readonly Planned[],
  told: readonly Told[],
): Promise<Audit> => {
  const findings: string[] = []
  const items = await scan(world)
  const conversations = world.livePerson.conversations()
  const byRequest = Map.groupBy(conversations, ({ context }) => String(context?.sessionId))
  const byId = new Map(conversations.map((conversation) => [conversation.conversationId, conversation]))
  const byConsumer = new Set(conversations.map(({ lpConsumerId }) => lpConsumerId))
  const answersOf = Map.groupBy(told, ({ request }) => request.id)
  const quarantined = world.sqs.depth('quarantine').ready
  for (const queue of ['events', 'handOver'] as const) {
    const { ready, delayed, inFlight } = world.sqs.depth(queue)
    const count = ready + delayed + inFlight
    if (count > 0) findings.push(`the queue ${queue} still holds ${count} records`)
  }
  const states: Record<string, number> = {}

  for (const request of planned) {
    const { id, door } = request
    const own = byRequest.get(id) ?? []
    const kind = door === 'form' ? 'nobody' : 'crm'
    const item = items.get(`request#${ACCOUNT}#${door}#${kind}#${request.body.requestId}`)
    const answers = answersOf.get(id) ?? []
    const say = (finding: string) => findings.push(`${id}: ${finding}`)
    const status = String(item?.status)
    states[status] = (states[status] ?? 0) + 1

    if (own.length > 1) say(`${own.length} conversations`)
    const isPromised = door === 'queue' || answers.some(({ status }) => status < 300)
    if (isPromised && !['opened', 'existing', 'rejected', 'outcome_unknown'].includes(status))
      say(`lost: its state is ${status}`)
    if (request.isRefused && own.length > 0) say('LivePerson opened a conversation that it refuses')
    // LivePerson checks first whether the consumer has an open conversation. After a lost answer, that one
    // counts as this request's own.
    const hasOther = request.isShared && (status === 'existing' || (status === 'opened' && own.length === 0))
    const mayBeRefused = request.isRefused && !hasOther
    // A refusal after a lost answer proves nothing.
    const isRefused = status === 'rejected' || status === 'outcome_unknown'
    if (isPromised && mayBeRefused !== isRefused) say(`${status}, code ${item?.code}`)

    const conversationId = item?.conversationId
    if (status === 'opened') {
      if (typeof conversationId === 'string' && own[0]?.conversationId !== conversationId)
        say(`the ledger has ${conversationId}, LivePerson has ${own[0]?.conversationId}`)
      if (!request.isShared && own.length !== 1) say('opened, but LivePerson has no conversation')
      if (request.isShared && !byConsumer.has(String(factsOf(item).lpConsumerId)))
        say('opened, but its consumer has no conversation')
    }
    if (status === 'existing') {
      if (!request.isShared) say('existing, but no other request has this consumer')
      if (own.length > 0) say('existing, but it opened a conversation')
      const named = typeof conversationId === 'string' ? byId.get(conversationId) : undefined
      if (typeof conversationId === 'string' && named?.extConsumerId !== request.body.consumer?.id)
        say("existing, but the conversation is another consumer's")
    }
    if (status === 'failed' && own.length > 0 && isPromised) say('failed, but LivePerson has a conversation')

    const ids = new Set(answers.flatMap(({ body }) => body.conversationId ?? []))
    if (ids.size > 1) say(`responses have ${ids.size} different conversations`)
    for (const named of ids)
      if (named !== conversationId) say(`a response has ${named}, the ledger has ${conversationId}`)
    for (const { status, body } of answers) {
      if (body.requestId !== undefined && body.requestId !== request.body.requestId)
        say('a response has another request id')
      const isRefused = body.code === 'liveperson_rejected' || body.code === 'outcome_unknown'
      if (isRefused && own.length > 0)
        say('a response says that it was refused, but LivePerson has a conversation')
      // What was owed, or unknown, in the response may be settled by now.
      const isOpenWord = body.messageStatus !== 'sent' && body.messageStatus !== 'not_sent'
      if (!isOpenWord && body.messageStatus !== item?.messageStatus)
        say(`a response has messageStatus ${body.messageStatus}, the ledger has ${item?.messageStatus}`)
      if (status === 400 || (status === 422 && !isRefused) || status === 500)
        say(`a response is ${status} ${body.code}`)
    }
    checkMessage(
      request,
      item,
      conversations.length === 0 ? 0 : sentOf(request, byRequestMessage(world)),
      say,
    )
  }
  return {
    findings,
    conversations: conversations.length,
    states,
    quarantined,
    answers: Object.fromEntries(
      [...Map.groupBy(told, ({ status, body }) => `${status} ${body.code ?? body.status}`)].map(
        ([name, list]) => [name, list.length],
      ),
    ),
  }
}

const messages = new WeakMap<World, { readonly size: number; readonly counts: Map<string, number> }>()

/** Returns how often each message was sent, in all conversations. */
const byRequestMessage = (world: World): Map<string, number> => {
  const conversations = world.livePerson.conversations()
  const kept = messages.get(world)
  if (kept?.size === conversations.length) return kept.counts
  const counts = new Map<string, number>()
  for (const { text } of conversations.flatMap(({ messages }) => messages))
    counts.set(text, (counts.get(text) ?? 0) + 1)
  messages.set(world, { size: conversations.length, counts })
  return counts
}

const sentOf = ({ body }: Planned, counts: Map<string, number>) => counts.get(body.message ?? '') ?? 0

const checkMessage = (
  { body: { message } }: Planned,
  item: Item | undefined,
  sent: number,
  say: (finding: string) => void,
) => {
  if (message === undefined || (item?.status !== 'opened' && item?.status !== 'existing')) return
  if (sent > 1) say(`its message was sent ${sent} times`)
  if (item.messageStatus === undefined) say('the ledger has no status of its message')
  if (item.messageStatus === 'pending') say('its message is still owed')
  if (item.messageStatus === 'not_sent' && item.messageCode === undefined)
    say('its message was not sent, and nothing says why')
  if (item.messageStatus === 'sent' && sent === 0) say('its message counts as sent, but was not sent')
  if (item.messageStatus === 'not_sent' && sent > 0) say('its message counts as not sent, but was sent')
}

const factsOf = (item: Item | undefined): Item => z.safeParse(z.looseObject({}), item?.facts).data ?? {}

const scan = async (world: World): Promise<ReadonlyMap<string, Item>> => {
  const client = new DynamoDBClient({})
  const items = new Map<string, Item>()
  let start: Record<string, never> | undefined
  do {
    const { Items = [], LastEvaluatedKey } = await client.send(
      new ScanCommand({
        TableName: world.dynamoDb.stateTable,
        ...(start && { ExclusiveStartKey: start }),
      }),
    )
    for (const item of Items) {
      const plain = unmarshall(item)
      items.set(String(plain.pk), plain)
    }
    start = LastEvaluatedKey as Record<string, never> | undefined
  } while (start)
  client.destroy()
  return items
}
