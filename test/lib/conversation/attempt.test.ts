import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Queues } from '../../../lib/aws/queues.ts'
import { parseStageConfig } from '../../../lib/config/stage.ts'
import type { Account } from '../../../lib/conversation/admission.ts'
import { createAttempt } from '../../../lib/conversation/attempt.ts'
import { type Claim, type Facts, type Message, merge, NOTHING } from '../../../lib/conversation/facts.ts'
import { readHandOver, toHandOver } from '../../../lib/conversation/hand-over.ts'
import type { Carrier, Job } from '../../../lib/conversation/job.ts'
import type { ClaimResult, Entry, LastConversation, Ledger } from '../../../lib/conversation/ledger.ts'
import type { Quarantine } from '../../../lib/conversation/quarantine.ts'
import {
  type AppError,
  LivePersonRejectedError,
  LivePersonUnavailableError,
  RequestIdReusedError,
  ServiceUnavailableError,
  toError,
} from '../../../lib/errors/errors.ts'
import type { CreateAnswer, LivePerson, MessageAnswer } from '../../../lib/liveperson/client.ts'
import { createPace, type Pace } from '../../../lib/liveperson/pace.ts'
import { anyFacts } from '../../support/any-facts.ts'
import { acceptedRequest, createFakeLog, fakeLedger, fakeLivePerson, fakeQueues } from './fakes.ts'

const START = 1_800_000_000_000
const DEADLINE = START + 6000
const ALIVE_UNTIL = START + 15_000
const HOUR = 3_600_000
const GIVE_UP_AFTER = 72 * HOUR

const DESTINATION = {
  campaignId: '3120045610',
  engagementId: '3120047711',
  ttr: 'NORMAL',
  routeAttributes: [{ type: 'ctmrinfo', info: { ctype: 'vip' } }],
} satisfies Job['destination']
const PK = 'request#1'
const LP_CONSUMER = 'a'.repeat(64)
const OPENED: CreateAnswer = {
  kind: 'opened',
  conversationId: 'c-1',
  lpConsumerId: LP_CONSUMER,
  profileRefused: false,
  languageRefused: false,
}
const ALREADY_OPEN: CreateAnswer = { kind: 'already_open', lpConsumerId: LP_CONSUMER }
const openedBy = (pk: string, conversationId = 'c-0') => ({ openings: [{ conversationId, openedBy: pk }] })
const LAST = { conversationId: 'c-0', state: 'OPEN', ...openedBy('request#0') } as const

const MEMORY: Carrier = { kind: 'memory' }
const EVENT: Carrier = { kind: 'event', body: '{"a":"record"}', receives: 1 }
const HAND_OVER: Carrier = { kind: 'hand_over', body: '{"handedOver":{}}', receives: 1 }

const UNAVAILABLE = new ServiceUnavailableError({ detail: 'It did not respond.' })
const REFUSED = new LivePersonRejectedError({ detail: 'LivePerson rejected the request.' })
const LOST = new LivePersonUnavailableError({ detail: 'The answer was lost.', mayHaveExecuted: true })
const notCarriedOut = (retryAfterMs?: number) =>
  new LivePersonUnavailableError({
    detail: 'LivePerson answered 429.',
    mayHaveExecuted: false,
    trouble: 'busy',
    retryAfterMs,
  })

/** The claim of an attempt that holds it, or has released it. */
const held: Claim = { attempt: 1, releases: 0, state: 'held' }
const done: Claim = { attempt: 1, releases: 1, state: 'done' }
const queued = (code?: Claim['code']): Claim => ({ attempt: 1, releases: 1, state: 'queued', code })
const message = (members: Partial<Message>): Message => ({ ...NOTHING.message, ...members })

/** What the loop performs steps with. */
type Operations = Pick<Ledger, 'claim' | 'findConversation' | 'forgetConversation'> &
  Pick<Entry, 'record'> &
  Pick<LivePerson, 'identify' | 'openConversation' | 'sendMessage' | 'isOpen'> &
  Pick<Queues, 'handOver'> & { readonly quarantine: Quarantine }

const UNUSED: Entry = {
  pk: PK,
  consumerId: 'crm-1',
  createdAt: 0,
  record: async () => {
    throw new Error('The test replaces it')
  },
}

/** Everything succeeds. */
const SUCCESS: Operations = {
  claim: async () => ({ kind: 'claimed', entry: UNUSED, before: NOTHING }),
  record: async (facts) => facts,
  findConversation: async () => undefined,
  forgetConversation: async () => undefined,
  identify: async () => ({ token: 'consumer-jws', lpConsumerId: LP_CONSUMER }),
  openConversation: async () => OPENED,
  sendMessage: async () => ({ kind: 'sent' }),
  isOpen: async () => true,
  handOver: async () => undefined,
  quarantine: async () => undefined,
}

let time = START
beforeEach(() => {
  time = START
})

interface Setting extends Partial<Operations> {
  readonly carrier?: Carrier
  readonly message?: string
  readonly door?: 'form' | 'queue'
  readonly onLostAnswer?: 'repeat' | 'hold'
  readonly facts?: Facts
  readonly acceptedAt?: number
  readonly pausedMs?: number
  readonly pausedSince?: number
  /** When the latest pause began and ended, as far as the container knows. */
  readonly pausedAt?: number
  readonly resumedAt?: number
  readonly paused?: boolean
  readonly isCopy?: true
  readonly messageId?: string
  /** Default: new ones. */
  readonly createPace?: Pace
  readonly sendPace?: Pace
  /** From 0 up to 1. */
  readonly random?: number
}

const requestOf = ({ message, door }: Setting) =>
  acceptedRequest({ ...(message !== undefined && { message }), ...(door !== undefined && { door }) })

const newPace = () => createPace({ now: () => time, random: () => 0 })

/** Returns the pace of an account in trouble, whose circuit breaker is open. No call is free before a second. */
const openPace = (): Pace => {
  const pace = newPace()
  while (!pace.isOpen()) pace.trouble({ startedAt: time, kind: 'silent' })
  return pace
}

/** Makes one attempt. Returns its result, the calls that it made, in order, and what it logged. */
const attempt = async (setting: Setting) => {
  const { carrier = MEMORY, onLostAnswer = 'repeat', facts, random = 0, paused = false } = setting
  const {
    acceptedAt = START,
    pausedMs = 0,
    pausedSince,
    pausedAt,
    resumedAt,
    createPace = newPace(),
    sendPace = newPace(),
  } = setting
  const calls: (readonly unknown[])[] = []
  const answers: (readonly unknown[])[] = []
  const recorded =
    <Input extends readonly unknown[], Output>(name: string, operation: (...input: Input) => Output) =>
    (...input: Input): Output => {
      calls.push([name, ...input])
      return operation(...input)
    }
  const operations = { ...SUCCESS, ...setting }
  const { log, lines } = createFakeLog()
  const livePerson = fakeLivePerson({
    identify: recorded('identify', operations.identify),
    openConversation: recorded('openConversation', operations.openConversation),
    sendMessage: recorded('sendMessage', operations.sendMessage),
    isOpen: recorded('isOpen', operations.isOpen),
  })
  const record = recorded('record', operations.record)
  const account: Account = {
    livePerson,
    pause: {
      isPaused: async () => paused,
      load: async () => undefined,
      latest: () => ({ pausedAt, resumedAt }),
    },
    createPace,
    sendPace,
    onAnswer: (...answer) => void answers.push(answer),
    onPaused: () => undefined,
  }
  const run = createAttempt({
    uuid: () => LEASE.leaseId,
    ledger: fakeLedger({
      claim: recorded('claim', async (...input) => {
        const claimed = await operations.claim(...input)
        return { ...claimed, entry: { ...claimed.entry, record } }
      }),
      findConversation: recorded('findConversation', operations.findConversation),
      forgetConversation: recorded('forgetConversation', operations.forgetConversation),
    }),
    queues: fakeQueues({ handOver: recorded('handOver', operations.handOver) }),
    quarantine: recorded('quarantine', operations.quarantine),
    accountOf: () => account,
    giveUpAfterMs: GIVE_UP_AFTER,
    log,
    now: () => time,
    sleep: async (ms) => {
      calls.push(['sleep', ms])
      time += ms
    },
    random: () => random,
  })
  const { accounts } = parseStageConfig(
    { accounts: [{ accountId: '70123456', onLostAnswer }] },
    { name: 'the test', loopback: true },
  )
  const [config] = accounts
  if (!config) throw new Error('The stage has an account')
  const job: Job = {
    request: requestOf(setting),
    account: config,
    destination: DESTINATION,
    facts,
    acceptedAt,
    pausedMs,
    pausedSince,
    isCopy: setting.isCopy,
    messageId: setting.messageId,
  }
  const attempted = await run(job, carrier, { deadline: DEADLINE, aliveUntil: ALIVE_UNTIL })
  const { failures = [], ...result } = attempted
  const failed = failures.map(({ step, error: { code } }) => ({ step, code }))
  return { result, failed, calls, answers, lines, names: calls.map(([name]) => name) }
}

const throws = (error: unknown) => async (): Promise<never> => {
  throw error
}

/** Returns an operation that throws once and then succeeds. */
const throwsOnce = <Input extends readonly unknown[], Output>(
  error: unknown,
  operation: (...input: Input) => Promise<Output>,
) => {
  let isFirst = true
  return async (...input: Input): Promise<Output> => {
    if (!isFirst) return operation(...input)
    isFirst = false
    throw error
  }
}

/** Returns a claim after which the ledger holds these facts. */
const claimAfter =
  (before: Facts): Ledger['claim'] =>
  async () => ({ kind: 'claimed', entry: UNUSED, before })

const heldByAnother: Ledger['claim'] = async () => ({
  kind: 'held',
  entry: UNUSED,
  facts: { ...NOTHING, claim: held },
})

