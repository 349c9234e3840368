import { DynamoDBClient, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { decodeJwt, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { isDerived } from '../../lib/request/identity.ts'
import { startAwsEndpoint } from '../support/aws-endpoint.ts'
import {
  type Container,
  type HttpAnswer,
  SOURCE_HANDLERS,
  startContainer,
} from '../support/process-container.ts'
import { ACCOUNT, ORDER_HELP, OTHER_ACCOUNT, startWorld, toRecord, type World } from '../support/world.ts'
import { createEnvironments } from './deployment.ts'
import { makeMarkedRequest } from './marked-request.ts'
import { findMarks, makeDigits, makeMark, type Outputs } from './marks.ts'
import {
  type BotCheckProvider,
  type IdentityProvider,
  startBotCheckProvider,
  startIdentityProvider,
} from './third-parties.ts'

const { request: marked, marks: memberMarks, unmarked } = makeMarkedRequest()

/** All personal data and secrets that the service receives. Members of a request are named by their paths. */
const marks: Record<string, string> = {
  ...memberMarks,
  ...Object.fromEntries(
    [
      'Sub',
      'GivenName',
      'FamilyName',
      'TokenEmail',
      'TokenCustomerId',
      'BotToken',
      'BotSecret',
      'Upstream',
      'Junk',
      'UserAgent',
    ].map((name) => [name, makeMark(name)]),
  ),
  TokenPhone: makeDigits(),
}
const of = (name: string): string => {
  const mark = marks[name]
  if (mark === undefined) throw new Error(`There is no mark ${name}`)
  return mark
}

let world: World
let brand: IdentityProvider
let dark: IdentityProvider
let bots: BotCheckProvider
let environments: Awaited<ReturnType<typeof createEnvironments>>
let sqs: Awaited<ReturnType<typeof startAwsEndpoint>>
/** What was asked of SQS, without the bodies of messages. The local SQS forgets message groups. */
const askedOfSqs: string[] = []
const containers: Container[] = []
const answers: HttpAnswer[] = []
const closers: (() => unknown)[] = []
let serial = 0

const sdk = { region: 'eu-west-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }
const newId = () => `canary-path-${++serial}`
const CRM = { campaignId: '3120045610', engagementId: '3120047711' }

const stageOf = (form: object) => ({
  origins: ['https://www.example.com'],
  accounts: [
    {
      accountId: ACCOUNT,
      default: true,
      form: { campaigns: 'any', ...form },
      routes: { help: { ...ORDER_HELP, doors: ['form'] }, crm: { ...CRM, doors: ['queue'] } },
    },
    { accountId: OTHER_ACCOUNT },
  ],
})

const start = async (form: object, more: Readonly<Record<string, string>> = {}): Promise<Container> => {
  const env = await environments.of(stageOf(form), {
    FORM_DEADLINE_MS: '1500',
    AWS_ENDPOINT_URL_SQS: sqs.url,
    HANDOVER_QUEUE_URL: world.sqs.handOverQueueUrl.replace(world.sqs.url, sqs.url),
    QUARANTINE_QUEUE_URL: world.sqs.quarantineQueueUrl.replace(world.sqs.url, sqs.url),
    ...more,
  })
  const container = await startContainer(SOURCE_HANDLERS, env)
  containers.push(container)
  closers.unshift(container.stop)
  return container
}

const { id: _, avatarUrl, ...profile } = marked.consumer
const attributesOf = (type: string) => marked.engagementAttributes.filter((each) => each.type === type)
const form = (members: object = {}) => ({
  ...marked,
  requestId: newId(),
  route: 'help',
  // Not allowed in a form, and not allowed together with a route.
  accountId: undefined,
  campaign: undefined,
  consumer: profile,
  engagementAttributes: undefined,
  ttr: undefined,
  ...members,
})
const event = (members: object = {}) => ({
  ...form({ route: 'crm', consumer: { ...profile, avatarUrl, id: `${of('consumer.id')}-${newId()}` } }),
  engagementAttributes: marked.engagementAttributes,
  ttr: marked.ttr,
  ...members,
})
const token = (claims: object = {}, identity = brand) =>
  identity.sign({
    sub: `${of('Sub')}-${newId()}`,
    given_name: of('GivenName'),
    family_name: of('FamilyName'),
    email: of('TokenEmail'),
    phone_number: of('TokenPhone'),
    lp_sdes: [{ type: 'ctmrinfo', info: { customerId: of('TokenCustomerId') } }],
    ...claims,
  })

/** Sends a form, reads its status, and returns the HTTP status with the code or status of the response. */
const submit = async (
  container: Container,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const answer = await container.submit(body, { headers: { 'user-agent': of('UserAgent'), ...headers } })
  const { requestId, code = '', status } = JSON.parse(answer.body)
  answers.push(answer)
  if (requestId) answers.push(await container.askStatus(requestId))
  return `${answer.statusCode} ${code || status}`
}

const signedIn = async (claims?: object, identity?: IdentityProvider) => {
  const made = await token(claims, identity)
  // Any meaningful part of a token counts as a leak.
  const [, payload = '', signature = ''] = made.split('.')
  const name = `Token${newId()}`
  Object.assign(marks, { [`${name}Payload`]: payload, [`${name}Signature`]: signature })
  return { authorization: `Bearer ${made}` }
}

const Message = z.looseObject({ messageId: z.string(), body: z.string() })
const Inspected = z.object({
  messages: z.object({
    ready: z.array(Message),
    delayed: z.array(Message),
    inflight: z.array(z.object({ message: Message })),
  }),
})

const messagesOf = async (queueUrl: string) => {
  const name = new URL(queueUrl).pathname.split('/').at(-1)
  const inspected: unknown = await (await fetch(`${world.sqs.url}/_fauxqs/queues/${name}`)).json()
  const { ready, delayed, inflight } = Inspected.parse(inspected).messages
  return [...ready, ...delayed, ...inflight.map(({ message }) => message)]
}

const scan = async (): Promise<readonly string[]> => {
  const client = new DynamoDBClient({ ...sdk, endpoint: world.dynamoDb.url })
  const { Items = [] } = await client.send(new ScanCommand({ TableName: world.dynamoDb.stateTable }))
  client.destroy()
  return Items.map((item) => JSON.stringify(item))
}

/**
 * Returns everything that the service has written, except what LivePerson received and the bodies in the
 * queues.
 */
const collect = async (): Promise<Outputs> => {
  const messages = [
    ...(await messagesOf(world.sqs.eventsQueueUrl)),
    ...(await messagesOf(world.sqs.handOverQueueUrl)),
    ...(await messagesOf(world.sqs.quarantineQueueUrl)),
  ]
  const lines = containers.flatMap((container) => container.output().split('\n'))
  return {
    log: lines.filter((line) => !line.includes('"_aws"')),
    metrics: lines.filter((line) => line.includes('"_aws"')),
    table: await scan(),
    'queue attributes': [...messages.map(({ body: _, ...rest }) => JSON.stringify(rest)), ...askedOfSqs],
    answers: answers.map((answer) => JSON.stringify(answer)),
    urls: [...world.livePerson.requests().map(({ path }) => path), ...brand.urls, ...dark.urls, ...bots.urls],
  }
}

/** Returns the AppJWTs and ConsumerJWSs that LivePerson has issued. */
const livePersonTokens = () => {
  const tokens = world.livePerson
    .requests()
    .flatMap(({ headers }) => [headers.authorization, headers['x-lp-on-behalf']])
    .filter((value): value is string => typeof value === 'string')
    .flatMap((jwt) => jwt.split('.').slice(1))
    .filter((text) => text.length > 20)
  return Object.fromEntries([...new Set(tokens)].map((text, index) => [`LivePersonToken${index}`, text]))
}

/** Returns the bodies with which LivePerson was asked to open conversations for anonymous consumers. */
const bodiesOfAnonymous = (): readonly unknown[] =>
  world.livePerson
    .requests({ service: 'conversation' })
    .filter(({ headers }) => isDerived(String(decodeJwt(String(headers['x-lp-on-behalf'])).ext_consumer_id)))
    .map(({ body }) => JSON.parse(body))

/** Returns everything that a body has under `authenticatedData`, at whatever depth. */
const authenticatedIn = (body: unknown): string => {
  const found: unknown[] = []
  JSON.stringify(body, (name, value) => {
    if (name === 'authenticatedData') found.push(value)
    return value
  })
  return JSON.stringify(found)
}

beforeAll(async () => {
  world = await startWorld()
  brand = await startIdentityProvider('https://id.example.com/')
  dark = await startIdentityProvider('https://id.dark.example/')
  dark.state.mode = 'html'
  bots = await startBotCheckProvider(of('BotSecret'))
  world.secretsManager.put(`campaign-conversations/test/${ACCOUNT}/bot-check`, { secret: of('BotSecret') })
  for (const [index, { clientId, clientSecrets }] of world.accounts.entries())
    Object.assign(marks, { [`ClientSecret${index}`]: clientSecrets[0], [`ClientId${index}`]: clientId })
  sqs = await startAwsEndpoint({
    behind: world.sqs.url,
    answer: (_, input) => {
      askedOfSqs.push(JSON.stringify({ ...z.record(z.string(), z.unknown()).parse(input), MessageBody: '' }))
      return 'forward'
    },
  })
  environments = await createEnvironments(world)
  closers.push(environments.remove, sqs.close, () => world.close(), brand.close, dark.close, bots.close)
})
afterAll(async () => {
  for (const close of closers) await close()
})

/**
 * Makes a service of LivePerson fail until the returned function is called. The answer contains a marked
 * text.
 */
const fail = (
  service: 'conversation' | 'send' | 'idp' | 'sentinel' | 'domain',
  status: number,
  body?: unknown,
) =>
  world.livePerson.faults.add({
    service,
    kind: 'status',
    status,
    times: Number.POSITIVE_INFINITY,
    body: JSON.stringify(body ?? { error: of('Upstream'), error_description: of('Upstream') }),
  })

const during = async <T>(stop: () => void, act: () => Promise<T>): Promise<T> => {
  try {
    return await act()
  } finally {
    stop()
  }
}

test('every personal member of a request is marked, except those with only a few values', () => {
  expect(unmarked).toEqual([
    'engagementAttributes[].info.companySize',
    'engagementAttributes[].info.lastPaymentDate.day',
    'engagementAttributes[].info.lastPaymentDate.month',
    'engagementAttributes[].info.lastPaymentDate.year',
    'engagementAttributes[].info.registrationDate.day',
    'engagementAttributes[].info.registrationDate.month',
    'engagementAttributes[].info.registrationDate.year',
    'engagementAttributes[].info.loginStatus',
    'engagementAttributes[].personal.age.age',
    'engagementAttributes[].personal.age.year',
    'engagementAttributes[].personal.age.month',
    'engagementAttributes[].personal.age.day',
    'engagementAttributes[].personal.contacts[].phoneType',
    'engagementAttributes[].personal.contacts[].address.country',
    'engagementAttributes[].personal.gender',
    'engagementAttributes[].personal.language',
  ])
})

describe('no output contains personal data or secrets', () => {
  test('of the form door', async () => {
    const open = await start({ consumers: 'both', tokens: brand.tokens })
    const said: string[] = []
    const say = async (...args: Parameters<typeof submit>) => said.push(await submit(...args))
    const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' }

    const first = form()
    await say(open, first)
    await say(open, first)
    await say(open, { ...first, message: `${of('message')} again` })
    await say(open, form(), await signedIn())
    const returning = { sub: `${of('Sub')}-returning` }
    await say(open, form({ message: undefined }), await signedIn(returning))
    await say(open, form(), await signedIn(returning))
    await say(
      open,
      `route=help&consumer.firstName=${of('consumer.firstName')}&message=${of('message')}`,
      urlencoded,
    )
    expect(said.splice(0)).toEqual([
      '201 opened',
      '200 opened',
      '422 request_id_reused',
      '201 opened',
      '201 opened',
      '200 existing',
      '201 opened',
    ])

    await say(open, form({ consumer: { ...profile, id: of('consumer.id') } }))
    await say(open, form({ consumer: { ...profile, avatarUrl } }))
    await say(open, form({ engagementAttributes: attributesOf('ctmrinfo') }))
    await say(open, form({ engagementAttributes: attributesOf('personal') }))
    await say(open, form({ nickname: of('consumer.firstName') }))
    await say(
      open,
      form({ consumer: { firstName: [of('consumer.firstName')], email: { x: of('consumer.email') } } }),
    )
    await say(open, form({ context: { lang: of('Junk') }, ttr: of('Junk') }))
    await say(open, JSON.stringify(form()).slice(0, -3))
    await say(open, `{"message":"${of('message')}","message":"${of('message')}"}`)
    await say(
      open,
      `consumer=${of('consumer.firstName')}&consumer.firstName=${of('consumer.firstName')}`,
      urlencoded,
    )
    await say(open, `message=${of('message')}%FF`, urlencoded)
    await say(open, form(), { 'idempotency-key': `${of('Junk')} ${of('consumer.email')}@x` })
    await say(open, form({ 'cf-turnstile-response': of('BotToken') }))
    await say(open, form({ route: of('Junk') }))
    expect(new Set(said)).toEqual(new Set(['400 invalid_request']))
    said.length = 0

    await say(open, form(), await signedIn({ exp: 1 }))
    await say(open, form(), await signedIn({ iss: of('Junk') }))
    await say(open, form(), await signedIn({ aud: of('Junk') }))
    await say(open, form(), await signedIn({ sub: { [of('Junk')]: of('GivenName') } }))
    await say(open, form(), await signedIn({ lp_sdes: [{ type: 'ctmrinfo', info: { [of('Junk')]: 1 } }] }))
    await say(open, form(), await signedIn({ lp_sdes: [{ type: of('Junk') }] }))
    await say(open, form(), await signedIn({}, dark))
    await say(open, form(), { authorization: `Basic ${Buffer.from(of('Junk')).toString('base64')}` })
    await say(open, form(), { authorization: `Bearer ${of('Junk')}` })
    expect(new Set(said)).toEqual(new Set(['401 consumer_token_invalid']))
    said.length = 0

    await say(open, form(), { origin: `https://${of('Junk')}.example` })
    await say(open, form({ route: 'crm' }))
    await say(open, form({ message: of('message').repeat(1000) }))
    await say(open, form(), { 'content-type': `text/${of('Junk')}` })
    await say(open, form({ route: undefined, campaign: { campaignId: '9', engagementId: '9' } }))
    expect(said.splice(0)).toEqual([
      '403 origin_not_allowed',
      '403 campaign_not_allowed',
      '413 payload_too_large',
      '415 unsupported_media_type',
      '422 liveperson_rejected',
    ])

    // A new container each, so that no circuit breaker is open.
    const both = { consumers: 'both', tokens: brand.tokens }
    const sayDuring = (stop: () => void, headers: Readonly<Record<string, string>> = {}) =>
      during(stop, async () => say(await start(both), form(), headers))
    const fault = (kind: 'reset-after' | 'silence' | 'html') =>
      world.livePerson.faults.add({ service: 'conversation', kind, times: 5 })
    await sayDuring(fail('conversation', 400, [{ code: 'BAD_REQUEST', body: { msg: of('Upstream') } }]))
    await sayDuring(fail('conversation', 400, [{ code: of('Upstream'), body: { msg: of('Upstream') } }]))
    await sayDuring(fail('conversation', 503))
    await sayDuring(fail('conversation', 429))
    await sayDuring(fail('idp', 400))
    await sayDuring(fail('send', 429))
    await sayDuring(fail('send', 500))
    await sayDuring(fault('reset-after'), await signedIn())
    await sayDuring(fault('silence'), await signedIn())
    await sayDuring(fault('html'))
    world.livePerson.revokeAppTokens()
    world.livePerson.revokeConsumerTokens()
    await say(open, form(), await signedIn(returning))
    world.livePerson.setHost('idp', 'idp.evil.example')
    answers.push(await open.refresh())
    world.livePerson.setHost('idp', undefined)
    expect(said).toEqual([
      '202 queued',
      '202 queued',
      '202 queued',
      '202 queued',
      '202 queued',
      '201 opened',
      '201 opened',
      '202 queued',
      '202 queued',
      '202 queued',
      '200 existing',
    ])
    answers.push(
      // A valid id is echoed and logged, as in every other call. Whatever isn't one is neither.
      await open.askStatus(`${of('Junk')}/`),
      await open.askStatus(`${of('consumer.email')}@example.org`),
    )
  }, 90_000)

  test('of the form door with a bot check, and with a missing part of the service', async () => {
    const gone = `${world.sqs.url}/000000000000/gone`
    const botCheck = { verifyUrl: bots.verifyUrl, hostnames: ['www.example.com'] }
    const guarded = await start({ botCheck })
    const said: string[] = []
    const say = async (...args: Parameters<typeof submit>) => said.push(await submit(...args))
    const solved = form({ 'cf-turnstile-response': `solved-${of('BotToken')}` })
    await say(guarded, solved)
    await say(guarded, solved)
    await say(guarded, form({ 'h-captcha-response': `solved-${of('BotToken')}` }))
    await say(guarded, form(), { authorization: `Bearer ${of('Junk')}` })
    bots.state.mode = 'html'
    await say(guarded, form({ 'cf-turnstile-response': of('BotToken') }))
    bots.state.mode = 'secret'
    await say(guarded, form({ 'cf-turnstile-response': of('BotToken') }))

    const lost = await start({ consumers: 'both', tokens: dark.tokens }, { HANDOVER_QUEUE_URL: gone })
    await say(lost, form(), await signedIn({}, dark))
    await during(fail('conversation', 503), async () => say(lost, form()))
    world.livePerson.revokeAppTokens()
    await during(fail('sentinel', 401), async () => say(lost, form()))
    await say(await start({}, { STATE_TABLE: 'gone', HANDOVER_QUEUE_URL: gone }), form())
    await say(await start({}, { SECRET_ID_PREFIX: 'gone' }), form())
    await say(await start({}, { CONFIG_FILE: '/nowhere.json' }), form())
    expect(said).toEqual([
      '201 opened',
      '200 opened',
      '403 bot_check_failed',
      '401 consumer_token_invalid',
      '503 service_unavailable',
      '500 invalid_config',
      '503 service_unavailable',
      '503 liveperson_unavailable',
      '503 credentials_refused',
      '503 service_unavailable',
      '202 queued',
      '500 invalid_config',
    ])
  })

  test('of the queue, including hand-overs, and of the refresh', async () => {
    const container = await start({ consumers: 'both', tokens: brand.tokens })
    const handedOver = (await messagesOf(world.sqs.handOverQueueUrl)).map(({ body }) =>
      toRecord(body, { queue: 'handOver' }),
    )
    expect(handedOver.length).toBe(10)
    // The answer that told the id of this conversation was lost, so its message waits for the id.
    const left = await container.deliver(handedOver)
    expect(left).toHaveLength(1)
    await container.advance(16 * 60_000)
    expect(await container.deliver(handedOver.filter(({ messageId }) => left.includes(messageId)))).toEqual(
      [],
    )

    const sent = event()
    const good = [
      sent,
      event({ message: undefined }),
      { Type: 'Notification', MessageId: newId(), Message: JSON.stringify(event()) },
      { id: newId(), 'detail-type': 'x', source: 'crm', detail: event() },
    ].map((body) => toRecord(body))
    expect(await container.deliver(good)).toEqual([])
    expect(await container.deliver(good)).toEqual([])

    const bad = [
      { ...sent, message: `${of('message')} again` },
      of('Junk'),
      JSON.stringify(event()).slice(0, -3),
      event({
        nickname: of('consumer.firstName'),
        [`${of('consumer.email')}@example.org`]: of('consumer.firstName'),
      }),
      event({ route: of('Junk') }),
      event({ route: 'help' }),
      event({ consumer: { id: `${of('consumer.id')}\n` } }),
      event({ accountId: of('Junk').slice(0, 30) }),
      event({ route: undefined, campaign: { campaignId: '9', engagementId: '9' } }),
      { handedOver: { request: event(), consumerId: of('consumer.id') } },
    ].map((body) => toRecord(body))
    expect(await container.deliver(bad)).toEqual([])
    const unreadable = [of('Junk'), { handedOver: { request: event(), consumerId: of('consumer.id') } }].map(
      (body) => toRecord(body, { queue: 'handOver' }),
    )
    expect(await container.deliver(unreadable)).toEqual([])
    expect(await messagesOf(world.sqs.quarantineQueueUrl)).toHaveLength(bad.length + unreadable.length)

    for (const stop of [
      () => fail('conversation', 400, { code: of('Upstream'), msg: of('Upstream') }),
      () => fail('conversation', 503),
      () => fail('idp', 503),
      () => fail('send', 429),
    ]) {
      const record = toRecord(event())
      const other = await start({})
      const left = await during(stop(), () => other.deliver([record]))
      expect(left).toEqual([record.messageId])
      // Too old: given up, with the last reason.
      const old = toRecord(event(), { sentAt: Date.now() - 80 * 3_600_000 })
      expect(await during(stop(), () => other.deliver([old]))).toEqual([])
    }
    expect((await messagesOf(world.sqs.quarantineQueueUrl)).length).toBeGreaterThan(
      bad.length + unreadable.length,
    )
    const lost = await start({}, { STATE_TABLE: 'gone', QUARANTINE_QUEUE_URL: `${world.sqs.url}/0/gone` })
    const records = [toRecord(event()), toRecord(of('Junk'))]
    expect((await lost.deliver(records)).toSorted()).toEqual(
      records.map(({ messageId }) => messageId).toSorted(),
    )

    answers.push(await container.refresh())
    answers.push(await during(fail('domain', 500), () => container.refresh()))
    expect(answers.slice(-2).map(({ statusCode }) => statusCode)).toEqual([200, 502])
  })

  test('of LivePerson, which returns it in ids, headers and error bodies', async () => {
    const said: string[] = []
    /** A person's name, where LivePerson's own ids are expected. */
    const name = `Zo\u00eb ${of('Upstream')} \u00d8sterg\u00e5rd`
    const headers = {
      ...Object.fromEntries(
        ['x-request-id', 'location', 'www-authenticate', 'retry-after', 'set-cookie', 'x-lp-consumer'].map(
          (header) => [header, of('Upstream')],
        ),
      ),
      'content-type': `application/json; name=${of('Upstream')}`,
    }
    const answerWith = (service: 'conversation' | 'send' | 'idp' | 'sentinel' | 'domain') => ({
      as: (status: number, body: unknown) =>
        world.livePerson.faults.add({
          service,
          kind: 'status',
          status,
          times: Number.POSITIVE_INFINITY,
          body: JSON.stringify(body),
          headers,
        }),
    })
    // A new container each, so that no circuit breaker is open and no token is cached.
    const say = (stop: () => void) =>
      during(stop, async () => said.push(await submit(await start({}), form())))
    const opened = (conversationId: unknown) =>
      answerWith('conversation').as(200, [
        { code: 'OK', body: {}, reqId: name },
        { code: 'OK', body: { conversationId }, reqId: name },
      ])
    const identified = (claims: object) =>
      world.livePerson.faults.add({
        service: 'idp',
        kind: 'status',
        status: 200,
        times: Number.POSITIVE_INFINITY,
        headers,
        body: JSON.stringify({ token: new UnsecuredJWT({ ...claims }).encode() }),
      })
    const body = { code: of('Upstream'), error: name, error_description: name, msg: name, user: { name } }

    await say(opened(name))
    await say(opened(`<script>${of('Upstream')}</script>`))
    await say(opened(`${of('Upstream')}`.repeat(20_000)))
    await say(opened({ name }))
    await say(answerWith('conversation').as(400, body))
    await say(answerWith('conversation').as(200, body))
    await say(answerWith('conversation').as(503, [body]))
    await say(answerWith('send').as(400, body))
    await say(answerWith('send').as(200, [{ ...body, reqId: name, body: { sequence: name } }]))
    const requestId = newId()
    const signed = { sub: `${of('Sub')}-${requestId}` }
    const stopConversations = opened('conversation-of-nobody')
    await during(identified({ ext_consumer_id: signed.sub, lp_consumer_id: name }), async () => {
      const both = await start({ consumers: 'both', tokens: brand.tokens })
      said.push(await submit(both, form({ requestId }), await signedIn(signed)))
    })
    stopConversations()
    await say(identified({ ext_consumer_id: name, lp_consumer_id: name }))
    await say(answerWith('idp').as(403, body))
    await say(answerWith('sentinel').as(403, body))
    await say(answerWith('sentinel').as(200, body))
    expect(said.splice(0)).toEqual([
      ...Array(7).fill('202 queued'),
      ...Array(2).fill('201 opened'),
      ...Array(5).fill('202 queued'),
    ])

    const refresh = async (stop: () => void) =>
      during(stop, async () => answers.push(await (await start({})).refresh()))
    const hosts = (host: string) =>
      answerWith('domain').as(200, {
        baseURIs: ['sentinel', 'idp', 'asyncMessagingEnt'].map((service) => ({
          service,
          baseURI: host,
          name,
        })),
      })
    await refresh(hosts(`${of('Upstream')}.evil.example`))
    await refresh(hosts(name))
    await refresh(answerWith('domain').as(500, body))
    expect(answers.slice(-3).map(({ statusCode }) => statusCode)).toEqual([502, 502, 502])
  }, 60_000)

  test('of anonymous forms under authenticatedData, where agents trust it', async () => {
    const told = bodiesOfAnonymous()
    expect(told.length).toBeGreaterThan(10)
    for (const name of ['consumer.firstName', 'consumer.email', 'consumer.phone'])
      expect(
        findMarks({ told: told.map((body) => JSON.stringify(body)) }, { [name]: of(name) }),
      ).toHaveLength(1)
    expect(findMarks({ authenticated: told.map(authenticatedIn) }, marks)).toEqual([])

    const allowed = await start({ anonymousAttributes: 'allowed' })
    const before = told.length
    const attributes = attributesOf('personal')
    expect(await submit(allowed, form({ engagementAttributes: attributes }))).toBe('201 opened')
    const shown = bodiesOfAnonymous().slice(before)
    const found = findMarks({ authenticated: shown.map(authenticatedIn) }, memberMarks)
    expect(found.map(({ mark }) => mark)).toEqual(
      Object.keys(memberMarks).filter((name) => name.startsWith('engagementAttributes[].personal')),
    )
  })

  test('and every output was searched for every mark', async () => {
    const outputs = await collect()
    const all = { ...marks, ...livePersonTokens() }
    expect(Object.keys(all).length).toBeGreaterThan(80)
    for (const texts of Object.values(outputs)) expect(texts.length).toBeGreaterThan(10)
    expect(findMarks(outputs, all)).toEqual([])
    expect(outputs['queue attributes']?.join()).toContain(`"MessageGroupId":"${ACCOUNT}-form"`)
    const table = outputs.table?.join()
    for (const attribute of ['facts', 'fingerprint', 'consumerId', 'messageCode', 'openedBy'])
      expect(table).toContain(`"${attribute}":`)

    const bodies = [
      ...world.livePerson.requests().map(({ body }) => body),
      ...(await messagesOf(world.sqs.quarantineQueueUrl)).map(({ body }) => body),
      ...bots.bodies,
    ]
    const reached = new Set(findMarks({ bodies }, marks).map(({ mark }) => mark))
    // LivePerson's own texts, an unused header, and an unused account.
    const never = Object.keys(marks).filter((name) => !reached.has(name) && !name.startsWith('Tokencanary'))
    expect(never).toEqual(['Upstream', 'UserAgent', 'ClientSecret1', 'ClientId1'])
  })
})

describe('a leak is found', () => {
  test('in the log, a metric, a response, the table, a queue attribute and a URL', async () => {
    const planted = Object.fromEntries(
      ['log', 'table', 'queue attributes', 'urls'].map((kind) => [kind, makeMark('Planted')]),
    )
    const leaky = await startContainer(
      { openFromForm: new URL('leaky-handler.ts', import.meta.url).href },
      await environments.of({}),
    )
    containers.push(leaky)
    closers.unshift(leaky.stop)
    answers.push(await leaky.submit({ firstName: planted.log }))

    const dynamoDb = new DynamoDBClient({ ...sdk, endpoint: world.dynamoDb.url })
    const Item = { pk: { S: 'leak' }, name: { S: planted.table ?? '' } }
    await dynamoDb.send(new PutItemCommand({ TableName: world.dynamoDb.stateTable, Item }))
    dynamoDb.destroy()
    const sqs = new SQSClient({ ...sdk, endpoint: world.sqs.url })
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: world.sqs.quarantineQueueUrl,
        MessageBody: 'x',
        MessageAttributes: { name: { DataType: 'String', StringValue: planted['queue attributes'] } },
      }),
    )
    sqs.destroy()
    await fetch(`${world.livePerson.url}/api/account/${ACCOUNT}/x?secret=${planted.urls}`)

    const outputs = await collect()
    expect(findMarks(outputs, planted)).toEqual([
      { kind: 'log', mark: 'log' },
      { kind: 'metrics', mark: 'log' },
      { kind: 'table', mark: 'table' },
      { kind: 'queue attributes', mark: 'queue attributes' },
      { kind: 'answers', mark: 'log' },
      { kind: 'urls', mark: 'urls' },
    ])
  })

  test.each([
    ['in plain text', (mark: string) => `{"name":"${mark}"}`],
    ['in upper case', (mark: string) => mark.toUpperCase()],
    ['in base64', (mark: string) => Buffer.from(mark).toString('base64')],
    ['in base64, after one character', (mark: string) => Buffer.from(`x${mark}yz`).toString('base64')],
    ['in base64url, after two characters', (mark: string) => Buffer.from(`xy${mark}z`).toString('base64url')],
    ['in hex', (mark: string) => Buffer.from(mark).toString('hex')],
    ['in a URL', (mark: string) => encodeURIComponent(`${mark}@example.org`)],
  ])('%s', (_, write) => {
    const mark = makeMark('Planted')
    expect(findMarks({ log: ['', write(mark)] }, { mark })).toEqual([{ kind: 'log', mark: 'mark' }])
    expect(findMarks({ log: [write(makeMark('Planted'))] }, { mark })).toEqual([])
  })
})
