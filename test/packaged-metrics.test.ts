import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { marshall } from '@aws-sdk/util-dynamodb'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { setPaused } from '../lib/account/pause.ts'
import type { MetricName } from '../lib/telemetry/metrics.ts'
import { isOn, metricsOf as metricsOfAlarm, readAlarms } from './infrastructure/alarm.ts'
import {
  metricsOf as metricsOfDashboard,
  readDashboard,
  readQueries,
  readsOf,
} from './infrastructure/dashboard.ts'
import { createEnvironments, deploy } from './security/deployment.ts'
import { startBotCheckProvider } from './security/third-parties.ts'
import { createPatientTable } from './support/aws-endpoint.ts'
import { type Container, startContainer } from './support/process-container.ts'
import {
  ACCOUNT,
  CRM_UPGRADE,
  formEvent,
  ORDER_HELP,
  refresh,
  startWorld,
  toRecord,
  type World,
} from './support/world.ts'

type FunctionName =
  | 'openFromForm'
  | 'openFromQueue'
  | 'refreshDomains'
  | 'conversationStatus'
  | 'conversationEvents'
  | 'publishOutcomes'

/** What a packaged function does. Each step returns the HTTP status, or how many records stay. */
interface Steps {
  readonly function: FunctionName
  readonly account?: object | (() => object)
  /** Runs before the function starts. */
  readonly arrange?: (world: World) => Promise<void>
  /** The trouble, for which the metric is written. */
  readonly up: (tools: Tools) => Promise<number>
  readonly expectUp: number
  /** The same function after the trouble, or without it. */
  readonly down: (tools: Tools) => Promise<number>
  readonly expectDown: number
}

/** What drives one metric of a packaged function. */
interface Driven extends Steps {
  readonly metric: MetricName
  /** What the line of the attempt says. */
  readonly line?: object
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
let bots: Awaited<ReturnType<typeof startBotCheckProvider>>
let refusing: Awaited<ReturnType<typeof startProfileRefusal>>
const containers: Container[] = []
/** Everything that all containers wrote. */
let written = ''

beforeAll(async () => {
  ;[world, deployed, bots] = await Promise.all([
    startWorld(),
    deploy(),
    startBotCheckProvider('bot-check-secret'),
  ])
  environments = await createEnvironments(world)
  refusing = await startProfileRefusal(world.livePerson.url)
  world.secretsManager.put(`campaign-conversations/test/${ACCOUNT}/bot-check`, { secret: 'bot-check-secret' })
}, 120_000)
afterEach(async () => {
  for (const container of containers.splice(0)) {
    written += container.output()
    container.stop()
  }
  world.livePerson.reset()
  bots.state.mode = 'well'
  refusing.state.refuses = true
  await refresh(world.createService())
})
afterAll(async () => {
  await Promise.all([world.close(), deployed.remove(), environments.remove(), bots.close(), refusing.close()])
})

const start = async ({
  function: name,
  account = {},
}: Pick<Steps, 'function' | 'account'>): Promise<Container> => {
  const routes = {
    'order-help': { ...ORDER_HELP, doors: ['form'] },
    'crm-upgrade': { ...CRM_UPGRADE, doors: ['queue'] },
  }
  const members = typeof account === 'function' ? account() : account
  const stage = {
    origins: ['https://www.example.com'],
    accounts: [{ accountId: ACCOUNT, form: { consumers: 'anonymous' }, routes, ...members }],
  }
  const env = await environments.of(stage, {
    FORM_DEADLINE_MS: '1500',
    POWERTOOLS_SERVICE_NAME: 'here',
    OUTCOME_BUS: 'outcomes',
    AWS_ENDPOINT_URL_EVENTBRIDGE: process.env.AWS_ENDPOINT_URL_EVENTBRIDGE ?? '',
  })
  const container = await startContainer({ [name]: deployed.handlers[name] ?? '' }, env)
  containers.push(container)
  return container
}

const Emitted = z.looseObject({
  _aws: z.object({
    CloudWatchMetrics: z.tuple([
      z.object({
        Namespace: z.literal('CampaignConversations'),
        Dimensions: z.array(z.array(z.string())).min(1),
        Metrics: z.array(z.object({ Name: z.string() })).min(1),
      }),
    ]),
  }),
  service: z.literal('here'),
})
const Values = z.union([z.number().transform((value) => [value]), z.array(z.number())])

/** A metric as CloudWatch stores it: one for each set of dimensions. */
interface Stored {
  readonly name: string
  readonly dimensions: Readonly<Record<string, unknown>>
  readonly values: readonly number[]
}

const linesOf = (output: string): readonly unknown[] =>
  output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))