/** The calls of every attempt that starts without knowledge. */
/** A token may take 5 s. */
const identify = ['identify', 'crm-1', START + 5000]
const identifyAgain = ['identify', 'crm-1', DEADLINE]
const LEASE = { leaseId: 'lease-of-this-attempt', lostLeases: [] }
const claim = (setting: Setting = {}) => ['claim', requestOf(setting), DESTINATION, ALIVE_UNTIL, LEASE]
const create = [
  'openConversation',
  'crm-1',
  expect.objectContaining({ ...DESTINATION, engagementAttributes: DESTINATION.routeAttributes }),
  DEADLINE,
  expect.any(Function),
]
const lookUp = ['findConversation', '70123456', LP_CONSUMER]
const known = (more: Partial<Facts>): Facts => ({ ...NOTHING, claim: held, ...more })
/** The facts of a request that opened a conversation without a message. */
const openedFacts = (at = START): Facts =>
  known({
    claim: done,
    conversation: { kind: 'opened', conversationId: 'c-1' },
    lpConsumerId: LP_CONSUMER,
    openedAt: at,
  })
/** The facts that an attempt handed over. */
const handedOver = (calls: readonly (readonly unknown[])[]) => {
  const [, body] = calls.find(([name]) => name === 'handOver') ?? []
  return readHandOver(JSON.parse(String(body)))
}

