import { createHash } from 'node:crypto'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createHandler as createStatusHandler } from '../../functions/conversation-status.ts'
import { createHandler as createFormHandler } from '../../functions/open-from-form.ts'
import { createPatientService, drain } from '../support/drain.ts'
import {
  ACCOUNT,
  bodyOf,
  deliver,
  formEvent,
  ORDER_HELP,
  OTHER_ACCOUNT,
  type Service,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../support/world.ts'
import { type IdentityProvider, startIdentityProvider } from './third-parties.ts'

const OTHER_HELP = { campaignId: '4120045610', engagementId: '4120047710' }

let world: World
let brand: IdentityProvider
let serial = 0

beforeAll(async () => {
  world = await startWorld()
  brand = await startIdentityProvider('https://id.example.com/')
})
afterAll(() => Promise.all([world.close(), brand.close()]))
afterEach(async () => {
  world.livePerson.faults.clear()
  world.livePerson.reset()
  await world.receiveHandOvers()
  await world.receiveQuarantine()
})

const createService = (): Service =>
  createPatientService(world, {
    stage: {
      accounts: [
        {
          accountId: ACCOUNT,
          form: { consumers: 'both', tokens: brand.tokens },
          routes: { help: { ...ORDER_HELP, doors: ['form', 'queue'] } },
        },
        {
          accountId: OTHER_ACCOUNT,
          routes: { 'other-help': { ...OTHER_HELP, doors: ['form'] } },
        },
      ],
    },
  })

const newId = () => `ids-${process.pid}-${++serial}`
const signedIn = async (sub = 'crm-8841') => ({
  headers: { authorization: `Bearer ${await brand.sign({ sub })}` },
})
/** LivePerson answers 503 until the returned function is called. */
const away = () =>
  world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 1e9 })

type Answer = APIGatewayProxyStructuredResultV2

/** Asks for a status by the address of a `Location`. */
const follow = async (service: Service, location: unknown): Promise<Answer> => {
  const { pathname, searchParams } = new URL(String(location), 'https://api.example.com')
  return get(service, decodeURIComponent(pathname.split('/').at(-1) ?? ''), Object.fromEntries(searchParams))
}

const get = async (service: Service, requestId: string, query?: Record<string, string>): Promise<Answer> =>
  (await createStatusHandler(() => service)(
    {
      pathParameters: { requestId },
      ...(query && { queryStringParameters: query }),
    } as unknown as APIGatewayProxyEventV2,
    { getRemainingTimeInMillis: () => 10_000 } as Context,
  )) as Answer

const locationOf = (answer: Answer): string => String(answer.headers?.location)
const holderIn = (answer: Answer): string | null =>
  new URL(locationOf(answer), 'https://api.example.com').searchParams.get('holder')
const keyHash = (key: string) => createHash('sha256').update(key).digest('hex')

describe('one request id at two accounts', () => {
  test('each of the two senders is told its own outcome', async () => {
    const service = createService()
    const requestId = newId()
    const first = await submit(service, { requestId, route: 'help' })
    expect(first.statusCode).toBe(201)
    away()
    const second = await submit(service, { requestId, route: 'other-help' })
    expect(second.statusCode).toBe(202)
    expect(bodyOf(second)).toEqual({ requestId, status: 'queued' })
    const told = bodyOf(await follow(service, locationOf(second)))
    expect(told.status).toBe('queued')
    expect(told.conversationId).toBeUndefined()
  })

  test('without a holder, the oldest is shown, whichever account is listed first', async () => {
    const service = createService()
    const requestId = newId()
    const oldest = await submit(service, { requestId, route: 'other-help' })
    world.livePerson.clock.advance(1)
    const newest = await submit(service, { requestId, route: 'help' })
    expect([oldest.statusCode, newest.statusCode]).toEqual([201, 201])
    const { conversationId } = bodyOf(await get(service, requestId))
    expect(conversationId).toBe(bodyOf(oldest).conversationId)
    expect(conversationId).not.toBe(bodyOf(newest).conversationId)
  })
})

