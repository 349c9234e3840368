import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createOutbound, type Outbound } from '../../lib/net/outbound.ts'
import { system } from '../../lib/service/seams.ts'
import { captureOutput } from '../lib/telemetry/output.ts'
import { drain } from '../support/drain.ts'
import { createRandom } from '../support/random.ts'
import {
  ACCOUNT,
  askStatus,
  bodyOf,
  deliver,
  ORDER_HELP,
  OTHER_ACCOUNT,
  type Service,
  startWorld,
  submit,
  toRecord,
  type World,
  withoutWaits,
} from '../support/world.ts'
import {
  type BotCheckProvider,
  type IdentityProvider,
  startBotCheckProvider,
  startIdentityProvider,
} from './third-parties.ts'

type Answer = APIGatewayProxyStructuredResultV2

const FIELD = 'cf-turnstile-response'
const OTHER_HELP = { campaignId: '4120045610', engagementId: '4120047710' }

let world: World
let bots: BotCheckProvider
let brand: IdentityProvider
let serial = 0

beforeAll(async () => {
  world = await startWorld()
  bots = await startBotCheckProvider('bot-secret')
  brand = await startIdentityProvider('https://id.example.com/')
  for (const account of [ACCOUNT, OTHER_ACCOUNT])
    world.secretsManager.put(`campaign-conversations/test/${account}/bot-check`, { secret: 'bot-secret' })
})
afterAll(() => Promise.all([world.close(), bots.close(), brand.close()]))
afterEach(async () => {
  vi.restoreAllMocks()
  world.livePerson.faults.clear()
  world.livePerson.reset()
  await world.receiveHandOvers()
  await world.receiveQuarantine()
})

const stage = () => {
  const botCheck = { verifyUrl: bots.verifyUrl, hostnames: ['www.example.com'] }
  return {
    accounts: [
      {
        accountId: ACCOUNT,
        form: { consumers: 'both', tokens: brand.tokens, botCheck },
        routes: { help: { ...ORDER_HELP, doors: ['form', 'queue'] } },
      },
      {
        accountId: OTHER_ACCOUNT,
        form: { botCheck },
        routes: { 'other-help': { ...OTHER_HELP, doors: ['form'] } },
      },
    ],
  }
}

type Options = Parameters<World['createService']>[0]
const createService = (options: Options = {}): Service => {
  const service = world.createService({ stage: stage(), ...options })
  return options.queues
    ? service
    : world.createService({ stage: stage(), ...options, queues: withoutWaits(service.queues) })
}
/** A container whose waits take no time. */
const hasty = (options: Options = {}) => createService({ sleep: async () => undefined, ...options })

const newId = () => `challenges-${process.pid}-${++serial}`
const solved = () => ({ [FIELD]: `solved-${newId()}` })
const form = (members: object = {}) => ({
  requestId: newId(),
  route: 'help',
  message: 'Call 0151 2345',
  ...solved(),
  ...members,
})
const codeOf = ({ statusCode, body = '' }: Answer) => [statusCode, JSON.parse(body).code]
const REFUSED = [403, 'bot_check_failed']
const creates = () => world.livePerson.requests({ service: 'conversation' }).length
const away = (fault: object = { kind: 'status', status: 503 }) =>
  world.livePerson.faults.add({ service: 'conversation', times: 1e9, ...fault } as Parameters<
    World['livePerson']['faults']['add']
  >[0])
const keyOf = (requestId: string, account = ACCOUNT) => `request#${account}#form#nobody#${requestId}`

/** Delays the provider's verdicts after the provider has given them. */
const delayedBy = (delayMs: () => number): Outbound => {
  const outbound = createOutbound()
  return async (request) => {
    const result = await outbound(request)
    if (request.url === bots.verifyUrl) await system.sleep(delayMs())
    return result
  }
}