describe('each step calls its operation, in the order of the protocol', () => {
  const Hello = { message: 'Hello' }

  test('a new request', async () => {
    const { result, calls } = await attempt({})
    expect(calls).toEqual([identify, claim(), create, ['record', openedFacts()]])
    expect(result).toEqual({
      kind: 'finished',
      outcome: { status: 'opened', conversationId: 'c-1' },
      repeated: false,
    })
  })

  test('a new request with a message', async () => {
    const { result, calls } = await attempt(Hello)
    expect(calls).toEqual([
      identify,
      claim(Hello),
      create,
      // If this attempt dies while it sends, no later one sends the message again.
      ['record', { ...openedFacts(), claim: held, message: message({ tried: 1 }) }],
      ['sendMessage', 'crm-1', 'c-1', 'Hello', DEADLINE],
      ['record', { ...openedFacts(), message: message({ tried: 1, sent: true }) }],
    ])
    expect(result).toMatchObject({ outcome: { status: 'opened', messageStatus: 'sent' } })
  })

  test('a consumer whose conversation is open, and no message', async () => {
    const { result, calls } = await attempt({
      openConversation: async () => ALREADY_OPEN,
      findConversation: async () => LAST,
    })
    const conversation = { kind: 'existing', conversationId: 'c-0' } as const
    expect(calls).toEqual([
      identify,
      claim(),
      create,
      lookUp,
      ['isOpen', 'crm-1', 'c-0', DEADLINE],
      ['record', known({ claim: done, conversation, lpConsumerId: LP_CONSUMER })],
    ])
    expect(result).toMatchObject({ outcome: { status: 'existing', conversationId: 'c-0' } })
  })

  test('a consumer of whom LivePerson does not say whether the conversation is open', async () => {
    const { result, failed } = await attempt({
      openConversation: async () => ALREADY_OPEN,
      findConversation: async () => LAST,
      isOpen: async () => notCarriedOut(),
    })
    expect(result).toMatchObject({ kind: 'finished', outcome: { status: 'existing' } })
    expect(failed).toEqual([{ step: 'ask', code: 'liveperson_unavailable' }])
  })

  test('a consumer whose conversation is open, and a message', async () => {
    const { result, calls } = await attempt({
      ...Hello,
      openConversation: async () => ALREADY_OPEN,
      findConversation: async () => LAST,
    })
    expect(calls.slice(4, -1)).toEqual([
      ['record', known({ lpConsumerId: LP_CONSUMER, message: message({ tried: 1 }) })],
      ['sendMessage', 'crm-1', 'c-0', 'Hello', DEADLINE],
    ])
    expect(result).toMatchObject({
      outcome: { status: 'existing', conversationId: 'c-0', messageStatus: 'sent' },
    })
  })

  test.each<[string, Setting, readonly string[]]>([
    ['says that it is closed', { isOpen: async () => false }, ['isOpen']],
    [
      'refuses the message because it is closed',
      { ...Hello, sendMessage: async () => ({ kind: 'closed' }) },
      ['record', 'sendMessage'],
    ],
  ])(
    'a consumer whose last known conversation isn’t the open one: LivePerson %s',
    async (_, setting, asking) => {
      let creates = 0
      let isForgotten = false
      const { result, calls, names } = await attempt({
        ...setting,
        // It was closed just now, so that the next create opens one.
        openConversation: async () => (creates++ === 0 ? ALREADY_OPEN : OPENED),
        findConversation: async () => (isForgotten ? { ...LAST, state: 'CLOSE' } : LAST),
        forgetConversation: async () => {
          isForgotten = true
        },
        ...('message' in setting && {
          sendMessage: async (_consumer, conversationId) =>
            conversationId === 'c-0' ? { kind: 'closed' } : { kind: 'sent' },
        }),
      })
      expect(names.slice(3)).toEqual([
        'findConversation',
        ...asking,
        'forgetConversation',
        'identify',
        'openConversation',
        ...('message' in setting ? asking : []),
        'record',
      ])
      expect(calls).toContainEqual(['forgetConversation', '70123456', LP_CONSUMER, 'c-0'])
      expect(result).toMatchObject({ outcome: { status: 'opened', conversationId: 'c-1' } })
    },
  )

  test('a consumer whose conversations keep being closed is left to a later attempt', async () => {
    const { result, names } = await attempt({
      carrier: EVENT,
      openConversation: async () => ALREADY_OPEN,
      findConversation: async () => LAST,
      isOpen: async () => false,
    })
    expect(names.filter((name) => name === 'openConversation')).toHaveLength(3)
    expect(result).toMatchObject({ kind: 'queued', kept: 'in_record' })
  })

  test.each<[string, Awaited<ReturnType<Ledger['findConversation']>>]>([
    ['unknown', undefined],
    ['known without its id', { state: 'OPEN', openings: [] }],
  ])('a consumer whose open conversation is %s', async (_, last) => {
    const { result, names } = await attempt({
      openConversation: async () => ALREADY_OPEN,
      findConversation: async () => last,
    })
    expect(names.slice(3)).toEqual(['findConversation', 'record', 'record'])
    expect(result).toEqual({ kind: 'finished', outcome: { status: 'existing' }, repeated: false })
  })

  test('a message for an open conversation whose id nobody knows yet', async () => {
    const setting: Setting = { ...Hello, carrier: EVENT, openConversation: async () => ALREADY_OPEN }
    const { result, calls } = await attempt(setting)
    expect(calls.slice(3)).toEqual([
      lookUp,
      ['record', known({ claim: queued(), lpConsumerId: LP_CONSUMER, idMissingSince: START })],
    ])
    expect(result).toEqual({ kind: 'queued', kept: 'in_record' })
  })

  test('a message for an open conversation whose id nobody has known for 15 minutes', async () => {
    const before: Facts = { ...NOTHING, claim: queued(), idMissingSince: START - 15 * 60_000 }
    const { result } = await attempt({
      ...Hello,
      carrier: EVENT,
      openConversation: async () => ALREADY_OPEN,
      claim: claimAfter(before),
    })
    expect(result).toEqual({
      kind: 'finished',
      outcome: { status: 'existing', messageStatus: 'not_sent', messageCode: 'conversation_unknown' },
      repeated: false,
    })
  })

  test('a conversation that is closed for everybody, and that LivePerson counts as open', async () => {
    const { result, names } = await attempt({
      ...Hello,
      carrier: EVENT,
      openConversation: async () => ALREADY_OPEN,
      findConversation: async () => ({ ...LAST, state: 'CLOSE' }),
    })
    expect(names.slice(3)).toEqual(['findConversation', 'record'])
    expect(result).toEqual({ kind: 'queued', kept: 'in_record' })
  })

  test('a conversation that is closed for everybody keeps its message waiting for longer than an id', async () => {
    const { result } = await attempt({
      ...Hello,
      carrier: EVENT,
      openConversation: async () => ALREADY_OPEN,
      findConversation: async () => ({ ...LAST, state: 'CLOSE' }),
      claim: claimAfter({ ...NOTHING, claim: queued(), idMissingSince: START - 15 * 60_000 }),
    })
    expect(result).toEqual({ kind: 'queued', kept: 'in_record' })
  })

  test('a conversation without an id is not given up while its account is paused', async () => {
    const facts = known({
      claim: queued(),
      conversation: { kind: 'opened' },
      lpConsumerId: LP_CONSUMER,
      idMissingSince: START - HOUR,
    })
    const setting: Setting = { ...Hello, carrier: HAND_OVER, facts, claim: claimAfter(facts) }
    const waiting = await attempt({ ...setting, paused: true })
    expect(waiting.result).toMatchObject({ outcome: { messageStatus: 'pending' }, kept: 'in_hand_over' })
    const given = await attempt(setting)
    expect(given.result).toMatchObject({ outcome: { messageCode: 'conversation_unknown' } })
  })

  test('the last known of two conversations that this request opened', async () => {
    const openings = ['c-0', 'c-2'].map((conversationId) => ({ conversationId, openedBy: PK }))
    const { result } = await attempt({
      openConversation: async () => ALREADY_OPEN,
      findConversation: async () => ({ ...LAST, conversationId: 'c-2', openings }),
    })
    expect(result).toMatchObject({ outcome: { status: 'opened', conversationId: 'c-2' } })
  })

  test('a conversation that an earlier attempt of this request opened', async () => {
    const { result, names } = await attempt({
      openConversation: async () => ALREADY_OPEN,
      findConversation: async () => ({ ...LAST, ...openedBy(PK) }),
    })
    expect(names.slice(3)).toEqual(['findConversation', 'record'])
    expect(result).toMatchObject({ outcome: { status: 'opened', conversationId: 'c-0' } })
  })

  test.each<[string, Pick<LastConversation, 'state'>]>([
    ['is open, and nobody knows whose', { state: 'OPEN' }],
    ['is closed', { state: 'CLOSE' }],
  ])('a conversation that an earlier attempt opened, though a later one %s', async (_, later) => {
    const { result } = await attempt({
      openConversation: async () => ALREADY_OPEN,
      claim: claimAfter({ ...NOTHING, claim: held }),
      findConversation: async () => ({
        ...LAST,
        ...later,
        ...openedBy(PK, 'c-earlier'),
        openedAt: START,
      }),
    })
    expect(result).toMatchObject({ outcome: { status: 'opened', conversationId: 'c-earlier' } })
  })

  describe('a conversation that nobody claims', () => {
    const TRIED_UNTIL = START - 600_000
    /** The status of a request whose first attempt died, and who meets a conversation that began at a time. */
    const meet = async (openedAt: number, openings: LastConversation['openings'] = []) => {
      const entry = { ...UNUSED, createdAt: TRIED_UNTIL - 60_000 }
      const before = { ...NOTHING, claim: held }
      const { result } = await attempt({
        claim: async () => ({ kind: 'claimed', entry, before, triedUntil: TRIED_UNTIL }),
        openConversation: async () => ALREADY_OPEN,
        findConversation: async () => ({ ...LAST, openings, openedAt }),
      })
      return 'outcome' in result ? result.outcome.status : result.kind
    }

    test.each([
      ['opened', 'while an earlier attempt was at work', TRIED_UNTIL - 30_000],
      ['opened', 'while an earlier attempt was at work, by a clock that is ahead', TRIED_UNTIL + 4000],
      ['opened', 'soon after an earlier attempt had stopped waiting', TRIED_UNTIL + 12_000],
      ['existing', 'before the request', TRIED_UNTIL - 70_000],
      ['existing', 'long after the earlier attempts', TRIED_UNTIL + 21_000],
    ])('is %s if it began %s', async (status, _, openedAt) => {
      expect(await meet(openedAt)).toBe(status)
    })

    test.each([
      ['the answer came', 1000, 1000],
      ['the create began, if the container was frozen meanwhile', 65_000, 0],
    ])('is looked for at the time when %s', async (_, ms, after) => {
      const { result, calls } = await attempt({
        openConversation: async () => {
          time += ms
          return ALREADY_OPEN
        },
        findConversation: async () => {
          time += 10_000
          return undefined
        },
      })
      expect(result).toMatchObject({ outcome: { status: 'existing' } })
      expect(calls.at(-1)).toMatchObject(['record', { idMissingSince: START + after }])
    })

    test('is existing if another request opened it', async () => {
      const { openings } = openedBy('request#0')
      expect(await meet(TRIED_UNTIL - 30_000, openings)).toBe('existing')
    })

    test('is opened if another request opened another one', async () => {
      const { openings } = openedBy('request#0', 'c-earlier')
      expect(await meet(TRIED_UNTIL - 30_000, openings)).toBe('opened')
    })

    test('is opened if another request is only inferred to have opened it', async () => {
      const [opening] = openedBy('request#0').openings
      const openings = opening ? [{ ...opening, isInferred: true } as const] : []
      expect(await meet(TRIED_UNTIL - 30_000, openings)).toBe('opened')
    })
  })

  test('a create that LivePerson did not carry out', async () => {
    const { result, calls } = await attempt({
      openConversation: throwsOnce(notCarriedOut(), SUCCESS.openConversation),
    })
    expect(calls.slice(2, -1)).toEqual([create, ['sleep', 1000], identifyAgain, create])
    expect(result).toMatchObject({ outcome: { status: 'opened' } })
  })

  test('a create that LivePerson asked to repeat later', async () => {
    const { calls } = await attempt({
      openConversation: throwsOnce(notCarriedOut(2000), SUCCESS.openConversation),
    })
    expect(calls.slice(2, -1)).toEqual([create, ['sleep', 2000], identifyAgain, create])
  })

  test('a create that LivePerson asked to repeat after more than 2 s', async () => {
    const { result, names } = await attempt({ openConversation: throws(notCarriedOut(2001)) })
    expect(names.slice(2)).toEqual(['openConversation', 'handOver', 'record'])
    expect(result).toMatchObject({ kind: 'queued', kept: 'in_hand_over' })
  })

  test('a create of a record that LivePerson did not carry out', async () => {
    const { result, names } = await attempt({ carrier: EVENT, openConversation: throws(notCarriedOut()) })
    expect(names.slice(2)).toEqual(['openConversation', 'record'])
    expect(result).toMatchObject({ kind: 'queued', kept: 'in_record' })
  })

  test('a create whose answer was lost, from memory', async () => {
    const { result, calls } = await attempt({ openConversation: throws(LOST) })
    const facts: Facts = {
      ...NOTHING,
      claim: queued('liveperson_unavailable'),
      conversation: { kind: 'in_doubt' },
      handedOver: true,
      doubtUntil: START,
    }
    const body = toHandOver({
      request: acceptedRequest(),
      destination: DESTINATION,
      facts,
      acceptedAt: START,
      pausedMs: 0,
    })
    expect(calls.slice(3)).toEqual([
      ['handOver', body, { delayMs: 5000, group: '70123456-queue' }],
      ['record', { ...facts, lpConsumerId: LP_CONSUMER }],
    ])
    expect(result).toEqual({ kind: 'queued', kept: 'in_hand_over', error: LOST })
  })

  test.each<[string, AppError, readonly string[] | undefined]>([
    ['whose answer was lost', new ServiceUnavailableError({ detail: 'No answer' }), [LEASE.leaseId]],
    [
      'that DynamoDB refused',
      new ServiceUnavailableError({ detail: 'Throttled', isRefused: true }),
      undefined,
    ],
    ['with another content', new RequestIdReusedError({ detail: 'Reused' }), undefined],
  ])('a claim %s: the hand-over carries its lease only if it may be held', async (_, error, leases) => {
    const { calls, failed } = await attempt({ claim: throws(error) })
    const isHandedOver = calls.some(([name]) => name === 'handOver')
    expect(isHandedOver).toBe(error.retryable)
    if (isHandedOver) expect(handedOver(calls).lostLeases ?? undefined).toEqual(leases)
    expect(failed.every(({ step }) => step === 'claim')).toBe(true)
  })

  test('a create whose answer was lost, from a record', async () => {
    const { result, calls } = await attempt({ carrier: EVENT, openConversation: throws(LOST) })
    const claim = queued('liveperson_unavailable')
    expect(calls.slice(3)).toEqual([
      [
        'record',
        known({
          ...{ claim, conversation: { kind: 'in_doubt' }, doubtUntil: START },
          lpConsumerId: LP_CONSUMER,
        }),
      ],
    ])
    expect(result).toEqual({ kind: 'queued', kept: 'in_record', error: LOST })
  })

  test('a create whose answer was lost, if a person has to look', async () => {
    for (const carrier of [MEMORY, EVENT]) {
      const { result, calls, names } = await attempt({
        carrier,
        onLostAnswer: 'hold',
        openConversation: throws(LOST),
      })
      // What only memory holds must be in quarantine before the ledger says so.
      expect(names.slice(3)).toEqual(carrier === MEMORY ? ['quarantine', 'record'] : ['record', 'quarantine'])
      expect(calls).toContainEqual([
        'record',
        known({
          ...{ claim: done, conversation: { kind: 'unknown' }, doubtUntil: START },
          lpConsumerId: LP_CONSUMER,
        }),
      ])
      expect(result).toMatchObject({ outcome: { status: 'outcome_unknown', code: 'outcome_unknown' } })
    }
  })

  test('a refused request', async () => {
    const facts = known({
      claim: done,
      conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 1 },
      lpConsumerId: LP_CONSUMER,
    })
    const fromMemory = await attempt({ openConversation: throws(REFUSED) })
    expect(fromMemory.calls.slice(3)).toEqual([['record', facts]])
    expect(fromMemory.result).toEqual({
      kind: 'finished',
      outcome: { status: 'rejected', code: 'liveperson_rejected' },
      repeated: false,
      error: REFUSED,
    })
    const fromRecord = await attempt({ carrier: EVENT, openConversation: throws(REFUSED) })
    expect(fromRecord.names.slice(3)).toEqual(['record', 'quarantine'])
    expect(fromRecord.result).toEqual(fromMemory.result)
  })

  test('a request that is refused after a lost answer', async () => {
    for (const carrier of [MEMORY, EVENT]) {
      const { result, calls, names } = await attempt({
        carrier,
        claim: claimAfter({ ...NOTHING, claim: queued(), conversation: { kind: 'in_doubt' } }),
        openConversation: throws(REFUSED),
      })
      expect(names.slice(3).toSorted()).toEqual(['quarantine', 'record'])
      expect(calls).toContainEqual([
        'record',
        {
          ...NOTHING,
          claim: { attempt: 2, releases: 2, state: 'done' },
          conversation: { kind: 'unknown' },
          lpConsumerId: LP_CONSUMER,
        },
      ])
      expect(result).toMatchObject({ outcome: { status: 'outcome_unknown' } })
    }
  })

  test('a held request, from memory', async () => {
    const { result, calls } = await attempt({ claim: heldByAnother })
    const facts = { ...NOTHING, handedOver: true }
    const body = toHandOver({
      request: acceptedRequest(),
      destination: DESTINATION,
      facts,
      acceptedAt: START,
      pausedMs: 0,
    })
    expect(calls).toEqual([
      identify,
      claim(),
      ['sleep', 150],
      claim(),
      ['sleep', 350],
      claim(),
      ['sleep', 700],
      claim(),
      ['handOver', body, { delayMs: 5000, group: '70123456-queue' }],
      // If the other attempt is dead, the status is queued, not failed.
      ['record', { ...facts, lpConsumerId: LP_CONSUMER }],
    ])
    expect(result).toEqual({ kind: 'opening' })
  })

  test('a held request, from a record', async () => {
    const { result, calls } = await attempt({ carrier: EVENT, claim: heldByAnother })
    expect(calls).toEqual([identify, claim()])
    expect(result).toEqual({ kind: 'opening' })
  })

  test('a finished request', async () => {
    const facts = known({ conversation: { kind: 'opened', conversationId: 'c-1' } })
    const { result, calls } = await attempt({
      claim: async () => ({ kind: 'final', facts, entry: UNUSED }),
    })
    expect(calls).toEqual([identify, claim()])
    expect(result).toEqual({
      kind: 'finished',
      outcome: { status: 'opened', conversationId: 'c-1' },
      repeated: true,
    })
  })

  test('a hand-over of a known outcome', async () => {
    const conversation = { kind: 'opened', conversationId: 'c-1' } as const
    const { result, calls } = await attempt({ carrier: HAND_OVER, facts: { ...NOTHING, conversation } })
    expect(calls).toEqual([claim(), ['record', known({ claim: done, conversation })]])
    expect(result).toMatchObject({ outcome: { status: 'opened', conversationId: 'c-1' } })
  })

  test('an outcome that the ledger did not accept', async () => {
    for (const carrier of [MEMORY, EVENT]) {
      const { result, calls, names } = await attempt({ carrier, record: throws(UNAVAILABLE) })
      expect(names.slice(3)).toEqual(['record', 'handOver'])
      expect(handedOver(calls).facts).toEqual({ ...openedFacts(), handedOver: true })
      expect(result).toMatchObject({ kind: 'finished', outcome: { status: 'opened', conversationId: 'c-1' } })
    }
  })

  test('a message is not sent if the ledger can’t be told before, and the queue keeps it', async () => {
    const { result, calls, names } = await attempt({ ...Hello, record: throws(UNAVAILABLE) })
    expect(names.slice(3)).toEqual(['record', 'handOver'])
    expect(handedOver(calls).facts).toMatchObject({
      conversation: { kind: 'opened', conversationId: 'c-1' },
      // The ledger may hold the try.
      message: { tried: 1, refused: 1, sent: false },
    })
    expect(result).toMatchObject({
      kind: 'finished',
      outcome: { status: 'opened', messageStatus: 'pending' },
      kept: 'in_hand_over',
    })
  })
})

