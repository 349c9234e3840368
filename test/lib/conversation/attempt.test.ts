import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Queues } from '../../../lib/aws/queues.ts'
import { parseStageConfig } from '../../../lib/config/stage.ts'
import { type Carrier, createAttempt, type Job } from '../../../lib/conversation/attempt.ts'
import { readHandOver, toHandOver } from '../../../lib/conversation/hand-over.ts'
import type { Lease, Ledger } from '../../../lib/conversation/ledger.ts'
import { type Claim, type Facts, NOTHING } from '../../../lib/conversation/protocol.ts'
import type { Quarantine } from '../../../lib/conversation/quarantine.ts'
import {
  type AppError,
  LivePersonRejectedError,
  LivePersonUnavailableError,
  RequestIdReusedError,
  ServiceUnavailableError,
  toError,
} from '../../../lib/errors/errors.ts'
import type { CreateAnswer, LivePerson } from '../../../lib/liveperson/client.ts'
import { anyFacts } from '../../support/any-facts.ts'
import { acceptedRequest, createFakeLog, fakeLedger, fakeLivePerson, fakeQueues } from './fakes.ts'

const START = 1_800_000_000_000
const DEADLINE = START + 6000
const ALIVE_UNTIL = START + 15_000
/** When a message must have been answered that is sent in time. */
const IN_TIME = DEADLINE

const DESTINATION = {
  campaignId: '3120045610',
  engagementId: '3120047711',
  ttr: 'NORMAL',
  routeAttributes: [{ type: 'ctmrinfo', info: { ctype: 'vip' } }],
} satisfies Job['destination']
const LEASE: Lease = {
  pk: 'request#1',
  leaseId: 'lease-1',
  attempt: 1,
  previousAttemptDied: false,
  fixed: {},
  accountId: '70123456',
  hasMessage: false,
}
const LP_CONSUMER = 'a'.repeat(64)
const OPENED: CreateAnswer = { kind: 'opened', conversationId: 'c-1', lpConsumerId: LP_CONSUMER }
const ALREADY_OPEN: CreateAnswer = { kind: 'already_open', lpConsumerId: LP_CONSUMER }
const LAST = { conversationId: 'c-0', state: 'OPEN', openedBy: 'request#0' } as const

const MEMORY: Carrier = { kind: 'memory' }
const RECORD: Carrier = { kind: 'record', body: '{"a":"record"}', receives: 4 }

const UNAVAILABLE = new ServiceUnavailableError({ detail: 'It did not respond.' })
const REFUSED = new LivePersonRejectedError({ detail: 'LivePerson rejected the request.' })
const LOST = new LivePersonUnavailableError({ detail: 'The answer was lost.', mayHaveExecuted: true })
const notCarriedOut = (retryAfterMs?: number) =>
  new LivePersonUnavailableError({ detail: 'LivePerson answered 429.', mayHaveExecuted: false, retryAfterMs })

/** The claim of an attempt that holds it or has released it. */
const held: Claim = { attempt: 1, state: 'held' }
const queued = (code: Claim['code']): Claim => ({ attempt: 1, state: 'queued', code })

/** What the loop performs steps with. */
type Operations = Pick<Ledger, 'claim' | 'complete' | 'release' | 'findConversation' | 'forgetConversation'> &
  Pick<LivePerson, 'identify' | 'openConversation' | 'sendMessage' | 'isOpen'> &
  Pick<Queues, 'send'> & { readonly quarantine: Quarantine }

/** Everything succeeds. */
const SUCCESS: Operations = {
  claim: async () => ({ kind: 'claimed', lease: LEASE, before: NOTHING }),
  complete: async (_, facts) => facts,
  release: async () => undefined,
  findConversation: async () => undefined,
  forgetConversation: async () => undefined,
  identify: async () => ({ token: 'consumer-jws', lpConsumerId: LP_CONSUMER }),
  openConversation: async () => OPENED,
  sendMessage: async () => 'sent',
  isOpen: async () => true,
  send: async () => undefined,
  quarantine: async () => undefined,
}

let time = START
beforeEach(() => {
  time = START
})