/** Returns what CloudWatch makes of a function's output. */
const metricsIn = (output: string): readonly Stored[] =>
  linesOf(output)
    .filter((line) => JSON.stringify(line).includes('"_aws"'))
    .flatMap((line) => {
      const { _aws, ...members } = Emitted.parse(line)
      const [{ Dimensions, Metrics }] = _aws.CloudWatchMetrics
      return Dimensions.flatMap((names) =>
        Metrics.map(({ Name }) => ({
          name: Name,
          dimensions: Object.fromEntries(names.map((name) => [name, members[name]])),
          values: Values.parse(members[Name]),
        })),
      )
    })

/** Returns the values of a metric with exactly these dimensions besides the service. */
const valuesIn = (output: string, name: string, dimensions: object): readonly number[] =>
  metricsIn(output)
    .filter((one) => one.name === name)
    .filter((one) => isSame(one.dimensions, { service: 'here', ...dimensions }))
    .flatMap(({ values }) => values)

const isSame = (a: object, b: object) =>
  JSON.stringify(Object.entries(a).toSorted()) === JSON.stringify(Object.entries(b).toSorted())

/** Returns a container's output since it was `from` long. It arrives after the answer. */
const outputOf = async (container: Container, from = 0): Promise<string> => {
  await new Promise((resolve) => setTimeout(resolve, 50))
  return container.output().slice(from)
}

/** Returns the values of a metric of the account since the output was `from` long. */
const valuesOf = async (container: Container, name: MetricName, from = 0): Promise<readonly number[]> =>
  valuesIn(await outputOf(container, from), name, { accountId: ACCOUNT })