describe('a message that LivePerson certainly did not accept', () => {
  const busy: Setting = {
    message: 'Hello',
    sendMessage: async () => ({ kind: 'owed', error: notCarriedOut(1000) }),
  }

  test.each([
    [MEMORY, ['handOver', 'record'], 'in_hand_over'],
    [EVENT, ['record'], 'in_record'],
    [HAND_OVER, ['record'], 'in_record'],
  ] as const)('is owed, and a queue keeps it: $kind', async (carrier, keeping, kept) => {
    const { result, names } = await attempt({ ...busy, carrier })
    expect(names.slice(4)).toEqual(['sendMessage', ...keeping])
    expect(result).toMatchObject({ outcome: { status: 'opened', messageStatus: 'pending' }, kept })
  })

  test('is sent by the next attempt, which creates nothing', async () => {
    const before: Facts = {
      ...openedFacts(),
      claim: queued('liveperson_unavailable'),
      message: message({ tried: 1, refused: 1 }),
    }
    const { result, names } = await attempt({
      message: 'Hello',
      carrier: HAND_OVER,
      facts: before,
      claim: claimAfter(before),
    })
    expect(names).toEqual(['claim', 'record', 'sendMessage', 'record'])
    expect(result).toMatchObject({ outcome: { status: 'opened', messageStatus: 'sent' } })
  })

  test('is not sent to another conversation if this request’s own was closed', async () => {
    const { result, names } = await attempt({
      message: 'Hello',
      carrier: EVENT,
      claim: claimAfter({ ...openedFacts(), claim: queued() }),
      sendMessage: async () => ({ kind: 'closed' }),
    })
    expect(names).not.toContain('openConversation')
    expect(result).toMatchObject({
      outcome: { status: 'opened', messageStatus: 'not_sent', messageCode: 'conversation_closed' },
    })
  })

  test('is not sent while the account has no call to spend', async () => {
    const { result, calls, names } = await attempt({ message: 'Hello', sendPace: openPace() })
    expect(names.slice(3)).toEqual(['record', 'handOver', 'record'])
    expect(handedOver(calls).facts.claim).toMatchObject({ state: 'queued', code: 'liveperson_unavailable' })
    expect(result).toMatchObject({ outcome: { messageStatus: 'pending' }, kept: 'in_hand_over' })
  })

  test.each([
    [MEMORY, 0, []],
    [EVENT, 2000, ['sleep', 'sendMessage', 'record']],
  ] as const)('waits for a call only where nobody waits for it: $kind', async (carrier, waitMs, names) => {
    const waits: number[] = []
    const take = (ms: number) => {
      waits.push(ms)
      return ms > 0 ? 500 : undefined
    }
    const sent = await attempt({ message: 'Hello', carrier, sendPace: { ...newPace(), take } })
    expect(waits).toEqual([waitMs])
    expect(sent.names.slice(4, 4 + names.length)).toEqual(names)
    expect(sent.names.includes('sendMessage')).toBe(names.length > 0)
  })
})

describe('the pace of an account', () => {
  /** Two paces that keep what they are told. */
  const watched = () => {
    const told: (readonly unknown[])[] = []
    const watch = (name: string): Pace => ({
      ...newPace(),
      good: () => void told.push([name, 'good']),
      trouble: (trouble) => void told.push([name, trouble]),
    })
    return { told, createPace: watch('create'), sendPace: watch('send') }
  }
  const send = async (answer: MessageAnswer) => {
    const { told, ...paces } = watched()
    const setting: Setting = { message: 'Hello', carrier: EVENT, sendMessage: async () => answer }
    return { told, ...(await attempt({ ...setting, ...paces })) }
  }

  test.each<MessageAnswer>([{ kind: 'sent' }, { kind: 'closed' }])(
    'is told of a message that LivePerson answered: $kind',
    async (answer) => {
      const { told, answers, failed } = await send(answer)
      expect(told.slice(0, 2)).toEqual([
        ['create', 'good'],
        ['send', 'good'],
      ])
      expect(answers.slice(0, 2)).toEqual([
        ['good', false],
        ['good', false],
      ])
      expect(failed).toEqual([])
    },
  )

  test.each<[MessageAnswer['kind'], MessageAnswer, string, object]>([
    [
      'owed',
      { kind: 'owed', error: notCarriedOut(700) },
      'pending',
      { startedAt: START, kind: 'busy', retryAfterMs: 700 },
    ],
    [
      'unknown',
      { kind: 'unknown', error: LOST },
      'unknown',
      { startedAt: START, kind: 'failed', retryAfterMs: undefined },
    ],
  ])('is told of a message that LivePerson did not take: %s', async (_, answer, messageStatus, trouble) => {
    const { told, failed, result } = await send(answer)
    expect(told).toEqual([
      ['create', 'good'],
      ['send', trouble],
    ])
    expect(failed).toEqual([{ step: 'send', code: 'liveperson_unavailable' }])
    expect(result).toMatchObject({ outcome: { status: 'opened', messageStatus } })
  })

  test('is told of a create that failed, which is told once', async () => {
    const { told, ...paces } = watched()
    const { failed } = await attempt({
      ...paces,
      carrier: EVENT,
      identify: throws(notCarriedOut(700)),
    })
    expect(told).toEqual([['create', { startedAt: START, kind: 'busy', retryAfterMs: 700 }]])
    expect(failed).toEqual([])
  })
})

describe('a request for an account that holds lost answers, after a killed container', () => {
  /** The ledger of a request whose container was killed during its first attempt. */
  const abandoned: Partial<Operations> = { claim: claimAfter({ ...NOTHING, claim: held }) }

  test.each([MEMORY, EVENT])('goes to a person, and is not created again: $kind', async (carrier) => {
    const { result, names } = await attempt({ ...abandoned, carrier, onLostAnswer: 'hold' })
    expect(names).not.toContain('openConversation')
    expect(names).toContain('quarantine')
    expect(result).toMatchObject({ outcome: { status: 'outcome_unknown', code: 'outcome_unknown' } })
  })

  test.each([MEMORY, EVENT])('waits until its consumer can be named: $kind', async (carrier) => {
    const identify = throws(UNAVAILABLE)
    const setting = { ...abandoned, carrier, identify, onLostAnswer: 'hold' } as const
    const { result, calls } = await attempt(setting)
    // It releases its claim, and the next attempt asks again.
    const records = calls.filter(([name]) => name === 'record')
    expect(records).toMatchObject([
      ['record', { claim: { state: 'queued' }, conversation: { kind: 'in_doubt' } }],
    ])
    expect(result).toMatchObject({ kind: 'queued' })
    const rejected = await attempt({ ...setting, identify: throws(REFUSED) })
    expect(rejected.result).toMatchObject({ outcome: { status: 'outcome_unknown' } })
  })

  test('is told as failed, if its consumer can’t be named and no queue takes it', async () => {
    const setting = { ...abandoned, identify: throws(UNAVAILABLE), handOver: throws(UNAVAILABLE) } as const
    const { result, calls, names } = await attempt({ ...setting, onLostAnswer: 'hold' })
    expect(names.filter((name) => name === 'identify').length).toBeLessThanOrEqual(2)
    expect(calls.at(-1)).toMatchObject(['record', { claim: { releases: 1, state: 'failed' } }])
    expect(result).toMatchObject({ kind: 'failed', code: 'service_unavailable' })
  })

  test('releases its claim while its consumer can’t be named, and makes no call for that', async () => {
    const setting = { ...abandoned, carrier: EVENT, createPace: openPace(), identify: throws(UNAVAILABLE) }
    const { names, calls } = await attempt(setting)
    expect(names).toEqual(['claim', 'handOver', 'record'])
    expect(calls.at(-1)).toMatchObject(['record', { claim: { releases: 1, state: 'queued' } }])
  })

  test('asks for its consumer when it knows only from a hand-over that its conversation is open', async () => {
    const facts = known({ claim: queued(), conversation: { kind: 'opened' } })
    const setting: Setting = { carrier: HAND_OVER, facts }
    const named = await attempt(setting)
    expect(named.names).toEqual(['claim', 'identify', 'record'])
    expect(named.calls.at(-1)).toMatchObject(['record', { lpConsumerId: LP_CONSUMER }])
    const unnamed = await attempt({ ...setting, identify: throws(UNAVAILABLE) })
    expect(unnamed.names.slice(0, 2)).toEqual(['claim', 'identify'])
    expect(unnamed.failed).toEqual([{ step: 'identify', code: 'service_unavailable' }])
    expect(unnamed.result).toMatchObject({ outcome: { status: 'opened' }, kept: 'in_record' })
    expect((await attempt({ ...setting, paused: true })).names).toEqual(['claim', 'record'])
  })

  test('is created again if the account repeats them', async () => {
    const { names } = await attempt({ ...abandoned, carrier: EVENT, onLostAnswer: 'repeat' })
    expect(names).toContain('openConversation')
  })
})