describe('one filled form, clicked several times', () => {
  test('gets one conversation and only success answers: 24 runs of 5 clicks', async () => {
    const random = createRandom('clicks')
    const outbound = delayedBy(() => random.next() * 900)
    const containers = Array.from({ length: 5 }, () => createService({ outbound }))
    await Promise.all(containers.map(({ warm }) => warm()))
    /** Each click meets another container, and each verdict takes its own time. */
    const click = async () => {
      const body = form()
      const answers = await Promise.all(
        containers.map(async (container, index) => {
          await system.sleep(index * random.next() * 80)
          return submit(container, body)
        }),
      )
      return {
        said: answers.map(({ statusCode, body }) => `${statusCode} ${JSON.parse(body ?? '').code ?? ''}`),
        ids: new Set(answers.flatMap((answer) => bodyOf(answer).conversationId ?? [])),
      }
    }
    for (let round = 0; round < 6; round++)
      for (const { said, ids } of await Promise.all(Array.from({ length: 4 }, click))) {
        expect(said.filter((status) => !status.startsWith('20'))).toEqual([])
        expect(said.filter((status) => status.startsWith('201'))).toHaveLength(1)
        expect(ids.size).toBe(1)
      }
    expect(world.livePerson.conversations()).toHaveLength(24)
  }, 60_000)

  test('waits as long as the verdict of the first click may take', async () => {
    const body = form()
    const slow = createService({ outbound: delayedBy(() => 2800) })
    const first = submit(slow, body)
    await system.sleep(100)
    const copy = submit(createService(), body)
    expect((await Promise.all([first, copy])).map(({ statusCode }) => statusCode)).toEqual([201, 200])
  }, 15_000)

  test('is one request again after a retry with a new challenge', async () => {
    const body = form()
    const service = hasty()
    const retry = { ...body, ...solved() }
    expect((await submit(service, body)).statusCode).toBe(201)
    expect((await submit(service, retry)).statusCode).toBe(200)
    for (const copy of [body, retry]) expect((await submit(service, copy)).statusCode).toBe(200)
    expect(world.livePerson.conversations()).toHaveLength(1)
  })
})

describe('without a fresh challenge', () => {
  const TRIES: readonly [string, () => Promise<object>][] = [
    ['without a challenge', async () => ({ [FIELD]: undefined })],
    ['with an empty challenge', async () => ({ [FIELD]: '' })],
    ['with a guessed challenge', async () => ({ [FIELD]: 'guessed' })],
    [
      'with a challenge that another request has spent',
      async () => {
        const other = form()
        await submit(hasty(), other)
        return { [FIELD]: other[FIELD] }
      },
    ],
    ['with a challenge that was solved elsewhere', async () => ({ [FIELD]: `solved-elsewhere-${newId()}` })],
  ]

  const linesOf = captureOutput()
  const guessesIn = (lines: readonly unknown[]) =>
    lines.filter((line) => JSON.stringify(line).includes('"known_request_guessed"')).length

  test.each(TRIES)('a right and a wrong guess get the same answer: %s', async (_, make) => {
    const victim = form()
    await submit(hasty(), victim)
    const seen: unknown[] = []
    for (const message of [victim.message, 'Call 0151 9999', victim.message]) {
      const members = await make()
      const service = hasty()
      const reads = vi.spyOn(service.table, 'get')
      linesOf()
      const { statusCode, headers, body } = await submit(service, { ...victim, message, ...members })
      seen.push({ statusCode, headers, body, reads: reads.mock.calls, guesses: guessesIn(linesOf()) })
    }
    expect(new Set(seen.map((one) => JSON.stringify(one))).size).toBe(1)
    expect(seen[0]).toMatchObject({ statusCode: 403, guesses: 1 })
  })

  test('100 guesses of the end of a phone number find nothing, and are counted', async () => {
    const victim = form({ message: 'Call 0151 2334' })
    await submit(hasty(), victim)
    const service = hasty()
    const answers: string[] = []
    linesOf()
    for (let end = 0; end < 100; end++) {
      const message = `Call 0151 23${String(end).padStart(2, '0')}`
      answers.push((await submit(service, { ...victim, message, [FIELD]: 'guessed' })).body ?? '')
    }
    expect(new Set(answers).size).toBe(1)
    expect(guessesIn(linesOf())).toBe(100)
  })

  test('an unknown id gets the same answer, and is not counted as a guess', async () => {
    const victim = form()
    await submit(hasty(), victim)
    const service = hasty()
    linesOf()
    const [known, unknown] = [
      await submit(service, { ...victim, [FIELD]: 'guessed' }),
      await submit(service, form({ [FIELD]: 'guessed' })),
    ]
    expect({ ...bodyOf(known), requestId: 0 }).toEqual({ ...bodyOf(unknown), requestId: 0 })
    expect(known.headers).toEqual(unknown.headers)
    expect(guessesIn(linesOf())).toBe(1)
  })

  test('the ledger is asked the same, however often it looks', async () => {
    const victim = form()
    await submit(hasty(), victim)
    const other = form()
    await submit(hasty(), other)
    const asked: string[][] = []
    for (const message of [victim.message, 'Another']) {
      const service = hasty()
      const table = vi.spyOn(service.table, 'get')
      const update = vi.spyOn(service.table, 'update')
      expect(codeOf(await submit(service, { ...victim, message, [FIELD]: other[FIELD] }))).toEqual(REFUSED)
      asked.push(table.mock.calls.map(([pk]) => pk))
      expect(update).not.toHaveBeenCalled()
    }
    expect(asked[0]).toEqual(asked[1])
    expect(asked[0]).toHaveLength(6)
  })
})

