import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Item } from '../../lib/aws/state-table.ts'
import { captureOutput } from '../lib/telemetry/output.ts'
import { runOps } from '../support/command.ts'
import {
  ACCOUNT,
  askStatus,
  bodyOf,
  deliver,
  ORDER_HELP,
  type Service,
  startWorld,
  submit,
  toRecord,
  type World,
  withoutWaits,
} from '../support/world.ts'
import { findMarks, makeMark } from './marks.ts'
import {
  type BotCheckProvider,
  type IdentityProvider,
  startBotCheckProvider,
  startIdentityProvider,
} from './third-parties.ts'

const captured = captureOutput()

let world: World
let brand: IdentityProvider
let bots: BotCheckProvider
let service: Service
let folder: string
let configFile: string

/** What the service knows of the consumer, by what it is. */
const marks = {
  consumer: makeMark('Consumer'),
  name: makeMark('Name'),
  message: makeMark('Message'),
  event: makeMark('Event'),
  laterEvent: makeMark('LaterEvent'),
  form: makeMark('Form'),
  queued: makeMark('Queued'),
  waiting: makeMark('Waiting'),
  anonymous: makeMark('Anonymous'),
}
const OTHER = makeMark('Other')
const OTHER_EVENT = makeMark('OtherEvent')
const challenge = `solved-${makeMark('Challenge')}`

const stage = () => ({
  origins: ['https://www.example.com'],
  accounts: [
    {
      accountId: ACCOUNT,
      default: true,
      form: {
        consumers: 'both',
        tokens: brand.tokensWith({ consumerId: { claim: 'sub', prefix: '' } }),
        botCheck: { verifyUrl: bots.verifyUrl, hostnames: ['www.example.com'] },
      },
      routes: { help: { ...ORDER_HELP, doors: ['form', 'queue'] } },
    },
  ],
})

beforeAll(async () => {
  world = await startWorld()
  brand = await startIdentityProvider('https://id.example.com/')
  bots = await startBotCheckProvider('bot-secret')
  world.secretsManager.put(`campaign-conversations/test/${ACCOUNT}/bot-check`, { secret: 'bot-secret' })
  folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-erasure-'))
  configFile = join(folder, 'stage.json')
  await writeFile(configFile, JSON.stringify(stage()))
  service = world.createService({ stage: stage() })
})
afterAll(async () => {
  await Promise.all([brand.close(), bots.close(), world.close(), rm(folder, { recursive: true })])
})

const event = (requestId: string, consumerId: string) =>
  toRecord({
    requestId,
    route: 'help',
    consumer: { id: consumerId, firstName: marks.name },
    message: marks.message,
  })
const form = { requestId: marks.form, route: 'help', message: marks.message }
const anonymousForm = {
  requestId: marks.anonymous,
  route: 'help',
  consumer: { firstName: marks.name },
  message: marks.message,
  'cf-turnstile-response': challenge,
}
const records = {
  event: event(marks.event, marks.consumer),
  laterEvent: event(marks.laterEvent, marks.consumer),
  queued: event(marks.queued, marks.consumer),
  waiting: event(marks.waiting, marks.consumer),
  other: event(OTHER_EVENT, OTHER),
}
const signedIn = async () => ({ authorization: `Bearer ${await brand.sign({ sub: marks.consumer })}` })