describe('a deadline', () => {
  const Hello = { message: 'Hello' }
  const late = (ms: number, opened: CreateAnswer) => async (): Promise<CreateAnswer> => {
    time += ms
    return opened
  }

  test('of a message is 3 s from now if the create used up the time', async () => {
    const { calls } = await attempt({ ...Hello, openConversation: late(6000, OPENED) })
    expect(calls).toContainEqual(['sendMessage', 'crm-1', 'c-1', 'Hello', DEADLINE + 3000])
  })

  test('of a question is 3 s from now if the create used up the time', async () => {
    const { calls } = await attempt({
      openConversation: late(6000, ALREADY_OPEN),
      findConversation: async () => LAST,
    })
    expect(calls).toContainEqual(['isOpen', 'crm-1', 'c-0', DEADLINE + 3000])
  })

  test('leaves time to write the outcome', async () => {
    const { calls } = await attempt({ ...Hello, openConversation: late(12_000, OPENED) })
    expect(calls).toContainEqual(['sendMessage', 'crm-1', 'c-1', 'Hello', ALIVE_UNTIL - 1500])
  })

  test('leaves no time to repeat a create', async () => {
    const { names } = await attempt({
      openConversation: async () => {
        time += 3600
        throw notCarriedOut()
      },
    })
    expect(names.filter((name) => name === 'openConversation')).toHaveLength(1)
    expect(names).not.toContain('sleep')
  })

  test('is short while the circuit breaker is open, because a silent account holds up its whole batch', async () => {
    const createPace = openPace()
    time += 2000
    const { calls } = await attempt({ carrier: EVENT, createPace })
    const [, , , first] = calls.find(([name]) => name === 'openConversation') ?? []
    expect(Number(first) - time).toBeLessThanOrEqual(5000)
    time += 2000
    createPace.trouble({ startedAt: time, kind: 'silent' })
    time += 2000
    const again = await attempt({ carrier: EVENT, createPace })
    const [, , , second] = again.calls.find(([name]) => name === 'openConversation') ?? []
    expect(Number(second) - time).toBeLessThanOrEqual(1000)
  })
})

describe('a pause that LivePerson asks another attempt for, while this one is on its way', () => {
  const pausedBy = (retryAfterMs: number) => {
    const pace = newPace()
    const claim: Ledger['claim'] = async (...input) => {
      pace.trouble({ startedAt: time, kind: 'busy', retryAfterMs })
      return SUCCESS.claim(...input)
    }
    const openConversation: LivePerson['openConversation'] = async (...[, , , beforeCall]) => {
      beforeCall()
      return OPENED
    }
    return { createPace: pace, claim, openConversation }
  }

  test('is kept by a record, which comes back afterwards', async () => {
    const { result, names, answers } = await attempt({ carrier: EVENT, ...pausedBy(20_000) })
    expect(names).toEqual(['identify', 'claim', 'openConversation', 'record'])
    expect(answers).toEqual([])
    expect(result).toMatchObject({ kind: 'queued', kept: 'in_record', error: { retryAfterMs: 20_000 } })
  })

  test('is waited for by a form, if it is short', async () => {
    const { result, names } = await attempt(pausedBy(1500))
    const creates = ['openConversation', 'sleep', 'identify', 'openConversation']
    expect(names).toEqual(['identify', 'claim', ...creates, 'record'])
    expect(result).toMatchObject({ kind: 'finished', outcome: { status: 'opened' } })
  })
})

describe('a failed create', () => {
  test.each<[string, unknown, string]>([
    ['refused', REFUSED, 'refused'],
    ['possibly carried out', LOST, 'in_doubt'],
    ['not carried out', notCarriedOut(), 'none'],
    ['without credentials', toError('credentials_refused'), 'none'],
    ['without hosts', UNAVAILABLE, 'none'],
    ['without a secret', toError('invalid_config'), 'none'],
    ['with an unexpected error', new TypeError('x is not a function'), 'in_doubt'],
  ])('is recorded for what it means: %s', async (_, error, kind) => {
    const { calls } = await attempt({ carrier: EVENT, openConversation: throws(error) })
    const [, facts] = calls.find(([name]) => name === 'record') ?? []
    expect(facts).toMatchObject({ conversation: { kind } })
  })

  test.each<[string, unknown, number]>([
    ['refused', REFUSED, 1],
    ['possibly carried out', LOST, 1],
    ['not carried out', notCarriedOut(), 2],
    ['without credentials', toError('credentials_refused'), 1],
    ['without hosts', UNAVAILABLE, 1],
    ['without a secret', toError('invalid_config'), 1],
    ['with an unexpected error', new TypeError('x is not a function'), 1],
  ])('of a form is repeated once if that is safe and may help: %s', async (_, error, times) => {
    const { names } = await attempt({ openConversation: throws(error) })
    expect(names.filter((name) => name === 'openConversation')).toHaveLength(times)
  })

  test.each<[string, unknown]>([
    ['that only an operator can repair', toError('invalid_config')],
    ['of an account whose credentials are refused', toError('credentials_refused')],
    ['of an unexpected error', new TypeError('x is not a function')],
  ])('of a form %s is handed over', async (_, error) => {
    const { result, names } = await attempt({ openConversation: throws(error) })
    expect(names.slice(2)).toEqual(['openConversation', 'handOver', 'record'])
    expect(result).toMatchObject({ kind: 'queued', kept: 'in_hand_over' })
  })

  test.each<[string, unknown, readonly unknown[]]>([
    ['too many calls', notCarriedOut(60_000), [['busy', false]]],
    ['a lost answer', LOST, [['failed', false]]],
    [
      'silence',
      new LivePersonUnavailableError({ detail: '', mayHaveExecuted: true, trouble: 'silent' }),
      [['silent', false]],
    ],
    ['refused credentials', toError('credentials_refused'), [['failed', false]]],
    // LivePerson answered as documented.
    ['a refusal', REFUSED, [['good', false]]],
    ['an error of our own', new TypeError('x is not a function'), []],
  ])('says something about the account: %s', async (_, error, expected) => {
    const { answers } = await attempt({ carrier: EVENT, openConversation: throws(error) })
    expect(answers).toEqual(expected)
  })
})

describe('while the circuit breaker is open', () => {
  test('a form is handed over at once, without a call to LivePerson', async () => {
    const { result, names, calls } = await attempt({ createPace: openPace() })
    expect(names).toEqual(['claim', 'handOver', 'record'])
    expect(handedOver(calls).facts.conversation.kind).toBe('none')
    expect(result).toEqual({ kind: 'queued', kept: 'in_hand_over' })
  })

  test('a form that nobody can take a call for waits in the queue for a minute at most', async () => {
    const createPace = openPace()
    time += HOUR
    for (let failures = 0; failures < 10; failures++) {
      createPace.take(0)
      createPace.trouble({ startedAt: time, kind: 'silent', retryAfterMs: 900_000 })
    }
    const { calls } = await attempt({ createPace, door: 'form', acceptedAt: START })
    expect(calls.find(([name]) => name === 'handOver')?.[2]).toEqual({
      delayMs: 60_000,
      group: '70123456-form',
    })
  })

  test('a CRM event is parked: the hand-over queue keeps it, with its time of acceptance', async () => {
    const createPace = openPace()
    // Three calls that wait: no call is free within 2 s.
    for (let calls = 0; calls < 3; calls++) createPace.take(5000)
    const { result, names, calls } = await attempt({ carrier: EVENT, createPace, acceptedAt: START - HOUR })
    expect(names).toEqual(['claim', 'handOver', 'record'])
    expect(handedOver(calls)).toMatchObject({ acceptedAt: START - HOUR, facts: { handedOver: true } })
    expect(result).toEqual({ kind: 'queued', kept: 'in_hand_over' })
  })

  test('a record of the hand-over queue is parked again without a call to the ledger', async () => {
    const createPace = openPace()
    for (let calls = 0; calls < 3; calls++) createPace.take(5000)
    const facts = { ...NOTHING, handedOver: true, claim: queued('liveperson_unavailable') }
    const { result, names, calls } = await attempt({ carrier: HAND_OVER, createPace, facts })
    expect(names).toEqual(['handOver'])
    expect(handedOver(calls).facts).toEqual(facts)
    expect(result).toEqual({ kind: 'queued', kept: 'in_hand_over' })
  })

  test('a record that can’t be parked stays in its queue', async () => {
    const createPace = openPace()
    for (let calls = 0; calls < 3; calls++) createPace.take(5000)
    const { result } = await attempt({ carrier: HAND_OVER, createPace, handOver: throws(UNAVAILABLE) })
    expect(result).toEqual({ kind: 'queued', kept: 'in_record', error: UNAVAILABLE })
  })

  test('a record that has a call and meets trouble again is parked', async () => {
    const createPace = openPace()
    time += 2000
    const { result, names } = await attempt({ carrier: EVENT, createPace, openConversation: throws(LOST) })
    expect(names.slice(2)).toEqual(['openConversation', 'handOver', 'record'])
    expect(result).toMatchObject({ kind: 'queued', kept: 'in_hand_over', error: LOST })
  })

  test('no wait is longer than 2 s', async () => {
    for (const carrier of [MEMORY, EVENT, HAND_OVER]) {
      const createPace = newPace()
      for (let calls = 0; calls < 30; calls++) createPace.take(60_000)
      const { calls } = await attempt({ carrier, createPace })
      for (const [name, ms] of calls) if (name === 'sleep') expect(ms).toBeLessThanOrEqual(2000)
    }
  })
})