describe('a spent challenge', () => {
  /** Submits a form whose challenge is then spent. */
  const spend = async (members: object = {}) => {
    const body = form(members)
    expect((await submit(hasty(), body)).statusCode).toBe(201)
    return body
  }

  test.each<[string, () => object]>([
    ['another id', () => ({ requestId: newId() })],
    ['no id', () => ({ requestId: undefined })],
    ['another message', () => ({ message: 'Another' })],
    ['another consumer', () => ({ consumer: { firstName: 'Mallory' } })],
    ['another account', () => ({ route: 'other-help' })],
    ['its hash', () => ({ challengeHash: 'a'.repeat(64) })],
  ])('admits no request with %s', async (_, change) => {
    const body = await spend()
    const before = creates()
    const answer = await submit(hasty(), { ...body, ...change() })
    expect([400, 403]).toContain(answer.statusCode)
    expect(bodyOf(answer).conversationId).toBeUndefined()
    expect(creates()).toBe(before)
  })

  test('of one account admits no copy of the request that has the same id at another account', async () => {
    const first = await spend()
    const id = { requestId: first.requestId }
    await spend({ ...id, route: 'other-help' })
    const stolen = { ...form(id), route: 'other-help', [FIELD]: first[FIELD] }
    expect(codeOf(await submit(hasty(), stolen))).toEqual(REFUSED)
  })

  test('of an anonymous form doesn’t admit a copy of a signed-in one', async () => {
    const spent = await spend()
    const { [FIELD]: _, ...body } = form()
    const headers = { authorization: `Bearer ${await brand.sign()}` }
    expect((await submit(hasty(), body, { headers })).statusCode).toBe(201)
    expect(codeOf(await submit(hasty(), { ...body, [FIELD]: spent[FIELD] }))).toEqual(REFUSED)
  })

  test('of a refused form admits nothing, not even that form', async () => {
    const victim = await spend()
    const reused = { ...victim, message: 'Another', ...solved() }
    expect(codeOf(await submit(hasty(), reused))).toEqual([422, 'request_id_reused'])
    expect(codeOf(await submit(hasty(), reused))).toEqual(REFUSED)
  })

  test('of another site admits nothing', async () => {
    const body = form({ [FIELD]: `solved-elsewhere-${newId()}` })
    expect(codeOf(await submit(hasty(), body))).toEqual(REFUSED)
    expect(codeOf(await submit(hasty(), body))).toEqual(REFUSED)
  })

  test('is stored as a hash only, in the table and in the queue', async () => {
    const body = form()
    away()
    expect((await submit(hasty(), body)).statusCode).toBe(202)
    const item = JSON.stringify(await hasty().table.get(keyOf(body.requestId)))
    const handOvers = (await world.receiveHandOvers()).join()
    expect(item).toMatch(/"challenge_[0-9a-f]{64}"/)
    expect(handOvers).toMatch(/"challengeHash":"[0-9a-f]{64}"/)
    expect(item + handOvers).not.toContain(String(body[FIELD]))
  })

  test('can’t be bound to a request by a CRM event', async () => {
    const service = hasty()
    const event = { requestId: newId(), route: 'help', challengeHash: 'a'.repeat(64) }
    await deliver(service, [toRecord(event)])
    expect((await world.receiveQuarantine()).map(({ code }) => code)).toEqual(['invalid_request'])
  })

  test('of a form that was handed over while the table was down admits its copies afterwards', async () => {
    const body = form()
    const down = hasty({ config: { stateTable: 'gone' } })
    expect((await submit(down, body)).statusCode).toBe(202)
    await drain(world, hasty)
    expect(await hasty().table.get(keyOf(body.requestId))).toMatchObject({ status: 'opened' })
    const copy = await submit(hasty(), body)
    expect([copy.statusCode, bodyOf(copy).status]).toEqual([200, 'opened'])
    expect(codeOf(await submit(hasty(), { ...body, message: 'Another' }))).toEqual(REFUSED)
    expect(world.livePerson.conversations()).toHaveLength(1)
  })

  test('can’t be matched while the table is down: no guess is answered', async () => {
    const body = await spend()
    const down = hasty({ config: { stateTable: 'gone' } })
    const [right, wrong] = [await submit(down, body), await submit(down, { ...body, message: 'Another' })]
    expect(codeOf(right)).toEqual([503, 'service_unavailable'])
    expect([wrong.statusCode, wrong.headers, wrong.body]).toEqual([
      right.statusCode,
      right.headers,
      right.body,
    ])
  })
})