describe('one request id of two kinds of sender', () => {
  test('an anonymous form can’t take a signed-in consumer’s id', async () => {
    const service = createService()
    const body = { requestId: newId(), route: 'help', message: 'My order is late' }
    const anonymous = await submit(service, { ...body, message: 'I was here first' })
    const token = await submit(service, body, await signedIn())
    expect([anonymous.statusCode, token.statusCode]).toEqual([201, 201])
    expect(bodyOf(token).conversationId).not.toBe(bodyOf(anonymous).conversationId)
  })

  test('a signed-in consumer can’t take an anonymous form’s id', async () => {
    const service = createService()
    const body = { requestId: newId(), route: 'help' }
    const token = await submit(service, body, await signedIn())
    const anonymous = await submit(service, body)
    expect([token.statusCode, anonymous.statusCode]).toEqual([201, 201])
  })

  test('an anonymous form doesn’t learn what became of a signed-in one with the same content', async () => {
    const service = createService()
    const body = { requestId: newId(), route: 'help', message: 'My order is late' }
    const token = bodyOf(await submit(service, body, await signedIn()))
    expect(bodyOf(await submit(service, body)).conversationId).not.toBe(token.conversationId)
  })

  test('two signed-in consumers share a namespace, but not a request', async () => {
    const service = createService()
    const body = { requestId: newId(), route: 'help' }
    await submit(service, body, await signedIn('crm-1'))
    const other = await submit(service, body, await signedIn('crm-2'))
    expect([other.statusCode, bodyOf(other).code]).toEqual([422, 'request_id_reused'])
  })

  test('a form can’t take a CRM event’s id', async () => {
    const service = createService()
    const body = { requestId: newId(), route: 'help' }
    await submit(service, body)
    await submit(service, body, await signedIn())
    const event = { ...body, consumer: { id: 'crm-20731' } }
    expect(await deliver(service, [toRecord(event)])).toEqual({ batchItemFailures: [] })
    expect(world.livePerson.conversations()).toHaveLength(3)
    expect(await world.receiveQuarantine()).toEqual([])
  })

  test('each hand-over keeps its kind, so both are opened and told apart', async () => {
    const service = createService()
    const body = { requestId: newId(), route: 'help' }
    const isBack = away()
    const anonymous = await submit(service, body)
    const token = await submit(service, body, await signedIn())
    expect([anonymous.statusCode, token.statusCode]).toEqual([202, 202])
    expect(holderIn(anonymous)).not.toBe(holderIn(token))
    isBack()
    await drain(world, createService)
    const [one, two] = [
      await follow(service, locationOf(anonymous)),
      await follow(service, locationOf(token)),
    ]
    expect([bodyOf(one).status, bodyOf(two).status]).toEqual(['opened', 'opened'])
    expect(bodyOf(one).conversationId).not.toBe(bodyOf(two).conversationId)
  })

  test('an unreadable hand-over closes its own request only', async () => {
    const service = createService()
    const body = { requestId: newId(), route: 'help' }
    away()
    const anonymous = await submit(service, body)
    const token = await submit(service, body, await signedIn())
    const handOvers = (await world.receiveHandOvers()).map((text) => JSON.parse(text))
    const broken = handOvers.find(({ handedOver }) => handedOver.vouchedBy === 'nobody')
    broken.handedOver.facts = 'of another version'
    await deliver(service, [toRecord(broken, { queue: 'handOver' })])
    expect(bodyOf(await follow(service, locationOf(anonymous))).status).toBe('failed')
    expect(bodyOf(await follow(service, locationOf(token))).status).toBe('queued')
  })
})