describe('while the account is paused', () => {
  test('a form is handed over, and LivePerson isn’t called', async () => {
    const { result, names } = await attempt({ paused: true })
    expect(names).toEqual(['claim', 'handOver', 'record'])
    expect(result).toEqual({ kind: 'queued', kept: 'in_hand_over' })
  })

  test('a record waits in the hand-over queue, and doesn’t age', async () => {
    const acceptedAt = START - 500 * HOUR
    const pausedMs = 430 * HOUR
    const { result, calls } = await attempt({ paused: true, carrier: HAND_OVER, acceptedAt, pausedMs })
    expect(handedOver(calls)).toMatchObject({ acceptedAt, pausedMs, pausedSince: START })
    expect(result).toEqual({ kind: 'queued', kept: 'in_hand_over' })
  })

  test('a record has waited until now, although an earlier pause has ended', async () => {
    const pause = { pausedSince: START - 90 * HOUR, resumedAt: START - 60 * HOUR }
    const { calls } = await attempt({
      ...{ paused: true, carrier: HAND_OVER, acceptedAt: START - 500 * HOUR, ...pause },
    })
    expect(handedOver(calls).pausedMs).toBe(90 * HOUR)
  })

  test('nothing is given up, however old it is', async () => {
    for (const carrier of [EVENT, HAND_OVER]) {
      const { result, names } = await attempt({ paused: true, carrier, acceptedAt: START - 500 * HOUR })
      expect(names).not.toContain('quarantine')
      expect(result).toEqual({ kind: 'queued', kept: 'in_hand_over' })
    }
  })

  test('an owed message waits too', async () => {
    const facts: Facts = { ...openedFacts(), claim: queued() }
    const { result, names } = await attempt({
      message: 'Hello',
      paused: true,
      carrier: HAND_OVER,
      facts,
      claim: claimAfter(facts),
    })
    expect(names).not.toContain('sendMessage')
    expect(result).toMatchObject({ outcome: { messageStatus: 'pending' }, kept: 'in_hand_over' })
  })
})

describe('a record that has been tried until it is too old', () => {
  const old = { acceptedAt: START - GIVE_UP_AFTER }

  test.each([EVENT, HAND_OVER])('is given up after one more failure: $kind', async (carrier) => {
    const { result, calls, names } = await attempt({
      ...old,
      carrier,
      openConversation: throws(notCarriedOut()),
    })
    expect(names.slice(2)).toEqual(['openConversation', 'record', 'quarantine'])
    expect(calls.at(-2)).toEqual([
      'record',
      known({
        claim: { attempt: 1, releases: 1, state: 'given_up', code: 'liveperson_unavailable' },
        lpConsumerId: LP_CONSUMER,
      }),
    ])
    expect(calls.at(-1)?.[1]).toMatchObject({ error: { code: 'liveperson_unavailable' }, attempts: 1 })
    expect(result).toMatchObject({ kind: 'failed', code: 'liveperson_unavailable' })
  })

  test('is opened if LivePerson is back', async () => {
    const { result } = await attempt({ ...old, carrier: EVENT })
    expect(result).toMatchObject({ kind: 'finished', outcome: { status: 'opened' } })
  })

  test('is not given up a second earlier', async () => {
    const { result } = await attempt({
      acceptedAt: START - GIVE_UP_AFTER + 1000,
      carrier: EVENT,
      openConversation: throws(LOST),
    })
    expect(result).toMatchObject({ kind: 'queued', kept: 'in_record' })
  })

  test('is not given up for time during which its account was paused', async () => {
    const { result } = await attempt({
      ...old,
      pausedMs: 1000,
      carrier: HAND_OVER,
      openConversation: throws(LOST),
    })
    expect(result).toMatchObject({ kind: 'queued', kept: 'in_record' })
  })

  test('is not given up for the time that it has waited since its account was found paused', async () => {
    const wait = { acceptedAt: START - 500 * HOUR, pausedMs: 400 * HOUR, pausedSince: START - 90 * HOUR }
    const { result, calls } = await attempt({
      ...wait,
      carrier: HAND_OVER,
      openConversation: throws(LOST),
      record: throws(UNAVAILABLE),
    })
    expect(result).toMatchObject({ kind: 'queued', kept: 'in_hand_over' })
    const { pausedMs, pausedSince } = handedOver(calls)
    expect({ pausedMs, pausedSince }).toEqual({ pausedMs: 490 * HOUR, pausedSince: undefined })
  })

  test.each([
    ['until its account was resumed', START - 60 * HOUR, 430 * HOUR],
    ['until now, if the container has not heard of the pause', START - 95 * HOUR, 490 * HOUR],
  ])('has waited %s', async (_, resumedAt, pausedMs) => {
    const { calls } = await attempt({
      ...{ acceptedAt: START - 500 * HOUR, pausedMs: 400 * HOUR, pausedSince: START - 90 * HOUR, resumedAt },
      carrier: HAND_OVER,
      openConversation: throws(LOST),
      record: throws(UNAVAILABLE),
    })
    expect(handedOver(calls).pausedMs).toBe(pausedMs)
  })

  test.each([
    ['until its end', { pausedAt: START - 90 * HOUR, resumedAt: START - 60 * HOUR }, 30 * HOUR],
    [
      'until now, if it has not ended',
      { pausedAt: START - 90 * HOUR, resumedAt: START - 95 * HOUR },
      90 * HOUR,
    ],
    ['from when it was accepted', { pausedAt: START - 900 * HOUR, resumedAt: START - 60 * HOUR }, 440 * HOUR],
    [
      'not at all, if it was accepted later',
      { pausedAt: START - 900 * HOUR, resumedAt: START - 800 * HOUR },
      0,
    ],
  ])('has waited for the latest pause %s, if it does not know of it', async (_, latest, pausedMs) => {
    const { calls } = await attempt({
      ...{ acceptedAt: START - 500 * HOUR, pausedMs: 0, ...latest },
      carrier: HAND_OVER,
      openConversation: throws(LOST),
      record: throws(UNAVAILABLE),
    })
    expect(handedOver(calls).pausedMs).toBe(pausedMs)
  })

  test('is not given up untried', async () => {
    const createPace = openPace()
    for (let calls = 0; calls < 3; calls++) createPace.take(5000)
    for (const carrier of [EVENT, HAND_OVER]) {
      const { result } = await attempt({ ...old, carrier, createPace })
      expect(result).toEqual({ kind: 'queued', kept: 'in_hand_over' })
    }
  })

  test('ends as unknown if it may have reached LivePerson', async () => {
    const { result, names } = await attempt({ ...old, carrier: EVENT, openConversation: throws(LOST) })
    expect(names.slice(3).filter((name) => name === 'quarantine')).toHaveLength(1)
    expect(result).toMatchObject({ kind: 'finished', outcome: { status: 'outcome_unknown' } })
  })

  test('ends without its message if its conversation is open', async () => {
    const { result, names } = await attempt({
      ...old,
      message: 'Hello',
      carrier: EVENT,
      sendMessage: async () => ({ kind: 'owed', error: notCarriedOut() }),
    })
    expect(names).not.toContain('quarantine')
    expect(result).toMatchObject({
      kind: 'finished',
      outcome: { status: 'opened', messageStatus: 'not_sent', messageCode: 'given_up' },
    })
  })

  test('stays in its queue if the quarantine queue doesn’t take it', async () => {
    const { result } = await attempt({
      ...old,
      carrier: EVENT,
      openConversation: throws(notCarriedOut()),
      quarantine: throws(UNAVAILABLE),
    })
    expect(result).toMatchObject({ kind: 'queued', kept: 'in_record' })
  })
})

describe('a record whose attempts died', () => {
  const claimAfterDeaths = (deaths: number): Ledger['claim'] =>
    claimAfter({
      ...NOTHING,
      claim: { attempt: deaths + 2, releases: 2, state: 'held' },
      conversation: { kind: 'in_doubt' },
    })

  test.each([EVENT, HAND_OVER])('five times is quarantined as interrupted: $kind', async (carrier) => {
    const { result, calls, names } = await attempt({ carrier, claim: claimAfterDeaths(5) })
    expect(names.slice(2)).toEqual(['record', 'quarantine'])
    expect(calls.at(-1)?.[1]).toMatchObject({ error: { code: 'interrupted' }, attempts: 8 })
    expect(result).toMatchObject({ kind: 'failed', code: 'interrupted' })
  })

  test('four times is tried again', async () => {
    const { result } = await attempt({ carrier: EVENT, claim: claimAfterDeaths(4) })
    expect(result).toMatchObject({ kind: 'finished', outcome: { status: 'opened' } })
  })

  test.each([EVENT, HAND_OVER])('twice leaves its batch before the next try: $kind', async (carrier) => {
    const { result, names, calls } = await attempt({
      carrier: { ...carrier, receives: 3 },
      claim: claimAfterDeaths(2),
      random: 0.5,
    })
    expect(names.filter((name) => name !== 'identify')).toEqual(['claim', 'handOver', 'record'])
    expect(result).toMatchObject({ kind: 'queued', kept: 'in_hand_over' })
    expect(calls.find(([name]) => name === 'handOver')?.[2]).toMatchObject({ delayMs: 150_000 })
  })

  test('twice is tried at once where it was sent anew', async () => {
    const { result } = await attempt({ carrier: HAND_OVER, claim: claimAfterDeaths(2) })
    expect(result).toMatchObject({ kind: 'finished', outcome: { status: 'opened' } })
  })

  test('five times is tried again if a form repeats it', async () => {
    const { result } = await attempt({ carrier: MEMORY, claim: claimAfterDeaths(5) })
    expect(result).toMatchObject({ kind: 'finished', outcome: { status: 'opened' } })
  })
})

test.each([
  ['499 times stays in its queue', 499, []],
  ['500 times is sent anew, because SQS takes it to the dead-letter queue after 1,000', 500, ['handOver']],
] as const)('a record that was received %s', async (_, receives, handOvers) => {
  const { names } = await attempt({
    carrier: { ...EVENT, receives },
    openConversation: throws(notCarriedOut()),
  })
  expect(names.filter((name) => name === 'handOver')).toEqual(handOvers)
})

/** Claims a request whose consumer an earlier version has derived. */
const claimOfFirst: Ledger['claim'] = async () => ({
  kind: 'claimed',
  entry: { ...UNUSED, consumerId: 'request-of-the-first-attempt' },
  before: NOTHING,
})