interface Setting extends Partial<Operations> {
  readonly carrier?: Carrier
  readonly message?: string
  readonly onLostAnswer?: 'repeat' | 'hold'
  readonly facts?: Facts
  /** From 0 up to 1. */
  readonly random?: number
}

const requestOf = ({ message }: Setting) => acceptedRequest(message === undefined ? {} : { message })

/** Makes one attempt. Returns its result, the calls that it made, in order, and what it logged. */
const attempt = async (setting: Setting) => {
  const { carrier = MEMORY, onLostAnswer = 'repeat', facts, random = 0 } = setting
  const calls: (readonly unknown[])[] = []
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
  const run = createAttempt({
    ledger: fakeLedger({
      claim: recorded('claim', operations.claim),
      complete: recorded('complete', operations.complete),
      release: recorded('release', operations.release),
      findConversation: recorded('findConversation', operations.findConversation),
      forgetConversation: recorded('forgetConversation', operations.forgetConversation),
    }),
    queues: fakeQueues({ send: recorded('send', operations.send) }),
    quarantine: recorded('quarantine', operations.quarantine),
    livePersonOf: () => livePerson,
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
  const [account] = accounts
  if (!account) throw new Error('The stage has an account')
  const job = { request: requestOf(setting), account, destination: DESTINATION, facts }
  const result = await run(job, carrier, { deadline: DEADLINE, aliveUntil: ALIVE_UNTIL })
  return { result, calls, lines, names: calls.map(([name]) => name) }
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

/** The calls of every attempt that starts without knowledge. */
const identify = ['identify', 'crm-1', DEADLINE]
const claim = (setting: Setting = {}) => ['claim', requestOf(setting), DESTINATION, ALIVE_UNTIL]
const create = [
  'openConversation',
  'crm-1',
  expect.objectContaining({ ...DESTINATION, engagementAttributes: DESTINATION.routeAttributes }),
  DEADLINE,
]
const lookUp = ['findConversation', '70123456', LP_CONSUMER]
const known = (more: Partial<Facts>): Facts => ({ ...NOTHING, claim: held, ...more })

describe('each step calls its operation, in the order of the protocol', () => {
  const Hello = { message: 'Hello' }

  test('a new request', async () => {
    const { result, calls } = await attempt({})
    const facts = known({
      conversation: { kind: 'opened', conversationId: 'c-1' },
      lpConsumerId: LP_CONSUMER,
    })
    expect(calls).toEqual([identify, claim(), create, ['complete', LEASE, facts]])
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
      ['sendMessage', 'crm-1', 'c-1', 'Hello', IN_TIME],
      ['complete', LEASE, expect.objectContaining({ message: 'sent' })],
    ])
    expect(result).toMatchObject({ outcome: { status: 'opened', messageStatus: 'sent' } })
  })

  test('a consumer whose conversation is open, and no message', async () => {
    const { result, calls } = await attempt({
      openConversation: async () => ALREADY_OPEN,
      findConversation: async () => LAST,
    })
    expect(calls).toEqual([
      identify,
      claim(),
      create,
      lookUp,
      ['isOpen', 'crm-1', 'c-0', IN_TIME],
      [
        'complete',
        LEASE,
        known({ conversation: { kind: 'existing', conversationId: 'c-0' }, lpConsumerId: LP_CONSUMER }),
      ],
    ])
    expect(result).toMatchObject({ outcome: { status: 'existing', conversationId: 'c-0' } })
  })

  test('a consumer whose conversation is open, and a message', async () => {
    const { result, calls } = await attempt({
      ...Hello,
      openConversation: async () => ALREADY_OPEN,
      findConversation: async () => LAST,
    })
    expect(calls.slice(4, -1)).toEqual([['sendMessage', 'crm-1', 'c-0', 'Hello', IN_TIME]])
    expect(result).toMatchObject({
      outcome: { status: 'existing', conversationId: 'c-0', messageStatus: 'sent' },
    })
  })

  test.each<[string, Setting, string]>([
    ['says that it is closed', { isOpen: async () => false }, 'isOpen'],
    [
      'refuses the message because it is closed',
      { ...Hello, sendMessage: async () => 'closed' },
      'sendMessage',
    ],
  ])(
    'a consumer whose last known conversation isn’t the open one: LivePerson %s',
    async (_, setting, name) => {
      const { result, calls, names } = await attempt({
        ...setting,
        openConversation: async () => ALREADY_OPEN,
        findConversation: async () => LAST,
      })
      expect(names.slice(3)).toEqual(['findConversation', name, 'forgetConversation', 'complete'])
      expect(calls.at(-2)).toEqual(['forgetConversation', '70123456', LP_CONSUMER, 'c-0'])
      expect(result).toMatchObject({ outcome: { status: 'existing', conversationId: undefined } })
    },
  )

  test.each<[string, Awaited<ReturnType<Ledger['findConversation']>>]>([
    ['unknown', undefined],
    ['known as closed', { ...LAST, state: 'CLOSE' }],
    ['known without its id', { state: 'OPEN' }],
  ])('a consumer whose open conversation is %s', async (_, last) => {
    const { result, names } = await attempt({
      openConversation: async () => ALREADY_OPEN,
      findConversation: async () => last,
    })
    expect(names.slice(3)).toEqual(['findConversation', 'complete'])
    expect(result).toMatchObject({ outcome: { status: 'existing', conversationId: undefined } })
  })

  test('a conversation that an earlier attempt of this request opened', async () => {
    const { result, names } = await attempt({
      openConversation: async () => ALREADY_OPEN,
      findConversation: async () => ({ ...LAST, openedBy: LEASE.pk }),
    })
    expect(names.slice(3)).toEqual(['findConversation', 'complete'])
    expect(result).toMatchObject({ outcome: { status: 'opened', conversationId: 'c-0' } })
  })

  test('a create that LivePerson did not carry out', async () => {
    const { result, calls } = await attempt({
      openConversation: throwsOnce(notCarriedOut(), SUCCESS.openConversation),
    })
    expect(calls.slice(2, -1)).toEqual([create, ['sleep', 1000], create])
    expect(result).toMatchObject({ outcome: { status: 'opened' } })
  })

  test('a create that LivePerson asked to repeat later', async () => {
    const { calls } = await attempt({
      openConversation: throwsOnce(notCarriedOut(3000), SUCCESS.openConversation),
    })
    expect(calls.slice(2, -1)).toEqual([create, ['sleep', 3000], create])
  })

  test('a create that LivePerson asked to repeat too late for this attempt', async () => {
    const { result, names } = await attempt({ openConversation: throws(notCarriedOut(5000)) })
    expect(names.slice(2)).toEqual(['openConversation', 'send', 'release'])
    expect(result).toMatchObject({ kind: 'queued' })
  })

  test('a create whose answer was lost, from memory', async () => {
    const { result, calls } = await attempt({ openConversation: throws(LOST) })
    const facts: Facts = {
      ...NOTHING,
      claim: queued('liveperson_unavailable'),
      conversation: { kind: 'in_doubt' },
    }
    expect(calls.slice(3)).toEqual([
      ['send', toHandOver(acceptedRequest(), facts), 5000],
      ['release', LEASE, facts],
    ])
    expect(result).toEqual({ kind: 'queued', error: LOST })
  })

  test('a create whose answer was lost, from a record', async () => {
    const { result, calls } = await attempt({ carrier: RECORD, openConversation: throws(LOST) })
    const facts: Facts = {
      ...NOTHING,
      claim: queued('liveperson_unavailable'),
      conversation: { kind: 'in_doubt' },
    }
    expect(calls.slice(3)).toEqual([['release', LEASE, facts]])
    expect(result).toEqual({ kind: 'queued', error: LOST })
  })

  test('a create whose answer was lost, if a person has to look', async () => {
    for (const carrier of [MEMORY, RECORD]) {
      const { result, calls, names } = await attempt({
        carrier,
        onLostAnswer: 'hold',
        openConversation: throws(LOST),
      })
      // What only memory holds must be in quarantine before the ledger says so.
      expect(names.slice(3)).toEqual(
        carrier === MEMORY ? ['quarantine', 'complete'] : ['complete', 'quarantine'],
      )
      expect(calls).toContainEqual(['complete', LEASE, known({ conversation: { kind: 'held' } })])
      expect(result).toMatchObject({ outcome: { status: 'rejected', code: 'outcome_unknown' } })
    }
  })

  test('a refused request', async () => {
    const facts = known({ conversation: { kind: 'refused', code: 'liveperson_rejected' } })
    const fromMemory = await attempt({ openConversation: throws(REFUSED) })
    expect(fromMemory.calls.slice(3)).toEqual([['complete', LEASE, facts]])
    expect(fromMemory.result).toEqual({
      kind: 'finished',
      outcome: { status: 'rejected', code: 'liveperson_rejected' },
      repeated: false,
      error: REFUSED,
    })
    const fromRecord = await attempt({ carrier: RECORD, openConversation: throws(REFUSED) })
    expect(fromRecord.names.slice(3)).toEqual(['complete', 'quarantine'])
    expect(fromRecord.result).toEqual(fromMemory.result)
  })

  test('a held request, from memory', async () => {
    const { result, calls } = await attempt({ claim: async () => ({ kind: 'held' }) })
    expect(calls).toEqual([
      identify,
      claim(),
      ['sleep', 150],
      claim(),
      ['sleep', 350],
      claim(),
      ['sleep', 700],
      claim(),
      ['send', toHandOver(acceptedRequest(), NOTHING), 5000],
    ])
    expect(result).toEqual({ kind: 'opening' })
  })

  test('a held request, from a record', async () => {
    const { result, calls } = await attempt({ carrier: RECORD, claim: async () => ({ kind: 'held' }) })
    expect(calls).toEqual([identify, claim()])
    expect(result).toEqual({ kind: 'opening' })
  })

  test('a finished request', async () => {
    const facts = known({ conversation: { kind: 'opened', conversationId: 'c-1' } })
    const { result, calls } = await attempt({ claim: async () => ({ kind: 'final', facts, lease: LEASE }) })
    expect(calls).toEqual([identify, claim()])
    expect(result).toEqual({
      kind: 'finished',
      outcome: { status: 'opened', conversationId: 'c-1' },
      repeated: true,
    })
  })

  test('a hand-over of a known outcome', async () => {
    const conversation = { kind: 'opened', conversationId: 'c-1' } as const
    const { result, calls } = await attempt({ carrier: RECORD, facts: { ...NOTHING, conversation } })
    expect(calls).toEqual([claim(), ['complete', LEASE, known({ conversation })]])
    expect(result).toMatchObject({ outcome: { status: 'opened', conversationId: 'c-1' } })
  })

  test('an outcome that the ledger did not accept', async () => {
    for (const carrier of [MEMORY, RECORD]) {
      const { result, calls, names } = await attempt({ ...Hello, carrier, complete: throws(UNAVAILABLE) })
      expect(names.slice(4)).toEqual(['complete', 'send'])
      const [, body] = calls.at(-1) ?? []
      expect(readHandOver(JSON.parse(String(body)))?.facts).toEqual({
        claim: queued('service_unavailable'),
        conversation: { kind: 'opened', conversationId: 'c-1' },
        message: 'sent',
        lpConsumerId: LP_CONSUMER,
      })
      expect(result).toMatchObject({ kind: 'finished', outcome: { status: 'opened', conversationId: 'c-1' } })
    }
  })
})

describe('a request for an account that holds lost answers, after a killed container', () => {
  /** The ledger of a request whose container was killed during its first attempt. */
  const abandoned: Partial<Operations> = {
    claim: async () => ({
      kind: 'claimed',
      lease: { ...LEASE, attempt: 2, previousAttemptDied: true },
      before: { ...NOTHING, claim: held },
    }),
  }

  test.each([MEMORY, RECORD])('goes to a person, and is not created again: $kind', async (carrier) => {
    const { result, names } = await attempt({ ...abandoned, carrier, onLostAnswer: 'hold' })
    expect(names).not.toContain('openConversation')
    expect(names).toContain('quarantine')
    expect(result).toMatchObject({ outcome: { status: 'rejected', code: 'outcome_unknown' } })
  })

  test('is created again if the account repeats them', async () => {
    const { names } = await attempt({ ...abandoned, carrier: RECORD, onLostAnswer: 'repeat' })
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
})

describe('a failed create', () => {
  test.each<[string, unknown, string]>([
    ['refused', REFUSED, 'refused'],
    ['possibly carried out', LOST, 'in_doubt'],
    ['not carried out', notCarriedOut(), 'none'],
    ['without credentials', toError('credentials_refused'), 'none'],
    ['without hosts', UNAVAILABLE, 'none'],
    ['with an unexpected error', new TypeError('x is not a function'), 'in_doubt'],
  ])('is recorded for what it means: %s', async (_, error, kind) => {
    const { calls } = await attempt({ carrier: RECORD, openConversation: throws(error) })
    const [, , facts] = calls.find(([name]) => name === 'complete' || name === 'release') ?? []
    expect(facts).toMatchObject({ conversation: { kind } })
  })

  test.each<[string, unknown, number]>([
    ['refused', REFUSED, 1],
    ['possibly carried out', LOST, 1],
    ['not carried out', notCarriedOut(), 2],
    ['without credentials', toError('credentials_refused'), 1],
    ['without hosts', UNAVAILABLE, 1],
    ['with an unexpected error', new TypeError('x is not a function'), 1],
  ])('is repeated once if that is safe and may help: %s', async (_, error, times) => {
    const { names } = await attempt({ openConversation: throws(error) })
    expect(names.filter((name) => name === 'openConversation')).toHaveLength(times)
  })

  test('fails at once if only an operator can fix it', async () => {
    const error = toError('invalid_config')
    const { result, names } = await attempt({ openConversation: throws(error) })
    expect(names.slice(2)).toEqual(['openConversation', 'release'])
    expect(result).toEqual({ kind: 'failed', error })
  })
})

describe('an operation that throws', () => {
  const asksFirst: Setting = {
    openConversation: async () => ALREADY_OPEN,
    findConversation: async () => LAST,
  }
  const Hello = { message: 'Hello' }

  test.each<[string, Setting, object]>([
    ['claim', { claim: throws(UNAVAILABLE) }, { kind: 'queued', error: UNAVAILABLE }],
    [
      'look_up',
      { ...asksFirst, findConversation: throws(UNAVAILABLE) },
      { kind: 'queued', error: UNAVAILABLE },
    ],
    [
      'ask',
      { ...asksFirst, isOpen: throws(UNAVAILABLE) },
      { kind: 'finished', outcome: { status: 'existing', conversationId: undefined } },
    ],
    [
      'send',
      { ...Hello, sendMessage: throws(UNAVAILABLE) },
      { kind: 'finished', outcome: { status: 'opened', conversationId: 'c-1', messageStatus: 'unknown' } },
    ],
    [
      'forget',
      { ...asksFirst, isOpen: async () => false, forgetConversation: throws(UNAVAILABLE) },
      { kind: 'queued', error: UNAVAILABLE },
    ],
    [
      'complete',
      { complete: throws(UNAVAILABLE) },
      { kind: 'finished', outcome: { status: 'opened', conversationId: 'c-1' } },
    ],
    [
      'release',
      { openConversation: throws(LOST), release: throws(UNAVAILABLE) },
      { kind: 'queued', error: LOST },
    ],
    [
      'hand_over',
      { openConversation: throws(LOST), send: throws(UNAVAILABLE) },
      { kind: 'failed', error: LOST },
    ],
    [
      'quarantine',
      { carrier: RECORD, openConversation: throws(REFUSED), quarantine: throws(UNAVAILABLE) },
      { kind: 'queued', error: UNAVAILABLE },
    ],
  ])('fails its step, is logged, and the attempt goes on: %s', async (step, setting, expected) => {
    const { result, lines } = await attempt(setting)
    expect(result).toMatchObject(expected)
    expect(lines).toEqual([
      {
        level: 'warn',
        message: 'A step failed',
        fields: { requestId: 'event-0001', step, code: 'service_unavailable' },
      },
    ])
  })

  test('with an unexpected error is logged as internal_error', async () => {
    const { result, lines } = await attempt({ claim: throws(new TypeError('x is not a function')) })
    expect(lines).toMatchObject([{ fields: { step: 'claim', code: 'internal_error' } }])
    expect(result).toMatchObject({ kind: 'queued', error: { code: 'internal_error' } })
  })

  test('because the id was used before is final', async () => {
    const error = new RequestIdReusedError({ detail: 'It was used before.' })
    const fromMemory = await attempt({ claim: throws(error) })
    expect(fromMemory).toMatchObject({ names: ['identify', 'claim'], result: { kind: 'failed', error } })
    const fromRecord = await attempt({ carrier: RECORD, claim: throws(error) })
    expect(fromRecord).toMatchObject({
      names: ['identify', 'claim', 'quarantine'],
      result: { kind: 'failed', error },
    })
  })

  test('while it identifies the consumer is reported by the create', async () => {
    const { result, lines } = await attempt({ identify: throws(UNAVAILABLE) })
    expect(result).toMatchObject({ kind: 'finished', outcome: { status: 'opened' } })
    expect(lines).toEqual([])
  })

  test('everywhere leaves the retry to the sender', async () => {
    const { result } = await attempt({ claim: throws(UNAVAILABLE), send: throws(UNAVAILABLE) })
    expect(result).toEqual({ kind: 'failed', error: UNAVAILABLE })
  })
})

describe('a hand-over waits', () => {
  const delayOf = async (setting: Setting) => {
    const { calls } = await attempt(setting)
    return calls.find(([name]) => name === 'send')?.[2]
  }
  const unanswered = { openConversation: throws(LOST) }

  test.each<[string, Setting, number]>([
    ['5 s', unanswered, 5000],
    ['5 s if LivePerson asked for less', { openConversation: throws(notCarriedOut(4900)) }, 5000],
    ['as long as LivePerson asked', { openConversation: throws(notCarriedOut(60_000)) }, 60_000],
    ['up to a fifth longer', { openConversation: throws(notCarriedOut(60_000)), random: 1 }, 72_000],
    [
      'with the back-off of its record',
      { carrier: RECORD, complete: throws(UNAVAILABLE), random: 1 },
      120_000,
    ],
    ['a second at least', { carrier: RECORD, complete: throws(UNAVAILABLE), random: 0 }, 1000],
  ])('%s', async (_, setting, ms) => {
    expect(await delayOf(setting)).toBe(ms)
  })
})

describe('a quarantined request', () => {
  const quarantinedBy = async (setting: Setting) => {
    const { calls } = await attempt(setting)
    return calls.find(([name]) => name === 'quarantine')?.[1]
  }

  test('from a record keeps the record’s body, and says why', async () => {
    expect(await quarantinedBy({ carrier: RECORD, openConversation: throws(REFUSED) })).toEqual({
      body: RECORD.kind === 'record' && RECORD.body,
      error: REFUSED,
      requestId: 'event-0001',
      request: acceptedRequest(),
    })
  })

  test.each([MEMORY, RECORD])(
    'that may have a conversation keeps its request id, and nothing that a retry would believe: $kind',
    async (carrier) => {
      const setting = { carrier, onLostAnswer: 'hold', openConversation: throws(LOST) } as const
      expect(await quarantinedBy(setting)).toMatchObject({
        body: toHandOver(acceptedRequest(), NOTHING),
        error: { code: 'outcome_unknown' },
        requestId: 'event-0001',
      })
    },
  )

  test('says why even if another attempt was refused', async () => {
    const facts = known({ conversation: { kind: 'refused', code: 'liveperson_rejected' } })
    const setting: Setting = { carrier: RECORD, claim: async () => ({ kind: 'final', facts, lease: LEASE }) }
    expect(await quarantinedBy(setting)).toMatchObject({ error: { code: 'liveperson_rejected' } })
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
  const anyOperations: fc.Arbitrary<Operations> = fc.record({
    claim: anyOf(
      fc.oneof(
        anyFacts.map((before) => ({ kind: 'claimed' as const, lease: LEASE, before })),
        fc.constant({ kind: 'held' as const }),
        anyFacts.map((facts) => ({ kind: 'final' as const, lease: LEASE, facts })),
      ),
    ),
    complete: anyOf(anyFacts),
    release: anyOf(nothing),
    findConversation: anyOf(
      fc.constantFrom(undefined, LAST, { ...LAST, openedBy: LEASE.pk }, { ...LAST, state: 'CLOSE' as const }),
    ),
    forgetConversation: anyOf(nothing),
    identify: anyOf(fc.constant({ token: 'consumer-jws', lpConsumerId: LP_CONSUMER })),
    openConversation: anyOf(fc.constantFrom(OPENED, ALREADY_OPEN)),
    sendMessage: anyOf(fc.constantFrom('sent', 'closed', 'not_sent', 'unknown')),
    isOpen: anyOf(fc.constantFrom(true, false, undefined)),
    send: anyOf(nothing),
    quarantine: anyOf(nothing),
  })
  const anySetting: fc.Arbitrary<Setting> = fc
    .record(
      {
        carrier: fc.constantFrom(MEMORY, RECORD),
        message: fc.constant('Hello'),
        onLostAnswer: fc.constantFrom('repeat', 'hold'),
        facts: anyFacts,
      },
      { requiredKeys: ['carrier'] },
    )
    .chain((setting) => anyOperations.map((operations) => ({ ...setting, ...operations })))

  test('an attempt ends with a result, after at most 20 calls', async () => {
    const kinds = new Set<string>()
    await fc.assert(
      fc.asyncProperty(anySetting, async (setting) => {
        time = START
        const { result, calls } = await attempt(setting)
        kinds.add(result.kind)
        expect(calls.length).toBeLessThanOrEqual(20)
      }),
      { numRuns: 1000 },
    )
    expect([...kinds].sort()).toEqual(['failed', 'finished', 'opening', 'queued'])
  })
})

describe('what an earlier attempt left behind', () => {
  const abandoned: Facts = { ...NOTHING, claim: held }

  test('a message is sent if this attempt opened the conversation, although the earlier one died', async () => {
    const { result, calls } = await attempt({
      message: 'Hello',
      claim: async () => ({ kind: 'claimed', lease: LEASE, before: abandoned }),
    })
    expect(calls.map(([name]) => name)).toContain('sendMessage')
    expect(result).toMatchObject({ outcome: { status: 'opened', messageStatus: 'sent' } })
  })

  test('a finished request keeps its conversationId, whatever a late hand-over says', async () => {
    const finished: Facts = { ...NOTHING, conversation: { kind: 'opened', conversationId: 'c-2' } }
    const { result, calls } = await attempt({
      carrier: RECORD,
      facts: {
        ...NOTHING,
        conversation: { kind: 'opened', conversationId: 'c-1' },
        lpConsumerId: LP_CONSUMER,
      },
      claim: async () => ({ kind: 'final', facts: finished, lease: LEASE }),
    })
    expect(calls.map(([name]) => name)).not.toContain('complete')
    expect(result).toMatchObject({ outcome: { conversationId: 'c-2' }, repeated: true })
  })

  test('a refusal that could not be recorded is not handed over', async () => {
    const { calls } = await attempt({ openConversation: throws(REFUSED), complete: throws(UNAVAILABLE) })
    const [, body] = calls.find(([name]) => name === 'send') ?? []
    expect(JSON.parse(String(body)).handedOver.facts.conversation).toEqual({ kind: 'none' })
  })
})

test('a message that an earlier attempt may have sent is not sent to the next conversation', async () => {
  const { result, calls } = await attempt({
    message: 'Hello',
    claim: async () => ({
      kind: 'claimed',
      lease: LEASE,
      before: { ...NOTHING, claim: queued('service_unavailable'), message: 'in_doubt' },
    }),
  })
  expect(calls.map(([name]) => name)).not.toContain('sendMessage')
  expect(result).toMatchObject({ outcome: { status: 'opened', messageStatus: 'unknown' } })
})