describe('a holder', () => {
  /** Submits a form that is queued. */
  const queued = async (service: Service, requestId = newId()) => {
    away()
    const event = formEvent({ requestId, route: 'help' })
    const context = { getRemainingTimeInMillis: () => 15_000 } as Context
    return (await createFormHandler(() => service)(event, context)) as Answer
  }

  test('is the start of the SHA-256 of the item’s key, and the body has no more than before', async () => {
    const service = createService()
    const requestId = newId()
    const answer = await queued(service, requestId)
    const holder = keyHash(`request#${ACCOUNT}#form#nobody#${requestId}`).slice(0, 16)
    expect(locationOf(answer)).toBe(`conversations/${requestId}?holder=${holder}`)
    expect(bodyOf(answer)).toEqual({ requestId, status: 'queued' })
    const token = await submit(service, { requestId, route: 'help' }, await signedIn())
    expect(holderIn(token)).toBe(keyHash(`request#${ACCOUNT}#form#token#${requestId}`).slice(0, 16))
  })

  test('leads to its request in one read', async () => {
    const service = createService()
    const answer = await queued(service)
    const reads: (readonly string[])[] = []
    const watched = createPatientService(world, {
      table: {
        ...service.table,
        getMany: (pks) => {
          reads.push(pks)
          return service.table.getMany(pks)
        },
      },
    })
    expect(bodyOf(await follow(watched, locationOf(answer))).status).toBe('queued')
    expect(reads.map((pks) => pks.length)).toEqual([1])
  })

  const wrong: [string, (id: string, right: string) => string][] = [
    ['is empty', () => ''],
    ['is random', () => '0123456789abcdef'],
    ['is in capitals', (_, right) => right.toUpperCase().replace(/^[0-9]+$/, 'X')],
    ['is one character short', (_, right) => right.slice(0, 15)],
    ['is the whole hash', (id) => keyHash(`request#${ACCOUNT}#form#nobody#${id}`)],
    ['is given twice', (_, right) => `${right},${right}`],
    ['is that of a signed-in consumer', (id) => keyHash(`request#${ACCOUNT}#form#token#${id}`).slice(0, 16)],
    [
      'is that of another account',
      (id) => keyHash(`request#${OTHER_ACCOUNT}#form#nobody#${id}`).slice(0, 16),
    ],
    ['is that of an unknown account', (id) => keyHash(`request#70000000#form#nobody#${id}`).slice(0, 16)],
    ['is that of another id', () => keyHash(`request#${ACCOUNT}#form#nobody#another-id`).slice(0, 16)],
    ['is the key itself', (id) => `request#${ACCOUNT}#form#nobody#${id}`],
  ]
  test.each(wrong)('that %s finds nothing', async (_, make) => {
    const service = createService()
    const requestId = newId()
    const right = holderIn(await queued(service, requestId)) ?? ''
    expect((await get(service, requestId, { holder: right })).statusCode).toBe(200)
    const answer = await get(service, requestId, { holder: make(requestId, right) })
    expect([answer.statusCode, bodyOf(answer).code]).toEqual([404, 'not_found'])
  })

  test('of a CRM event finds nothing', async () => {
    const service = createService()
    const requestId = newId()
    await deliver(service, [toRecord({ requestId, route: 'help', consumer: { id: 'crm-1' } })])
    for (const kind of ['crm', 'nobody', 'token']) {
      const holder = keyHash(`request#${ACCOUNT}#queue#${kind}#${requestId}`).slice(0, 16)
      expect((await get(service, requestId, { holder })).statusCode).toBe(404)
    }
    expect((await get(service, requestId)).statusCode).toBe(404)
  })

  test('of an id with a colon leads to it', async () => {
    const service = createService()
    const answer = await queued(service, `${newId()}:a.b_c`)
    expect((await follow(service, locationOf(answer))).statusCode).toBe(200)
  })
})

test('ids that the service makes have 122 random bits each', async () => {
  const service = createService()
  const ids = new Set<string>()
  for (let index = 0; index < 20; index++) {
    const { requestId } = bodyOf(await submit(service, { route: 'help' }))
    expect(requestId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    ids.add(requestId)
  }
  expect(ids.size).toBe(20)
  const bytes = [...ids].map((id) => id.replaceAll('-', ''))
  const random = [...Array(32).keys()].filter((at) => at !== 12 && at !== 16)
  // Each hex digit varies: none of them is a counter's, a clock's or a machine's.
  expect(random.filter((at) => new Set(bytes.map((id) => id[at])).size < 4)).toEqual([])
})