test('the ledger’s consumer is named, though the other one is identified late', async () => {
  const late = Promise.withResolvers<{ readonly token: string; readonly lpConsumerId: string }>()
  const { calls, names } = await attempt({
    carrier: EVENT,
    identify: async (consumerId) =>
      consumerId === 'crm-1' ? late.promise : { token: 'consumer-jws', lpConsumerId: LP_CONSUMER },
    claim: claimOfFirst,
    openConversation: async () => {
      late.resolve({ token: 'consumer-jws', lpConsumerId: 'of-the-other' })
      await late.promise
      throw LOST
    },
  })
  expect(names).toEqual(['identify', 'claim', 'identify', 'openConversation', 'record'])
  expect(calls.at(-1)).toMatchObject(['record', { lpConsumerId: LP_CONSUMER }])
})

test('the ledger’s consumer is used, in case a later version derives another one', async () => {
  const { calls } = await attempt({
    message: 'Hello',
    claim: claimOfFirst,
  })
  const consumers = calls
    .filter(([name]) => name === 'openConversation' || name === 'sendMessage')
    .map(([, consumerId]) => consumerId)
  expect(consumers).toEqual(['request-of-the-first-attempt', 'request-of-the-first-attempt'])
})

describe('an operation that throws', () => {
  const asksFirst: Setting = {
    openConversation: async () => ALREADY_OPEN,
    findConversation: async () => LAST,
  }
  const Hello = { message: 'Hello' }

  test.each<[string, Setting, object]>([
    ['claim', { claim: throws(UNAVAILABLE) }, { kind: 'queued', kept: 'in_hand_over', error: UNAVAILABLE }],
    [
      'look_up',
      { ...asksFirst, findConversation: throws(UNAVAILABLE) },
      { kind: 'queued', kept: 'in_hand_over', error: UNAVAILABLE },
    ],
    [
      'ask',
      { ...asksFirst, isOpen: throws(UNAVAILABLE) },
      { kind: 'finished', outcome: { status: 'existing' } },
    ],
    [
      'send',
      { ...Hello, sendMessage: throws(UNAVAILABLE) },
      { kind: 'finished', outcome: { status: 'opened', conversationId: 'c-1', messageStatus: 'unknown' } },
    ],
    [
      'forget',
      { ...asksFirst, isOpen: async () => false, forgetConversation: throws(UNAVAILABLE) },
      { kind: 'queued', kept: 'in_hand_over', error: UNAVAILABLE },
    ],
    [
      'record',
      { record: throws(UNAVAILABLE) },
      { kind: 'finished', outcome: { status: 'opened', conversationId: 'c-1' } },
    ],
    [
      'record',
      { openConversation: throws(LOST), record: throws(UNAVAILABLE) },
      { kind: 'queued', kept: 'in_hand_over', error: LOST },
    ],
    [
      'hand_over',
      { openConversation: throws(LOST), handOver: throws(UNAVAILABLE) },
      { kind: 'failed', code: 'liveperson_unavailable', error: LOST },
    ],
    [
      'quarantine',
      { carrier: EVENT, openConversation: throws(REFUSED), quarantine: throws(UNAVAILABLE) },
      { kind: 'queued', kept: 'in_record' },
    ],
  ])('fails its step, is told, and the attempt goes on: %s', async (step, setting, expected) => {
    const { result, failed, lines } = await attempt(setting)
    expect(result).toMatchObject(expected)
    const { error } = { error: undefined, ...result }
    // The result's own error is told with the result.
    expect(failed).toEqual(error === UNAVAILABLE ? [] : [{ step, code: 'service_unavailable' }])
    expect(lines).toEqual([])
  })

  test('with an unexpected error is told as internal_error', async () => {
    const { result, failed } = await attempt({ claim: throws(new TypeError('x is not a function')) })
    expect(failed).toEqual([])
    expect(result).toMatchObject({ kind: 'queued', error: { code: 'internal_error' } })
  })

  test('because the id was used before is final', async () => {
    const error = new RequestIdReusedError({ detail: 'It was used before.' })
    const fromMemory = await attempt({ claim: throws(error) })
    expect(fromMemory).toMatchObject({
      names: ['identify', 'claim'],
      result: { kind: 'failed', code: 'request_id_reused', error },
    })
    const fromRecord = await attempt({ carrier: EVENT, claim: throws(error) })
    expect(fromRecord).toMatchObject({
      names: ['identify', 'claim', 'quarantine'],
      result: { kind: 'failed', code: 'request_id_reused', error },
    })
  })

  test('while it identifies the consumer means that nothing was created', async () => {
    const { result, names, failed } = await attempt({ identify: throws(UNAVAILABLE) })
    expect(names).toEqual(['identify', 'claim', 'handOver', 'record'])
    expect(result).toEqual({ kind: 'queued', kept: 'in_hand_over', error: UNAVAILABLE })
    expect(failed).toEqual([])
  })

  test('while it identifies the consumer is told if the claim fails, too, unless it comes later', async () => {
    const identified = Promise.withResolvers<never>()
    const claimFails: Setting = { carrier: EVENT, claim: throws(UNAVAILABLE) }
    const early = await attempt({ ...claimFails, identify: throws(notCarriedOut()) })
    const late = await attempt({ ...claimFails, identify: () => identified.promise })
    identified.reject(notCarriedOut())
    await expect(identified.promise).rejects.toBeInstanceOf(LivePersonUnavailableError)
    expect(early.failed).toEqual([{ step: 'identify', code: 'liveperson_unavailable' }])
    expect(late.failed).toEqual([])
    for (const { result } of [early, late]) expect(result).toMatchObject({ error: UNAVAILABLE })
  })

  test('everywhere leaves the retry to the sender', async () => {
    const handOverFailed = new ServiceUnavailableError({ detail: 'SQS did not respond.' })
    const { result, failed } = await attempt({
      claim: throws(UNAVAILABLE),
      handOver: throws(handOverFailed),
    })
    expect(result).toEqual({ kind: 'failed', code: 'service_unavailable', error: UNAVAILABLE })
    expect(failed).toEqual([{ step: 'hand_over', code: 'service_unavailable' }])
  })
})

test('an attempt whose conversation is open identifies the consumer only to send', async () => {
  const facts = { ...openedFacts(), message: message({ tried: 1, refused: 1 }) }
  const owed: Setting = { carrier: HAND_OVER, message: 'Hello', facts, claim: claimAfter(facts) }
  expect((await attempt(owed)).names).toEqual(['claim', 'record', 'sendMessage', 'record'])
  // No message has a turn.
  const { names } = await attempt({ ...owed, sendPace: { ...openPace(), take: () => undefined } })
  expect(names).not.toContain('identify')
  expect(names).not.toContain('sendMessage')
})

describe('a copy that must not create', () => {
  test('is handed over without a wait if another attempt holds the claim', async () => {
    const { result, names } = await attempt({ door: 'form', isCopy: true, claim: heldByAnother })
    expect(result).toEqual({ kind: 'opening' })
    expect(names).toEqual(['claim', 'handOver', 'record'])
    expect(time).toBe(START)
  })

  test('is handed over if it gets the claim', async () => {
    const { result, names } = await attempt({ door: 'form', isCopy: true })
    expect(result).toMatchObject({ kind: 'queued', kept: 'in_hand_over' })
    expect(names).toEqual(['claim', 'handOver', 'record'])
  })
})

describe('a hand-over waits', () => {
  const delayOf = async (setting: Setting) => {
    const { calls } = await attempt(setting)
    return calls.find(([name]) => name === 'handOver')?.[2]
  }
  const unanswered = { openConversation: throws(LOST) }

  test.each<[string, Setting, number]>([
    ['5 s', unanswered, 5000],
    ['5 s if LivePerson asked for less', { openConversation: throws(notCarriedOut(4900)) }, 5000],
    ['as long as LivePerson asked', { openConversation: throws(notCarriedOut(60_000)) }, 60_000],
    ['up to a fifth longer', { openConversation: throws(notCarriedOut(60_000)), random: 1 }, 72_000],
    ['5 s if the ledger fails', { carrier: EVENT, record: throws(UNAVAILABLE), random: 1 }, 5000],
  ])('%s', async (_, setting, delayMs) => {
    expect(await delayOf(setting)).toEqual({ delayMs, group: '70123456-queue' })
  })

  test.each<[string, Setting, number]>([
    ['a minute, if it is new', { acceptedAt: START }, 60_000],
    ['a fifteenth of its age', { acceptedAt: START - HOUR }, 240_000],
    ['15 minutes at most', { acceptedAt: START - 48 * HOUR }, 900_000],
  ])('up to %s, while its account is paused or its claim fails', async (_, setting, delayMs) => {
    const record = { ...setting, carrier: HAND_OVER }
    for (const wait of [{ paused: true }, { claim: throws(UNAVAILABLE) }]) {
      expect(await delayOf({ ...record, ...wait, random: 1 })).toMatchObject({ delayMs })
      expect(await delayOf({ ...record, ...wait, random: 0 })).toMatchObject({ delayMs: 0.7 * delayMs })
    }
  })

  test('as long as messages have to, if its conversation is open', async () => {
    const facts = { ...openedFacts(), message: message({ tried: 1, refused: 1 }) }
    const owed: Setting = { carrier: HAND_OVER, message: 'Hello', facts, sendPace: openPace() }
    time += 30_000
    const setting = { ...owed, acceptedAt: START - HOUR, claim: claimAfter(facts) }
    const busy: MessageAnswer = { kind: 'owed', error: notCarriedOut() }
    expect(await delayOf({ ...setting, sendMessage: async () => busy })).toMatchObject({
      delayMs: (0.7 * (HOUR + 30_000)) / 15,
    })
  })

  test('a form has a group of its own, so that it isn’t kept behind CRM events', async () => {
    expect(await delayOf({ ...unanswered, door: 'form' })).toMatchObject({ group: '70123456-form' })
  })
})

