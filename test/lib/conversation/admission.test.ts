import { describe, expect, test } from 'vitest'
import { parseStageConfig } from '../../../lib/config/stage.ts'
import { type Account, admit } from '../../../lib/conversation/admission.ts'
import { type Facts, NOTHING } from '../../../lib/conversation/facts.ts'
import type { Carrier, Job } from '../../../lib/conversation/job.ts'
import { createPace } from '../../../lib/liveperson/pace.ts'
import { acceptedRequest, fakeLivePerson } from './fakes.ts'

const { accounts } = parseStageConfig(
  { accounts: [{ accountId: '70123456' }] },
  { name: 'the test', loopback: true },
)
const [ACCOUNT = expect.fail('The stage has no account')] = accounts

const START = 1_800_000_000_000
const MEMORY: Carrier = { kind: 'memory' }
const EVENT: Carrier = { kind: 'event', body: '{}', receives: 1 }
const HAND_OVER: Carrier = { kind: 'hand_over', body: '{}', receives: 1 }

/** An account with its own clock, and what an attempt at it waits for. */
const arrange = ({ isPaused = false } = {}) => {
  let time = START
  const waits: number[] = []
  let pauses = 0
  const pace = () => createPace({ now: () => time, random: () => 0 })
  const account: Account = {
    livePerson: fakeLivePerson({}),
    pause: {
      isPaused: async () => isPaused,
      load: async () => undefined,
      latest: () => ({}),
    },
    createPace: pace(),
    sendPace: pace(),
    onAnswer: () => undefined,
    onPaused: () => {
      pauses++
    },
  }
  const job = (facts?: Facts, isCopy?: true): Job => ({
    isCopy,
    request: acceptedRequest(),
    account: ACCOUNT,
    destination: { campaignId: '1', engagementId: '2', ttr: 'NORMAL', routeAttributes: [] },
    facts,
    acceptedAt: START,
    pausedMs: 0,
  })
  return {
    waits,
    pauses: () => pauses,
    createPace: account.createPace,
    admit: (carrier: Carrier, facts?: Facts, isCopy?: true) =>
      admit({
        account,
        job: job(facts, isCopy),
        carrier,
        sleep: async (ms) => {
          waits.push(ms)
          time += ms
        },
      }),
    /** Uses up the calls of this second. */
    drain: () => {
      while (account.createPace.take(0) === 0);
    },
    /** LivePerson wants a pause. */
    pauseFor: (retryAfterMs: number) =>
      account.createPace.trouble({ startedAt: time, kind: 'busy', retryAfterMs }),
    /** Opens the circuit breaker. No call is free then. */
    breakDown: () => {
      while (!account.createPace.isOpen()) account.createPace.trouble({ startedAt: time, kind: 'silent' })
    },
  }
}

describe('an attempt', () => {
  test.each([MEMORY, EVENT, HAND_OVER])('is admitted at once if a call is free: $kind', async (carrier) => {
    const { admit, waits } = arrange()
    expect(await admit(carrier)).toBe('granted')
    expect(waits).toEqual([])
  })

  test.each([MEMORY, EVENT, HAND_OVER])('waits a moment for its turn: $kind', async (carrier) => {
    const { admit, waits, drain } = arrange()
    drain()
    expect(await admit(carrier)).toBe('granted')
    expect(waits).toEqual([125])
  })

  test.each([
    [MEMORY, 8],
    [EVENT, 2],
    [HAND_OVER, 16],
  ])('is held back if others wait already: $kind', async (carrier, places) => {
    const { admit, waits, createPace, drain } = arrange()
    drain()
    for (let taken = 0; taken < places; taken++) createPace.take(2000)
    expect(await admit(carrier)).toBe('held_back')
    expect(waits).toEqual([])
  })

  test.each([MEMORY, EVENT])('is held back at once if its account is in trouble: $kind', async (carrier) => {
    const { admit, waits, breakDown } = arrange()
    breakDown()
    expect(await admit(carrier)).toBe('held_back')
    expect(waits).toEqual([])
  })

  test('of a hand-over waits up to 2 s in a pause that LivePerson wants', async () => {
    const { admit, waits, pauseFor } = arrange()
    pauseFor(3500)
    expect(await admit(HAND_OVER)).toBe('held_back')
    expect(waits).toEqual([2000])
    expect(await admit(HAND_OVER)).toBe('granted')
    expect(waits).toEqual([2000, 1750])
    const other = arrange()
    other.breakDown()
    other.pauseFor(1500)
    expect(await other.admit(HAND_OVER)).toBe('held_back')
    expect(other.waits).toEqual([1500])
  })

  test.each([MEMORY, EVENT])('is held back at once in such a pause: $kind', async (carrier) => {
    const { admit, waits, pauseFor } = arrange()
    pauseFor(3500)
    expect(await admit(carrier)).toBe('held_back')
    expect(waits).toEqual([])
  })

  test('for a copy is held back, and takes no call from others', async () => {
    const { admit, waits, createPace } = arrange()
    expect(await admit(MEMORY, undefined, true)).toBe('held_back')
    const calls = () => {
      let count = 0
      while (createPace.take(0) === 0) count++
      return count
    }
    const other = arrange()
    let free = 0
    while (other.createPace.take(0) === 0) free++
    expect([calls(), waits]).toEqual([free, []])
    expect(await arrange({ isPaused: true }).admit(MEMORY, undefined, true)).toBe('paused')
  })

  test('of a hand-over waits a second for the only call of its account in trouble', async () => {
    const { admit, waits, breakDown } = arrange()
    breakDown()
    expect(await admit(HAND_OVER)).toBe('granted')
    expect(waits).toEqual([1000])
    await admit(HAND_OVER)
    expect(waits.every((ms) => ms <= 2000)).toBe(true)
  })

  test('needs no call to spend if only its message is owed', async () => {
    const { admit, breakDown } = arrange()
    breakDown()
    expect(await admit(EVENT, { ...NOTHING, conversation: { kind: 'opened' } })).toBe('granted')
  })

  test.each([MEMORY, EVENT, HAND_OVER])(
    'is not admitted while its account is paused: $kind',
    async (carrier) => {
      const { admit, waits, pauses } = arrange({ isPaused: true })
      expect(await admit(carrier)).toBe('paused')
      expect(await admit(carrier, { ...NOTHING, conversation: { kind: 'opened' } })).toBe('paused')
      expect(waits).toEqual([])
      expect(pauses()).toBe(2)
    },
  )
})