/** Stands between the service and LivePerson, and refuses each profile, as LivePerson does. */
const startProfileRefusal = async (domainApi: string) => {
  const domain = await fetch(
    `${domainApi}/api/account/${ACCOUNT}/service/asyncMessagingEnt/baseURI.json?version=1.0`,
  )
  const { baseURI } = z.object({ baseURI: z.string() }).parse(await domain.json())
  const state = { refuses: true }
  const server = createServer(async (request, response) => {
    const body = await buffer(request)
    const { authorization = '', 'x-lp-on-behalf': onBehalf = '' } = request.headers
    const answer = await fetch(`http://${baseURI}${request.url}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization,
        'x-lp-on-behalf': String(onBehalf),
      },
      body,
    })
    const [profile, ...others] = z.array(z.unknown()).parse(await answer.json())
    response.writeHead(state.refuses ? 400 : answer.status, { 'content-type': 'application/json' })
    response.end(
      JSON.stringify([{ ...Object(profile), ...(state.refuses && { code: 'BAD_REQUEST' }) }, ...others]),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    state,
    host: `127.0.0.1:${address.port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
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

type Act = (tools: Tools) => Promise<number>

const submitMessage: Act = (tools) => submit(tools, 'My order is late')
/** Too old to be tried again. */
const OLD = { ageMs: 80 * HOUR }
const deliverOld: Act = (tools) => deliver(tools, OLD)
const deliverOldMessage: Act = (tools) => deliver(tools, { ...OLD, message: 'My order is late' })

/** Performs something while LivePerson has a fault. */
const under =
  (fault: FaultOf, act: Act): Act =>
  (tools) =>
    during(tools, fault, () => act(tools))

/** Performs something a minute later. */
const later =
  (act: Act): Act =>
  async (tools) => {
    await tools.container.advance(MINUTE)
    return act(tools)
  }

/**
 * Opens the circuit breaker: three failures, one after another, halve the rate from 8 to 1 call per second.
 */
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

const failedSend = (detail: string) => ({ step: 'send', code: 'liveperson_unavailable', detail, cause: [] })

const DRIVEN: readonly Driven[] = [
  {
    metric: 'request_queued',
    function: 'openFromForm',
    up: under(creates(503), submit),
    expectUp: 202,
    down: submit,
    expectDown: 201,
  },
  {
    metric: 'record_parked',
    function: 'openFromQueue',
    up: under(creates(503), openBreaker),
    // The first two are put off. The third opens the circuit breaker, so it and the fourth are parked.
    expectUp: 2,
    down: later(deliver),
    expectDown: 0,
  },
  {
    metric: 'record_given_up',
    function: 'openFromQueue',
    up: under(creates(429), deliverOld),
    expectUp: 0,
    down: under(creates(429), deliver),
    expectDown: 1,
  },
  {
    metric: 'message_pending',
    line: { level: 'INFO', failures: [failedSend('LivePerson answered HTTP 429 without a body.')] },
    function: 'openFromForm',
    up: under(sends(429), submitMessage),
    expectUp: 201,
    down: later(submitMessage),
    expectDown: 201,
  },
  {
    metric: 'message_not_sent',
    line: { level: 'INFO', failures: [failedSend('LivePerson answered HTTP 429 without a body.')] },
    function: 'openFromQueue',
    up: under(sends(429), deliverOldMessage),
    expectUp: 0,
    down: later(deliverOldMessage),
    expectDown: 0,
  },
  {
    metric: 'message_unknown',
    line: { level: 'INFO', failures: [failedSend('LivePerson answered error code 50001.')] },
    function: 'openFromForm',
    up: under(sends(500), submitMessage),
    expectUp: 201,
    down: later(submitMessage),
    expectDown: 201,
  },
  {
    metric: 'outcome_unknown',
    line: {
      level: 'ERROR',
      code: 'outcome_unknown',
      failures: [
        {
          step: 'create',
          code: 'liveperson_unavailable',
          detail: 'LivePerson did not answer.',
          cause: ['Error ECONNRESET'],
        },
      ],
    },
    function: 'openFromForm',
    account: { onLostAnswer: 'hold' },
    up: under({ service: 'conversation', kind: 'reset-after', ...always }, submit),
    expectUp: 409,
    down: submit,
    expectDown: 201,
  },
  {
    metric: 'liveperson_good',
    function: 'openFromForm',
    up: submit,
    expectUp: 201,
    down: under(creates(503), submit),
    expectDown: 202,
  },
  {
    metric: 'liveperson_busy',
    function: 'openFromQueue',
    up: under(creates(429), deliver),
    expectUp: 1,
    down: deliver,
    expectDown: 0,
  },
  {
    metric: 'liveperson_silent',
    function: 'openFromForm',
    up: under({ service: 'conversation', kind: 'silence', ...always }, submit),
    expectUp: 202,
    down: submit,
    expectDown: 201,
  },
  {
    metric: 'liveperson_failed',
    function: 'openFromQueue',
    up: under(creates(503), deliver),
    expectUp: 1,
    down: deliver,
    expectDown: 0,
  },
  {
    metric: 'breaker_open',
    function: 'openFromQueue',
    up: under(creates(503), openBreaker),
    expectUp: 2,
    down: later(deliver),
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
    if (driven.line)
      expect(linesOf(tools.container.output())).toContainEqual(expect.objectContaining(driven.line))

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
})

/** What drives one alarm over its threshold and back. */
interface DrivenAlarm extends Steps {
  readonly alarm: string
  /** What stays just below the threshold. */
  readonly below?: (tools: Tools) => Promise<number>
  readonly expectBelow?: number
}

const times = (count: number, act: (tools: Tools) => Promise<number>) => async (tools: Tools) => {
  const answers: number[] = []
  for (let done = 0; done < count; done++) answers.push(await act(tools))
  const [first = 0] = answers
  expect(new Set(answers)).toEqual(new Set([first]))
  return first
}

const submitWith =
  (members: object, headers: Readonly<Record<string, string>> = {}) =>
  async (tools: Tools) =>
    (await tools.container.submit({ route: 'order-help', ...members }, { headers })).statusCode
const solved = (): object => ({ 'h-captcha-response': `solved-${randomUUID()}` })
const submitSolved = (tools: Tools) => submitWith(solved())(tools)
const refreshHosts = async ({ container }: Tools): Promise<number> => (await container.refresh()).statusCode

const botCheck = () => ({ form: { botCheck: { verifyUrl: bots.verifyUrl, hostnames: ['www.example.com'] } } })
const signedIn = () => ({
  form: {
    consumers: 'token',
    tokens: [
      {
        issuer: 'https://id.example.com/',
        audience: ['campaign-conversations'],
        jwksUrl: `${bots.verifyUrl}/keys`,
        algorithms: ['ES256'],
        consumerId: { claim: 'sub', prefix: '' },
      },
    ],
  },
})

/** Puts the secret that LivePerson accepts, or one that it refuses, beside the previous one. */
const putSecret = (isRight: boolean): void => {
  const [account] = world.accounts
  if (!account) throw new Error('LivePerson has no account')
  const clientSecret = isRight ? account.clientSecrets[0] : 'wrong-secret'
  world.secretsManager.put(`campaign-conversations/test/${ACCOUNT}`, {
    clientId: account.clientId,
    clientSecret,
  })
}

const aged = (ageMs: number) => (tools: Tools) => deliver(tools, { ageMs })

const publish =
  (status: string) =>
  async ({ container }: Tools): Promise<number> => {
    const item = { pk: `request#${ACCOUNT}#queue#crm#event-0001`, requestId: 'event-0001', status }
    const keys = { accountId: ACCOUNT, door: 'queue', updatedAt: 1_764_150_000_000 }
    const image = (outcomeNumber: number) => marshall({ ...item, ...keys, outcomeNumber })
    const record = {
      eventSource: 'aws:dynamodb',
      eventSourceARN: 'arn:aws:dynamodb:eu-west-1:111122223333:table/state/stream/1',
      dynamodb: {
        SequenceNumber: '1',
        NewImage: image(status === 'opening' ? 0 : 1),
        OldImage: image(0),
      },
    }
    const answer = await container.invoke('publishOutcomes', { Records: [record] })
    return z.object({ batchItemFailures: z.array(z.unknown()) }).parse(answer).batchItemFailures.length
  }

/** Sends a push that LivePerson has not signed. */
const forge = async ({ container }: Tools): Promise<number> => {
  const push = { ...formEvent({ type: 'forged' }), pathParameters: { accountId: ACCOUNT } }
  const answer = await container.invoke('conversationEvents', push)
  return z.object({ statusCode: z.number() }).parse(answer).statusCode
}

const DRIVEN_ALARMS: readonly DrivenAlarm[] = [
  {
    alarm: 'RequestsQueuedAlarm',
    function: 'openFromForm',
    up: under(creates(503), submit),
    expectUp: 202,
    down: later(submit),
    expectDown: 201,
  },
  {
    alarm: 'RecordsLateAlarm',
    function: 'openFromQueue',
    below: aged(29 * MINUTE),
    expectBelow: 0,
    up: aged(30 * MINUTE),
    expectUp: 0,
    down: deliver,
    expectDown: 0,
  },
  {
    alarm: 'OldestRecordAlarm',
    function: 'openFromQueue',
    below: aged(191 * HOUR),
    expectBelow: 0,
    up: aged(192 * HOUR),
    expectUp: 0,
    down: deliver,
    expectDown: 0,
  },
  {
    alarm: 'RecordGivenUpAlarm',
    function: 'openFromQueue',
    below: under(creates(429), deliver),
    expectBelow: 1,
    up: later(under(creates(429), deliverOld)),
    expectUp: 0,
    down: later(deliver),
    expectDown: 0,
  },
  {
    alarm: 'MessageNotSentAlarm',
    function: 'openFromQueue',
    up: under(sends(429), deliverOldMessage),
    expectUp: 0,
    down: later(deliverOldMessage),
    expectDown: 0,
  },
  {
    alarm: 'BreakerOpenAlarm',
    function: 'openFromQueue',
    below: under(creates(503), deliver),
    expectBelow: 1,
    up: under(creates(503), openBreaker),
    expectUp: 1,
    down: later(deliver),
    expectDown: 0,
  },
  {
    alarm: 'ProfileRefusedAlarm',
    function: 'openFromForm',
    arrange: async () => {
      world.livePerson.setHost('asyncMessagingEnt', refusing.host)
      await refresh(world.createService())
    },
    up: submitWith({ consumer: { firstName: 'Ida' } }),
    expectUp: 201,
    down: async (tools) => {
      refusing.state.refuses = false
      return submitWith({ consumer: { firstName: 'Ida' } })(tools)
    },
    expectDown: 201,
  },
  {
    alarm: 'PreviousSecretAlarm',
    function: 'openFromForm',
    arrange: async () => putSecret(false),
    up: submit,
    expectUp: 201,
    down: async (tools) => {
      putSecret(true)
      // Then the AppJWT is renewed.
      await tools.container.advance(45 * MINUTE)
      return submit(tools)
    },
    expectDown: 201,
  },
  {
    alarm: 'DomainsRefreshFailedAlarm',
    function: 'refreshDomains',
    up: under({ service: 'domain', kind: 'status', status: 503, ...always }, refreshHosts),
    expectUp: 502,
    down: refreshHosts,
    expectDown: 200,
  },
  {
    alarm: 'ForeignHostAlarm',
    function: 'refreshDomains',
    up: (tools) => {
      world.livePerson.setHost('sentinel', 'sentinel.liveperson.net.evil.example')
      return refreshHosts(tools)
    },
    expectUp: 502,
    down: (tools) => {
      world.livePerson.setHost('sentinel', undefined)
      return refreshHosts(tools)
    },
    expectDown: 200,
  },
  {
    alarm: 'BotCheckMisconfiguredAlarm',
    function: 'openFromForm',
    account: botCheck,
    up: (tools) => {
      bots.state.mode = 'mismatch'
      return submitSolved(tools)
    },
    expectUp: 500,
    down: (tools) => {
      bots.state.mode = 'well'
      return submitSolved(tools)
    },
    expectDown: 201,
  },
  {
    alarm: 'BotChecksFailedAlarm',
    function: 'openFromForm',
    account: botCheck,
    below: times(99, submit),
    expectBelow: 403,
    up: times(100, submit),
    expectUp: 403,
    down: submitSolved,
    expectDown: 201,
  },
  {
    alarm: 'ConsumerTokensRefusedAlarm',
    function: 'openFromForm',
    account: signedIn,
    below: times(99, submit),
    expectBelow: 401,
    up: times(100, submit),
    expectUp: 401,
    down: submit,
    expectDown: 401,
  },
  {
    alarm: 'OriginsRefusedAlarm',
    function: 'openFromForm',
    below: times(99, submitWith({}, { origin: 'https://evil.example' })),
    expectBelow: 403,
    up: times(100, submitWith({}, { origin: 'https://evil.example' })),
    expectUp: 403,
    down: submitWith({}, { origin: 'https://www.example.com' }),
    expectDown: 201,
  },
  {
    alarm: 'PushesRefusedAlarm',
    function: 'conversationEvents',
    below: times(99, forge),
    expectBelow: 401,
    up: times(100, forge),
    expectUp: 401,
    down: forge,
    expectDown: 401,
  },
  {
    alarm: 'OutcomeUnreadableAlarm',
    function: 'publishOutcomes',
    up: publish('from a later version'),
    expectUp: 0,
    down: publish('opening'),
    expectDown: 0,
  },
]

const ALARMS = readAlarms()
const alarmOf = (id: string) => {
  const alarm = ALARMS[id]
  if (!alarm) throw new Error(`There is no ${id}`)
  return alarm
}
const ownMetricOf = (id: string) => {
  const [metric] = metricsOfAlarm(alarmOf(id))
  return metric?.Namespace === 'CampaignConversations' ? metric.MetricName : undefined
}

describe('an alarm on a metric of ours', () => {
  test('has a row here, each of them', () => {
    expect(DRIVEN_ALARMS.map(({ alarm }) => alarm).toSorted()).toEqual(
      Object.keys(ALARMS)
        .filter((id) => ownMetricOf(id) !== undefined)
        .toSorted(),
    )
  })

  test.each(DRIVEN_ALARMS)('$alarm turns on, and off again', async (driven) => {
    const alarm = alarmOf(driven.alarm)
    const name = ownMetricOf(driven.alarm) ?? ''
    await driven.arrange?.(world)
    const tools = { container: await start(driven), world }
    const periods: (readonly number[])[] = []
    /** Acts within one period, and returns whether the alarm is on at its end. */
    const period = async (act: Steps['up'], expected: number): Promise<boolean> => {
      const from = tools.container.output().length
      expect(await act(tools)).toBe(expected)
      periods.push(valuesIn(await outputOf(tools.container, from), name, {}))
      return isOn(alarm, periods)
    }

    if (driven.below) expect(await period(driven.below, driven.expectBelow ?? 0)).toBe(false)
    const needed = alarm.DatapointsToAlarm ?? alarm.EvaluationPeriods
    for (let done = 1; done < needed; done++) expect(await period(driven.up, driven.expectUp)).toBe(false)
    expect(await period(driven.up, driven.expectUp)).toBe(true)

    await period(driven.down, driven.expectDown)
    // Afterwards, nothing happens.
    for (let left = 1; left < alarm.EvaluationPeriods; left++) periods.push([])
    expect(isOn(alarm, periods)).toBe(false)
  })
})

const Line = z.looseObject({ level: z.string(), message: z.string(), requestId: z.string().optional() })
const attemptsIn = (output: string) =>
  linesOf(output)
    .map((line) => Line.parse({ level: '', message: '', ...Object(line) }))
    .filter(({ requestId }) => requestId !== undefined)

describe('the log of an outage', () => {
  const ATTEMPTS = 40
  const suffer = async (trouble: (tools: Tools, act: () => Promise<number>) => Promise<number>) => {
    const tools = { container: await start({ function: 'openFromQueue' }), world }
    const ids = Array.from({ length: ATTEMPTS }, () => randomUUID())
    await trouble(tools, async () => {
      for (const requestId of ids) {
        await tools.container.deliver([toRecord({ ...toEvent('Hello'), requestId })])
        await tools.container.advance(1000)
      }
      return 0
    })
    const lines = attemptsIn(await outputOf(tools.container))
    const errors = lines.filter(({ level }) => level === 'ERROR').length
    return { errors, perRequest: ids.map((id) => lines.filter(({ requestId }) => requestId === id).length) }
  }

  test('has one line per attempt, and no ERROR while LivePerson is down', async () => {
    const { errors, perRequest } = await suffer((tools, act) => during(tools, creates(503), act))
    expect(new Set(perRequest)).toEqual(new Set([1]))
    expect(errors).toBe(0)
  })

  test('has one line per attempt, and one ERROR in ten minutes if the secret is wrong', async () => {
    const refused = { service: 'sentinel', kind: 'status', status: 401, ...always } as const
    const { errors, perRequest } = await suffer((tools, act) => during(tools, refused, act))
    expect(new Set(perRequest)).toEqual(new Set([1]))
    expect(errors).toBe(1)
  })
})

/**
 * Returns the names of a line's members, with their places in objects and lists, as Logs Insights names them.
 */
const fieldsOf = (value: unknown, place = ''): readonly string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, member]) =>
        fieldsOf(member, place === '' ? name : `${place}.${name}`),
      )
    : [place]

describe('the packaged functions write', () => {
  beforeAll(async () => {
    const gone = { 'crm-gone': { ...CRM_UPGRADE, engagementId: '3120049999', doors: ['queue'] } }
    const routes = {
      'crm-upgrade': { ...CRM_UPGRADE, doors: ['queue'] },
      'form-only': { ...ORDER_HELP, doors: ['form'] },
    }
    const queue = await start({ function: 'openFromQueue', account: { routes: { ...routes, ...gone } } })
    const event = toEvent('Hello')
    await queue.deliver([toRecord(event)])
    await queue.deliver([toRecord(event)])
    await queue.deliver([toRecord({ ...event, requestId: randomUUID() })])
    await queue.deliver([toRecord({ ...toEvent(), route: 'crm-gone' })])
    await queue.deliver([toRecord({ ...toEvent(), route: 'form-only' })])
    const refused = { campaignId: '3120045610', engagementId: '3120047799' }
    const form = await start({ function: 'openFromForm', account: botCheck })
    const requestId = randomUUID()
    await form.submit({ route: 'order-help', requestId, ...solved() })
    await form.submit({ route: 'order-help', requestId, message: 'Guessed' })
    await form.submit({ campaign: refused, ...solved() })
    const outcomes = await start({ function: 'publishOutcomes' })
    expect(await publish('opened')({ container: outcomes, world })).toBe(0)
    const pushes = await start({ function: 'conversationEvents' })
    expect(await forge({ container: pushes, world })).toBe(401)
    await Promise.all([outputOf(outcomes), outputOf(pushes)])
    written += queue.output() + form.output() + outcomes.output() + pushes.output()
  })

  test('every metric that the dashboard reads', () => {
    const stored = new Set(
      metricsIn(written).map(({ name, dimensions }) => `${name} by ${Object.keys(dimensions).toSorted()}`),
    )
    const read = metricsOfDashboard(readDashboard())
      .filter(({ namespace }) => namespace === 'CampaignConversations')
      .map(({ name, dimensions }) => `${name} by ${Object.keys(dimensions).toSorted()}`)
    expect(read.length).toBeGreaterThan(40)
    expect(read.filter((metric) => !stored.has(metric))).toEqual([])
  })

  test.each(readQueries())('every field and message that the saved query $Name reads', ({ QueryString }) => {
    const lines = linesOf(written)
    const { fields, messages } = readsOf(QueryString)
    const known = new Set(lines.flatMap((line) => fieldsOf(line)))
    expect(fields.length).toBeGreaterThan(2)
    expect(fields.filter((field) => !known.has(field))).toEqual([])
    const told = new Set(attemptsIn(written).map(({ message }) => message))
    expect(messages.filter((message) => !told.has(message))).toEqual([])
  })

  test('the campaign and the engagement of each refusal that knows them', () => {
    const refusals = linesOf(written).filter((line) => {
      const { message, code } = Object(line)
      return message === 'Request rejected' || code === 'campaign_not_allowed'
    })
    expect(refusals.length).toBeGreaterThan(1)
    const known = refusals
      .filter((line) => 'engagementId' in Object(line))
      .map((line) => Object(line).engagementId)
    expect(known).toEqual(expect.arrayContaining(['3120049999', '3120047799']))
  })

  test('a repeat as repeated', () => {
    expect(linesOf(written)).toContainEqual(
      expect.objectContaining({ level: 'INFO', message: 'Request repeated', status: 'opened' }),
    )
  })
})
