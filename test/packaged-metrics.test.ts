import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { setPaused } from '../lib/account/pause.ts'
import type { MetricName } from '../lib/telemetry/metrics.ts'
import { createEnvironments, deploy } from './security/deployment.ts'
import { createPatientTable } from './support/aws-endpoint.ts'
import { type Container, startContainer } from './support/process-container.ts'
import { ACCOUNT, CRM_UPGRADE, ORDER_HELP, startWorld, toRecord, type World } from './support/world.ts'

/** What drives one metric of a packaged function. Each step returns the HTTP status, or how many records stay. */
interface Driven {
  readonly metric: MetricName
  readonly function: 'openFromForm' | 'openFromQueue'
  readonly account?: object
  /** The trouble, for which the metric is written. */
  readonly up: (tools: Tools) => Promise<number>
  readonly expectUp: number
  /** The same function after the trouble, or without it. */
  readonly down: (tools: Tools) => Promise<number>
  readonly expectDown: number
  /** What LivePerson did, as the log tells it. */
  readonly logged?: { readonly step: 'create' | 'send'; readonly detail: string }
}

interface Tools {
  readonly container: Container
  readonly world: World
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE

let world: World
let deployed: Awaited<ReturnType<typeof deploy>>
let environments: Awaited<ReturnType<typeof createEnvironments>>
const containers: Container[] = []

beforeAll(async () => {
  ;[world, deployed] = await Promise.all([startWorld(), deploy()])
  environments = await createEnvironments(world)
}, 120_000)
afterEach(() => {
  for (const container of containers.splice(0)) container.stop()
  world.livePerson.reset()
})
afterAll(async () => {
  await Promise.all([world.close(), deployed.remove(), environments.remove()])
})

const start = async ({
  function: name,
  account,
}: Pick<Driven, 'function' | 'account'>): Promise<Container> => {
  const routes = {
    'order-help': { ...ORDER_HELP, doors: ['form'] },
    'crm-upgrade': { ...CRM_UPGRADE, doors: ['queue'] },
  }
  const stage = {
    origins: ['https://www.example.com'],
    accounts: [{ accountId: ACCOUNT, form: { consumers: 'anonymous' }, routes, ...account }],
  }
  const env = await environments.of(stage, { FORM_DEADLINE_MS: '1500', POWERTOOLS_SERVICE_NAME: 'here' })
  const container = await startContainer({ [name]: deployed.handlers[name] ?? '' }, env)
  containers.push(container)
  return container
}

const Emitted = z.looseObject({
  _aws: z.object({
    CloudWatchMetrics: z.tuple([
      z.object({
        Namespace: z.literal('CampaignConversations'),
        Dimensions: z.tuple([z.array(z.string())]),
        Metrics: z.tuple([z.object({ Name: z.string() })]),
      }),
    ]),
  }),
  service: z.literal('here'),
  accountId: z.string().optional(),
})

/** Returns the values of a metric, by account, that a container has written since its output was `from` long. */
const valuesOf = async (container: Container, name: MetricName, from = 0): Promise<readonly number[]> => {
  // The output arrives after the answer.
  await new Promise((resolve) => setTimeout(resolve, 50))
  return container
    .output()
    .slice(from)
    .split('\n')
    .filter((line) => line.includes('"_aws"'))
    .map((line) => Emitted.parse(JSON.parse(line)))
    .filter(({ _aws, accountId }) => {
      const [{ Metrics, Dimensions }] = _aws.CloudWatchMetrics
      return Metrics[0].Name === name && Dimensions[0].includes('accountId') && accountId === ACCOUNT
    })
    .map((emitted) => Number(emitted[name]))
}

const submit = async ({ container }: Tools, message?: string): Promise<number> =>
  (await container.submit({ route: 'order-help', message })).statusCode

const toEvent = (message?: string) => ({
  requestId: randomUUID(),
  route: 'crm-upgrade',
  consumer: { id: randomUUID() },
  message,
})

interface Delivery {
  readonly message?: string
  readonly ageMs?: number
}

const deliver = async ({ container }: Tools, { message, ageMs = 0 }: Delivery = {}): Promise<number> =>
  (await container.deliver([toRecord(toEvent(message), { sentAt: Date.now() - ageMs })])).length

type FaultOf = Parameters<World['livePerson']['faults']['add']>[0]

/** Performs something while LivePerson has a fault. */
const during = async ({ world: { livePerson } }: Tools, fault: FaultOf, act: () => Promise<number>) => {
  const stop = livePerson.faults.add(fault)
  try {
    return await act()
  } finally {
    stop()
  }
}

const always = { times: 100 } as const
const creates = (status: number) =>
  ({ service: 'conversation', kind: 'status', status, ...always }) satisfies FaultOf
const sends = (status: number) => ({ service: 'send', kind: 'status', status, ...always }) satisfies FaultOf

/** Opens the circuit breaker: three failures, one after another, halve the rate from 8 to 1 call per second. */
const openBreaker = async (tools: Tools): Promise<number> => {
  let kept = 0
  for (let failures = 0; failures < 4; failures++) {
    kept += await deliver(tools)
    // Otherwise the next one would be held back.
    await tools.container.advance(1000)
  }
  return kept
}

const pause = async (tools: Tools, paused: boolean): Promise<void> => {
  await setPaused(createPatientTable(tools.world.dynamoDb.stateTable), ACCOUNT, paused, Date.now())
  // Within a minute, every container knows.
  await tools.container.advance(MINUTE)
}

const DRIVEN: readonly Driven[] = [
  {
    metric: 'request_queued',
    function: 'openFromForm',
    up: (tools) => during(tools, creates(503), () => submit(tools)),
    expectUp: 202,
    down: submit,
    expectDown: 201,
  },
  {
    metric: 'record_parked',
    function: 'openFromQueue',
    up: (tools) => during(tools, creates(503), () => openBreaker(tools)),
    // The first two are put off. The third opens the circuit breaker, so it and the fourth are parked.
    expectUp: 2,
    down: async (tools) => {
      await tools.container.advance(MINUTE)
      return deliver(tools)
    },
    expectDown: 0,
  },
  {
    metric: 'record_given_up',
    function: 'openFromQueue',
    up: (tools) => during(tools, creates(429), () => deliver(tools, { ageMs: 80 * HOUR })),
    expectUp: 0,
    down: (tools) => during(tools, creates(429), () => deliver(tools)),
    expectDown: 1,
  },
  {
    metric: 'message_pending',
    logged: { step: 'send', detail: 'LivePerson answered HTTP 429 without a body.' },
    function: 'openFromForm',
    up: (tools) => during(tools, sends(429), () => submit(tools, 'My order is late')),
    expectUp: 201,
    down: async (tools) => {
      await tools.container.advance(MINUTE)
      return submit(tools, 'My order is late')
    },
    expectDown: 201,
  },
  {
    metric: 'message_not_sent',
    logged: { step: 'send', detail: 'LivePerson answered HTTP 429 without a body.' },
    function: 'openFromQueue',
    up: (tools) =>
      during(tools, sends(429), () => deliver(tools, { message: 'My order is late', ageMs: 80 * HOUR })),
    expectUp: 0,
    down: async (tools) => {
      await tools.container.advance(MINUTE)
      return deliver(tools, { message: 'My order is late', ageMs: 80 * HOUR })
    },
    expectDown: 0,
  },
  {
    metric: 'message_unknown',
    logged: { step: 'send', detail: 'LivePerson answered error code 50001.' },
    function: 'openFromForm',
    up: (tools) => during(tools, sends(500), () => submit(tools, 'My order is late')),
    expectUp: 201,
    down: async (tools) => {
      await tools.container.advance(MINUTE)
      return submit(tools, 'My order is late')
    },
    expectDown: 201,
  },
  {
    metric: 'outcome_unknown',
    logged: { step: 'create', detail: 'LivePerson did not answer.' },
    function: 'openFromForm',
    account: { onLostAnswer: 'hold' },
    up: (tools) =>
      during(tools, { service: 'conversation', kind: 'reset-after', ...always }, () => submit(tools)),
    expectUp: 409,
    down: submit,
    expectDown: 201,
  },
  {
    metric: 'liveperson_good',
    function: 'openFromForm',
    up: submit,
    expectUp: 201,
    down: (tools) => during(tools, creates(503), () => submit(tools)),
    expectDown: 202,
  },
  {
    metric: 'liveperson_busy',
    function: 'openFromQueue',
    up: (tools) => during(tools, creates(429), () => deliver(tools)),
    expectUp: 1,
    down: deliver,
    expectDown: 0,
  },
  {
    metric: 'liveperson_silent',
    function: 'openFromForm',
    up: (tools) =>
      during(tools, { service: 'conversation', kind: 'silence', ...always }, () => submit(tools)),
    expectUp: 202,
    down: submit,
    expectDown: 201,
  },
  {
    metric: 'liveperson_failed',
    function: 'openFromQueue',
    up: (tools) => during(tools, creates(503), () => deliver(tools)),
    expectUp: 1,
    down: deliver,
    expectDown: 0,
  },
  {
    metric: 'breaker_open',
    function: 'openFromQueue',
    up: (tools) => during(tools, creates(503), () => openBreaker(tools)),
    expectUp: 2,
    down: async (tools) => {
      await tools.container.advance(MINUTE)
      return deliver(tools)
    },
    expectDown: 0,
  },
  {
    metric: 'account_paused',
    function: 'openFromForm',
    up: async (tools) => {
      await pause(tools, true)
      return submit(tools)
    },
    expectUp: 202,
    down: async (tools) => {
      await pause(tools, false)
      return submit(tools)
    },
    expectDown: 201,
  },
]

describe('a packaged function writes', () => {
  test.each(DRIVEN)('$metric, and no longer when the trouble is over', async (driven) => {
    const { metric } = driven
    const tools = { container: await start(driven), world }
    expect(await driven.up(tools)).toBe(driven.expectUp)
    const values = await valuesOf(tools.container, metric)
    expect(values).not.toEqual([])
    expect(values.every((value) => value === 1)).toBe(true)

    const lines = tools.container.output().split('\n').filter(Boolean)
    if (driven.logged)
      expect(lines.map((line) => JSON.parse(line))).toContainEqual(
        expect.objectContaining({ level: 'ERROR', code: 'liveperson_unavailable', ...driven.logged }),
      )

    const before = tools.container.output().length
    expect(await driven.down(tools)).toBe(driven.expectDown)
    expect(await valuesOf(tools.container, metric, before)).toEqual([])
  })

  test('the age of the oldest record, which falls when an old record is done', async () => {
    const container = await start({ function: 'openFromQueue' })
    const ages = [5 * HOUR, 3 * HOUR, 0]
    for (const ageMs of ages) await deliver({ container, world }, { ageMs })
    const values = await valuesOf(container, 'oldest_record_age')
    expect(values.map((seconds) => Math.round(seconds / 3600))).toEqual([5, 3, 0])
  })

  test('metrics that an alarm watches without the account, too', async () => {
    const container = await start({ function: 'openFromQueue' })
    await during({ container, world }, creates(503), () => openBreaker({ container, world }))
    await valuesOf(container, 'breaker_open')
    const plain = container
      .output()
      .split('\n')
      .filter((line) => line.includes('"_aws"') && line.includes('breaker_open'))
      .map((line) => Emitted.parse(JSON.parse(line))._aws.CloudWatchMetrics[0].Dimensions[0])
    expect(plain).toContainEqual(['service'])
    expect(plain).toContainEqual(['service', 'accountId'])
  })
})