const scan = async (): Promise<Readonly<Record<string, Item>>> => {
  const client = new DynamoDBClient({})
  const { Items = [] } = await client.send(new ScanCommand({ TableName: world.dynamoDb.stateTable }))
  client.destroy()
  const items = Items.map((item) => unmarshall(item)).filter(({ pk }) => /^(request|consumer)#/.test(pk))
  return Object.fromEntries(items.map((item) => [item.pk, item]))
}
const itemOf = (items: Readonly<Record<string, Item>>, requestId: string): Item => {
  const found = Object.values(items).find((item) => item.requestId === requestId)
  if (!found) throw new Error(`There is no item of ${requestId}`)
  return found
}

const Report = z.object({
  dryRun: z.boolean(),
  lpConsumerIds: z.array(z.string()),
  items: z.array(
    z.object({
      key: z.string(),
      status: z.string(),
      expiresAt: z.number(),
      outcome: z.enum(['erased', 'clean', 'in_use']),
      ended: z.boolean(),
      ids: z.record(z.string(), z.string()),
    }),
  ),
  needConsumer: z.array(z.string()),
  kept: z.array(z.string()),
  notErased: z.array(z.string()),
})

const ops = (...args: string[]) =>
  runOps(['erase', '--account', ACCOUNT, ...args], {
    env: {
      CONFIG_FILE: configFile,
      STATE_TABLE: world.dynamoDb.stateTable,
      SECRET_ID_PREFIX: 'campaign-conversations/test',
      LIVEPERSON_DOMAIN_API_URL: world.livePerson.url,
    },
  })

const erase = async (...args: string[]) => {
  const { exitCode, printed } = await ops(...args, '--json')
  return { exitCode, report: Report.parse(JSON.parse(printed)) }
}

/** Returns where marks are in the table: the attributes by mark, with the kind of item. */
const placesOf = (items: Readonly<Record<string, Item>>, wanted: Readonly<Record<string, string>>) => {
  const places: Record<string, string[]> = {}
  for (const item of Object.values(items))
    for (const [name, value] of Object.entries(item))
      places[`${String(item.pk).split('#')[0]}.${name}`] = [
        ...(places[`${String(item.pk).split('#')[0]}.${name}`] ?? []),
        JSON.stringify({ [name]: value }),
      ]
  // Which of its attributes names an opener depends on a hash of the conversation's id.
  return findMarks(places, wanted).map(
    ({ kind, mark }) => `${mark} in ${kind.replace(/opener\d$/, 'opener')}`,
  )
}

/** The ids that the service was told, or made, for the consumer. */
const idsIn = (item: Item) =>
  z
    .object({
      leaseId: z.string(),
      conversationId: z.string(),
      facts: z.object({ lpConsumerId: z.string() }),
    })
    .parse(item)

describe('a consumer of both doors', () => {
  let before: Readonly<Record<string, Item>>
  let ids: Readonly<Record<string, string>>
  let anonymousIds: Readonly<Record<string, string>>
  let opened: number

  beforeAll(async () => {
    const statuses: number[] = []
    expect(await deliver(service, [records.event])).toEqual({ batchItemFailures: [] })
    expect(await deliver(service, [records.laterEvent, records.other])).toEqual({ batchItemFailures: [] })
    statuses.push((await submit(service, form, { headers: await signedIn() })).statusCode ?? 0)
    statuses.push((await submit(service, anonymousForm)).statusCode ?? 0)
    const fail = (service: 'conversation' | 'send' | 'idp', status: number) =>
      world.livePerson.faults.add({ service, kind: 'status', status, times: 99 })
    const stopSend = fail('send', 429)
    expect((await deliver(service, [records.queued])).batchItemFailures).toHaveLength(1)
    stopSend()
    const stopIdentify = fail('idp', 503)
    const other = world.createService({ stage: stage() })
    expect((await deliver(other, [records.waiting])).batchItemFailures).toHaveLength(1)
    stopIdentify()
    expect(statuses).toEqual([200, 201])
    before = await scan()
    const { leaseId, conversationId, facts } = idsIn(itemOf(before, marks.event))
    ids = { leaseId, conversationId, lpConsumerId: facts.lpConsumerId }
    const anonymous = idsIn(itemOf(before, marks.anonymous))
    anonymousIds = {
      leaseId: anonymous.leaseId,
      conversationId: anonymous.conversationId,
      lpConsumerId: anonymous.facts.lpConsumerId,
      derived: String(itemOf(before, marks.anonymous).consumerId),
      challenge:
        Object.keys(itemOf(before, marks.anonymous))
          .find((name) => name.startsWith('challenge_'))
          ?.slice(10) ?? '',
    }
    opened = world.livePerson.conversations().length
  })

  const keysOf = (...requestIds: string[]) =>
    requestIds.map((requestId) => String(itemOf(before, requestId).pk)).toSorted()

  test('has marks in the table only as ids', () => {
    expect(placesOf(before, { ...marks, ...ids })).toEqual(
      expect.arrayContaining([
        'event in request.pk',
        'event in consumer.openedBy',
        'conversationId in request.facts',
        'conversationId in consumer.conversationId',
        'lpConsumerId in consumer.pk',
        'leaseId in request.leaseId',
      ]),
    )
    expect(
      findMarks({ table: [JSON.stringify(before)] }, { name: marks.name, message: marks.message }),
    ).toEqual([])
    for (const id of Object.values(anonymousIds)) expect(id).not.toBe('')
  })

  test('is shown by a trial, which changes nothing', async () => {
    const { exitCode, report } = await erase('--consumer', marks.consumer, '--dry-run')
    expect(exitCode).toBe(0)
    expect(report).toMatchObject({ dryRun: true, lpConsumerIds: [ids.lpConsumerId], needConsumer: [] })
    expect(report.items.map(({ key }) => key).toSorted()).toEqual(
      [
        ...keysOf(marks.event, marks.laterEvent, marks.form, marks.queued),
        `consumer#${ACCOUNT}#${ids.lpConsumerId}`,
      ].toSorted(),
    )
    const first = report.items.find(({ key }) => key.endsWith(marks.event))
    expect(first).toMatchObject({ status: 'opened', outcome: 'erased', ended: false })
    expect(first?.ids).toMatchObject({
      conversationId: ids.conversationId,
      'facts.lpConsumerId': ids.lpConsumerId,
      'facts.conversationId': ids.conversationId,
      campaignId: ORDER_HELP.campaignId,
    })
    expect(first?.expiresAt).toBe(itemOf(before, marks.event).expiresAt)
    expect(await scan()).toEqual(before)
    const { printed } = await ops('--consumer', marks.consumer, '--dry-run')
    expect(printed).toContain(`facts.lpConsumerId: ${ids.lpConsumerId}`)
    expect(printed).toContain(
      `opened, stored until ${new Date(Number(itemOf(before, marks.event).expiresAt) * 1000).toISOString()}`,
    )
    for (const word of ['point-in-time recovery', 'Queues', 'LivePerson:', 'Logs'])
      expect(printed).toContain(word)
  })

  test('that is unknown is not found, and says what to try', async () => {
    const { exitCode, printed } = await ops('--consumer', 'nobody-like-this')
    expect(exitCode).toBe(1)
    expect(printed).toContain('Nothing is stored. Check the id and its prefix.')
    expect(printed).toContain('needs --request')
    const other = await ops('--request', 'no-such-request')
    expect(other.exitCode).toBe(1)
    expect(other.printed).toContain('Nothing is stored. Check the id and the account.')
    expect(await scan()).toEqual(before)
  })

  test('is not erased by a request id, which others could have', async () => {
    const { exitCode, report } = await erase('--request', marks.event)
    expect(exitCode).toBe(1)
    expect(report).toMatchObject({ items: [], needConsumer: keysOf(marks.event) })
    expect(await scan()).toEqual(before)
  })

  test('is erased from the table, except where the command says', async () => {
    const { exitCode, report } = await erase('--consumer', marks.consumer)
    expect(exitCode).toBe(0)
    expect(report.items.map(({ outcome }) => outcome)).toEqual(report.items.map(() => 'erased'))
    const after = await scan()
    expect(placesOf(after, { ...marks, ...ids }).toSorted()).toEqual(
      [
        // Another request, of a consumer that was not named.
        'anonymous in request.pk',
        'anonymous in request.requestId',
        'anonymous in consumer.openedBy',
        'anonymous in consumer.opener',
        // The keys.
        ...['event', 'laterEvent', 'form', 'queued', 'waiting'].flatMap((name) => [
          `${name} in request.pk`,
          `${name} in request.requestId`,
        ]),
        'lpConsumerId in consumer.pk',
      ].toSorted(),
    )
    expect(report.kept[0]).toContain('The keys above')
    for (const [key, item] of Object.entries(after)) {
      expect(item.expiresAt).toBe(before[key]?.expiresAt)
      if (!report.items.some((erased) => erased.key === key)) expect(item).toEqual(before[key])
    }
    for (const requestId of [marks.event, marks.laterEvent, marks.form]) {
      const { status, fingerprint, createdAt } = itemOf(before, requestId)
      expect(itemOf(after, requestId)).toMatchObject({ status, fingerprint, createdAt, finished: true })
      expect(itemOf(after, requestId)).not.toHaveProperty('campaignId')
    }
  })

  test('whose request still waited has it ended', async () => {
    expect(itemOf(before, marks.queued)).toMatchObject({ status: 'queued', finished: false })
    expect(itemOf(await scan(), marks.queued)).toMatchObject({ status: 'outcome_unknown', finished: true })
  })

  test('whose request has not reached LivePerson has it ended by its id', async () => {
    expect(itemOf(before, marks.waiting)).toMatchObject({ status: 'queued', finished: false })
    const { exitCode, report } = await erase('--request', marks.waiting)
    expect(exitCode).toBe(0)
    expect(report.items).toMatchObject([{ status: 'queued', outcome: 'erased', ended: true }])
    expect(itemOf(await scan(), marks.waiting)).toMatchObject({ status: 'outcome_unknown', finished: true })
  })

  test('gets no conversation by any replay', async () => {
    const later = world.createService({ stage: stage() })
    await deliver(later, [records.event, records.laterEvent, records.queued, records.waiting])
    const repeated = await submit(later, form, { headers: await signedIn() })
    expect([repeated.statusCode, bodyOf(repeated)]).toEqual([
      200,
      expect.objectContaining({ status: 'existing' }),
    ])
    expect(bodyOf(repeated)).not.toHaveProperty('conversationId')
    expect(bodyOf(await askStatus(later, marks.form))).toMatchObject({ status: 'existing' })
    expect(world.livePerson.conversations()).toHaveLength(opened)
    const quarantined = await world.receiveQuarantine()
    expect(quarantined.map(({ code, requestId }) => [code, requestId])).toEqual([
      ['outcome_unknown', marks.queued],
      ['outcome_unknown', marks.waiting],
    ])
    expect(placesOf(await scan(), ids)).toEqual(['lpConsumerId in consumer.pk'])
  })

  test('has nothing left for a second erasure', async () => {
    const stored = await scan()
    const { exitCode, report } = await erase('--consumer', marks.consumer)
    expect(exitCode).toBe(0)
    expect(report.items.map(({ key, outcome, ids }) => [key.split('#')[0], outcome, ids])).toEqual([
      ['consumer', 'clean', {}],
    ])
    expect(await scan()).toEqual(stored)
  })

  test('without an id of their own is erased by the request', async () => {
    const derived = await ops('--consumer', anonymousIds.derived ?? '')
    expect(derived.exitCode).toBe(2)
    expect(derived.errors).toContain('Use --request <requestId>.')
    const { exitCode, report } = await erase('--request', marks.anonymous)
    expect(exitCode).toBe(0)
    expect(report.items.map(({ key, outcome }) => [key, outcome])).toEqual([
      [`request#${ACCOUNT}#form#nobody#${marks.anonymous}`, 'erased'],
      [`consumer#${ACCOUNT}#${anonymousIds.lpConsumerId}`, 'erased'],
    ])
    const after = await scan()
    expect(placesOf(after, anonymousIds)).toEqual(['lpConsumerId in consumer.pk'])
    const challenged = { ...anonymousForm, 'cf-turnstile-response': `solved-${makeMark('Another')}` }
    expect((await submit(service, challenged)).statusCode).toBe(200)
    expect(world.livePerson.conversations()).toHaveLength(opened)
    const again = await erase('--request', marks.anonymous)
    expect(again.exitCode).toBe(0)
    const third = await erase('--request', marks.anonymous)
    expect(third.report.items.map(({ outcome }) => outcome)).toEqual(['clean'])
  })

  test('leaves others untouched', async () => {
    expect(itemOf(await scan(), OTHER_EVENT)).toEqual(itemOf(before, OTHER_EVENT))
  })
})

describe('a request that LivePerson has got, but not answered with a conversation,', () => {
  let serial = 0
  const cases: readonly (readonly [string, object, object, object])[] = [
    ['in doubt', { kind: 'status', status: 503 }, {}, {}],
    ['opened, but the answer was lost', { kind: 'reset-after' }, {}, {}],
    ['of an unknown outcome', { kind: 'reset-after' }, { onLostAnswer: 'hold' }, {}],
    ['rejected', { kind: 'latency', ms: 0 }, {}, { campaign: { campaignId: '1', engagementId: '2' } }],
  ]

  test.each(cases)('%s: is found by the consumer, and no replay opens it', async (_, fault, policy, sent) => {
    const consumerId = `crm-${makeMark(`Doubt${++serial}`)}`
    const requestId = makeMark(`DoubtfulEvent${serial}`)
    const record = toRecord({
      requestId,
      ...(Object.keys(sent).length > 0 ? sent : { route: 'help' }),
      consumer: { id: consumerId },
    })
    const accounts = stage().accounts.map((account) => ({ ...account, ...policy }))
    const stop = world.livePerson.faults.add({ service: 'conversation', times: 99, ...fault } as never)
    await deliver(world.createService({ stage: { accounts } }), [record])
    stop()
    const { report } = await erase('--consumer', consumerId)
    expect(report.items.map(({ key }) => key)).toContain(`request#${ACCOUNT}#queue#crm#${requestId}`)
    const creates = () => world.livePerson.requests({ service: 'conversation' }).length
    const before = creates()
    await deliver(world.createService({ stage: stage() }), [record])
    expect(creates()).toBe(before)
    await world.receiveQuarantine()
  })

  test('and that waits in the hand-over queue, stays erased when it comes back', async () => {
    await world.receiveHandOvers()
    const requestId = makeMark('HandedOver')
    const stop = world.livePerson.faults.add({ service: 'send', kind: 'status', status: 429, times: 99 })
    const atOnce = withoutWaits(service.queues)
    await submit(world.createService({ stage: stage(), queues: atOnce }), {
      ...{ requestId, route: 'help', message: 'hello' },
      'cf-turnstile-response': `solved-${makeMark('HandedOverChallenge')}`,
    })
    stop()
    const [body = ''] = await world.receiveHandOvers()
    expect(body).toContain('"conversationId"')
    const { exitCode } = await erase('--request', requestId)
    expect(exitCode).toBe(0)
    const erased = itemOf(await scan(), requestId)
    captured()
    const record = toRecord(body, { queue: 'handOver' })
    expect(await deliver(world.createService({ stage: stage() }), [record])).toEqual({
      batchItemFailures: [],
    })
    expect(itemOf(await scan(), requestId)).toEqual(erased)
    expect(captured()).toContainEqual(
      expect.objectContaining({
        level: 'WARN',
        message: 'What a message knew of an erased request was dropped',
        requestId,
      }),
    )
  })
})