describe('during an outage', () => {
  test.each([
    ['503', { kind: 'status', status: 503 }],
    ['500', { kind: 'status', status: 500 }],
    ['reset', { kind: 'reset' }],
  ])('one challenge leads to one create, however often its form is sent: %s', async (_, fault) => {
    const body = form()
    away(fault)
    const first = await submit(hasty(), body)
    expect(first.statusCode).toBe(202)
    const before = creates()
    for (let copy = 0; copy < 10; copy++) {
      const answer = await submit(hasty(), body)
      expect([answer.statusCode, bodyOf(answer).status]).toEqual([202, 'queued'])
    }
    await Promise.all(Array.from({ length: 10 }, () => submit(hasty(), body)))
    expect(creates()).toBe(before)
    expect(before).toBe(1)
    expect(await world.receiveHandOvers()).toHaveLength(1)
  })

  test('a new challenge is one more try', async () => {
    const body = form()
    away()
    for (let retry = 0; retry < 3; retry++)
      expect((await submit(hasty(), { ...body, ...solved() })).statusCode).toBe(202)
    expect(creates()).toBe(3)
  })

  test('copies of a form in progress leave one more message, and wait for nobody', async () => {
    const body = form()
    const gate = Promise.withResolvers<void>()
    const outbound = createOutbound()
    const stuck = createService({
      outbound: async (request) => {
        if (request.url.includes('/messaging/')) await gate.promise
        return outbound(request)
      },
    })
    const first = submit(stuck, body)
    await vi.waitFor(async () => {
      expect(await stuck.table.get(keyOf(body.requestId))).toBeDefined()
    })
    const copies = await Promise.all(Array.from({ length: 10 }, () => submit(hasty(), body)))
    expect(copies.map((answer) => [answer.statusCode, bodyOf(answer).status])).toEqual(
      copies.map(() => [202, 'opening']),
    )
    expect(await world.receiveHandOvers()).toHaveLength(1)
    gate.resolve()
    expect((await first).statusCode).toBe(201)
    expect(world.livePerson.conversations()).toHaveLength(1)
  })

  test('a form that no queue could take is put into it by one copy, without a create', async () => {
    const body = form()
    const isBack = away()
    const gone = 'https://sqs.eu-west-1.amazonaws.com/000000000000/gone'
    const lost = hasty({ queues: hasty({ config: { handOverQueueUrl: gone } }).queues })
    expect((await submit(lost, body)).statusCode).toBe(503)
    const before = creates()
    const copies = [await submit(hasty(), body), await submit(hasty(), body)]
    expect(copies.map((answer) => [answer.statusCode, bodyOf(answer).status])).toEqual([
      [202, 'queued'],
      [202, 'queued'],
    ])
    expect(creates()).toBe(before)
    isBack()
    await drain(world, hasty)
    expect(bodyOf(await askStatus(hasty(), body.requestId)).status).toBe('opened')
    expect(world.livePerson.conversations()).toHaveLength(1)
  })
})