describe('a quarantined request', () => {
  const quarantinedBy = async (setting: Setting) => {
    const { calls } = await attempt(setting)
    return calls.find(([name]) => name === 'quarantine')?.[1]
  }

  test('from an event keeps the event’s body, and says why', async () => {
    expect(await quarantinedBy({ carrier: EVENT, openConversation: throws(REFUSED) })).toEqual({
      body: EVENT.kind === 'event' && EVENT.body,
      queue: 'events',
      error: REFUSED,
      requestId: 'event-0001',
      accountId: '70123456',
      attempts: 1,
    })
  })

  test('from an event that is given up keeps the event’s body', async () => {
    const setting = { carrier: EVENT, acceptedAt: START - GIVE_UP_AFTER } as const
    expect(await quarantinedBy({ ...setting, openConversation: throws(notCarriedOut()) })).toMatchObject({
      body: EVENT.kind === 'event' && EVENT.body,
      queue: 'events',
    })
  })

  test('whose id was used before names its message, so that its reason is kept', async () => {
    const reused = throws(new RequestIdReusedError({ detail: 'It was used before.' }))
    const refused = { messageId: 'message-1', accountId: '70123456' }
    const setting: Setting = { carrier: EVENT, claim: reused }
    expect(await quarantinedBy({ ...setting, messageId: 'message-1' })).toMatchObject({ refused })
    expect(await quarantinedBy(setting)).toMatchObject({ refused: undefined })
    const other: Setting = { carrier: EVENT, messageId: 'message-1', openConversation: throws(REFUSED) }
    expect(await quarantinedBy(other)).toMatchObject({ refused: undefined })
  })

  test('from the hand-over queue keeps nothing that a retry would believe', async () => {
    expect(await quarantinedBy({ carrier: HAND_OVER, openConversation: throws(REFUSED) })).toMatchObject({
      body: toHandOver({ request: acceptedRequest(), destination: DESTINATION, facts: NOTHING }),
      queue: 'handOver',
      error: REFUSED,
    })
  })

  test.each([MEMORY, EVENT, HAND_OVER])(
    'that may have a conversation keeps its request id: $kind',
    async (carrier) => {
      const setting = { carrier, onLostAnswer: 'hold', openConversation: throws(LOST) } as const
      expect(await quarantinedBy(setting)).toMatchObject({
        body: toHandOver({ request: acceptedRequest(), destination: DESTINATION, facts: NOTHING }),
        queue: 'handOver',
        error: { code: 'outcome_unknown' },
        requestId: 'event-0001',
      })
    },
  )

  test('says why even if another attempt was refused', async () => {
    const facts = known({ conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 1 } })
    const setting: Setting = { carrier: EVENT, claim: async () => ({ kind: 'final', facts, entry: UNUSED }) }
    expect(await quarantinedBy(setting)).toMatchObject({ error: { code: 'liveperson_rejected' } })
  })
})

describe('what a message knows of a request whose ids were erased', () => {
  const erased = known({
    claim: done,
    conversation: { kind: 'opened' },
    message: message({ dropped: 'given_up' }),
  })
  const facts = known({
    conversation: { kind: 'opened', conversationId: 'of-the-erased' },
    lpConsumerId: LP_CONSUMER,
  })
  const claim = async (): Promise<ClaimResult> => ({
    kind: 'final',
    facts: erased,
    entry: UNUSED,
    isErased: true,
  })

  test('is neither recorded nor told', async () => {
    const { result, names, lines } = await attempt({ carrier: HAND_OVER, facts, claim })
    expect(names).toEqual(['claim'])
    expect(lines).toEqual([
      {
        level: 'warn',
        message: 'What a message knew of an erased request was dropped',
        fields: { requestId: 'event-0001', accountId: '70123456' },
      },
    ])
    expect((await attempt({ carrier: EVENT, claim })).lines).toEqual([])
    expect(result).toMatchObject({ kind: 'finished', repeated: true })
    expect(JSON.stringify(result)).not.toContain('of-the-erased')
  })
})

describe('for any results of its operations', () => {
  const anyError: fc.Arbitrary<AppError | TypeError> = fc.constantFrom(
    UNAVAILABLE,
    REFUSED,
    LOST,
    notCarriedOut(),
    notCarriedOut(60_000),
    toError('credentials_refused'),
    toError('invalid_config'),
    toError('request_id_reused'),
    new TypeError('x is not a function'),
  )
  /** Returns an operation that returns one of the values, or throws, differently at each call. */
  const anyOf = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<() => Promise<T>> =>
    fc
      .infiniteStream(
        fc.oneof(
          { weight: 2, arbitrary: values.map((value) => async () => value) },
          { weight: 1, arbitrary: anyError.map(throws) },
        ),
      )
      .map((answers) => async () => {
        const { value } = answers.next()
        return value()
      })
  const nothing = fc.constant(undefined)
  const anyMessageAnswer: fc.Arbitrary<MessageAnswer> = fc.constantFrom(
    { kind: 'sent' },
    { kind: 'closed' },
    { kind: 'owed', error: notCarriedOut() },
    { kind: 'unknown', error: LOST },
  )
  const anyOperations: fc.Arbitrary<Operations> = fc.record({
    claim: anyOf(
      fc.oneof(
        anyFacts.map((before) => ({ kind: 'claimed' as const, entry: UNUSED, before })),
        anyFacts.map((facts) => ({ kind: 'held' as const, entry: UNUSED, facts })),
        anyFacts.map((facts) => ({ kind: 'final' as const, entry: UNUSED, facts })),
      ),
    ),
    // The ledger adds what others have recorded.
    record: fc.tuple(anyOf(anyFacts), fc.infiniteStream(fc.boolean())).map(
      ([others, isAlone]) =>
        async (facts: Facts) =>
          isAlone.next().value ? facts : merge(facts, await others()),
    ),
    findConversation: anyOf(
      fc.constantFrom(undefined, LAST, { ...LAST, ...openedBy(PK) }, { ...LAST, state: 'CLOSE' as const }),
    ),
    forgetConversation: anyOf(nothing),
    identify: anyOf(fc.constant({ token: 'consumer-jws', lpConsumerId: LP_CONSUMER })),
    openConversation: anyOf(fc.constantFrom(OPENED, ALREADY_OPEN)),
    sendMessage: anyOf(anyMessageAnswer),
    isOpen: anyOf(fc.constantFrom(true, false, UNAVAILABLE)),
    handOver: anyOf(nothing),
    quarantine: anyOf(nothing),
  })
  const anySetting: fc.Arbitrary<Setting> = fc
    .record(
      {
        carrier: fc.constantFrom(MEMORY, EVENT, HAND_OVER),
        message: fc.constant('Hello'),
        onLostAnswer: fc.constantFrom('repeat', 'hold'),
        facts: anyFacts,
        paused: fc.boolean(),
        acceptedAt: fc.constantFrom(START, START - GIVE_UP_AFTER),
      },
      { requiredKeys: ['carrier'] },
    )
    .chain((setting) => anyOperations.map((operations) => ({ ...setting, ...operations })))

  test('an attempt ends with a result, after at most 30 calls', async () => {
    const kinds = new Set<string>()
    await fc.assert(
      fc.asyncProperty(anySetting, async (setting) => {
        time = START
        const { result, calls } = await attempt(setting)
        kinds.add(result.kind)
        expect(calls.length).toBeLessThanOrEqual(30)
        // A form is promised nothing unless a queue has it.
        const isKept = calls.some(([name]) => name === 'handOver' || name === 'quarantine')
        if (setting.carrier === MEMORY && (result.kind === 'queued' || result.kind === 'opening'))
          expect(isKept).toBe(true)
      }),
      { numRuns: 1000 },
    )
    expect([...kinds].sort()).toEqual(['failed', 'finished', 'opening', 'queued'])
  })
})

describe('what an earlier attempt left behind', () => {
  const abandoned: Facts = { ...NOTHING, claim: held }

  test('a message is sent if this attempt opened the conversation, although the earlier one died', async () => {
    const { result, calls } = await attempt({ message: 'Hello', claim: claimAfter(abandoned) })
    expect(calls.map(([name]) => name)).toContain('sendMessage')
    expect(result).toMatchObject({ outcome: { status: 'opened', messageStatus: 'sent' } })
  })

  test.each([
    ['c-0', 'c-1'],
    ['c-1', 'c-0'],
  ])('a finished request keeps its conversation %s, though a late hand-over says %s', async (told, late) => {
    const finished: Facts = { ...NOTHING, conversation: { kind: 'opened', conversationId: told } }
    const { result, calls } = await attempt({
      carrier: HAND_OVER,
      facts: {
        ...NOTHING,
        conversation: { kind: 'opened', conversationId: late },
        lpConsumerId: LP_CONSUMER,
      },
      claim: async () => ({ kind: 'final', facts: finished, entry: UNUSED }),
    })
    const recorded = calls.flatMap(([name, facts]) => (name === 'record' ? [facts] : []))
    expect(recorded).toMatchObject([{ conversation: { conversationId: told } }])
    expect(result).toMatchObject({ outcome: { conversationId: told } })
  })

  test.each([
    ['c-0', 'c-1'],
    ['c-1', 'c-0'],
  ])('a message goes to the known conversation %s, though a late hand-over says %s', async (told, late) => {
    const { calls } = await attempt({
      carrier: HAND_OVER,
      message: 'Hello',
      facts: { ...NOTHING, conversation: { kind: 'opened', conversationId: late } },
      claim: claimAfter({ ...NOTHING, conversation: { kind: 'opened', conversationId: told } }),
    })
    expect(calls).toContainEqual(['sendMessage', 'crm-1', told, 'Hello', DEADLINE])
  })

  test('a refusal that could not be recorded is not handed over', async () => {
    const { calls } = await attempt({ openConversation: throws(REFUSED), record: throws(UNAVAILABLE) })
    expect(handedOver(calls).facts.conversation).toEqual({ kind: 'none' })
  })

  test('an attempt whose claim another one has taken does nothing more', async () => {
    const { result, names } = await attempt({
      carrier: EVENT,
      message: 'Hello',
      record: async (facts) =>
        merge(facts, { ...NOTHING, claim: { attempt: 2, releases: 0, state: 'held' } }),
    })
    expect(names).not.toContain('sendMessage')
    expect(result).toEqual({ kind: 'opening' })
  })
})

test('a message that an earlier attempt may have sent is not sent to the next conversation', async () => {
  const { result, calls } = await attempt({
    message: 'Hello',
    claim: claimAfter({
      ...NOTHING,
      claim: queued('service_unavailable'),
      message: message({ tried: 1 }),
    }),
  })
  expect(calls.map(([name]) => name)).not.toContain('sendMessage')
  expect(result).toMatchObject({ outcome: { status: 'opened', messageStatus: 'unknown' } })
})
