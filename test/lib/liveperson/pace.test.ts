import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createPace, type Pace, type Trouble } from '../../../lib/liveperson/pace.ts'

const START = 1_800_000_000_000
const SECOND = 1000

type Kind = Trouble['kind']

const arrange = (random = () => 0) => {
  let time = START
  const pace = createPace({ now: () => time, random })
  const advance = (ms: number) => {
    time += ms
  }
  const fail = (kind: Kind, retryAfterMs?: number) => pace.trouble({ startedAt: time, kind, retryAfterMs })
  /** Makes calls that LivePerson answers well, as fast as the rate allows. Returns how many. */
  const work = (seconds: number): number => {
    const end = time + seconds * SECOND
    let calls = 0
    while (time < end) {
      const wait = pace.take(60 * SECOND) ?? 0
      if (time + wait >= end) {
        time = end
        return calls
      }
      advance(wait)
      pace.good()
      calls += 1
    }
    return calls
  }
  return { ...pace, advance, fail, work, now: () => time }
}

/** Takes as many calls as are free at once. */
const drain = ({ take }: Pace): number => {
  let taken = 0
  while (take(0) !== undefined) taken += 1
  return taken
}

const open = (container: ReturnType<typeof arrange>) => {
  for (let calls = 0; calls < 3; calls++) container.fail('silent')
}

describe('a new container', () => {
  test('starts at 8 calls per second, with a burst of 8', () => {
    const pace = arrange()
    expect(pace.rate()).toBe(8)
    expect(pace.isOpen()).toBe(false)
    expect(drain(pace)).toBe(8)
    pace.advance(124)
    expect(pace.take(0)).toBeUndefined()
    pace.advance(1)
    expect(pace.take(0)).toBe(0)
  })

  test('promises a call to each one who waits, in turn', () => {
    const pace = arrange()
    drain(pace)
    expect(pace.take(2000)).toBe(125)
    expect(pace.take(2000)).toBe(250)
    expect(pace.take(374)).toBeUndefined()
    expect(pace.take(375)).toBe(375)
  })

  test('saves no more than one second of calls', () => {
    const pace = arrange()
    pace.advance(3600 * SECOND)
    expect(drain(pace)).toBe(8)
  })
})

describe('good answers', () => {
  test('add one call per second each, while calls have to wait', () => {
    const pace = arrange()
    drain(pace)
    pace.good()
    expect(pace.rate()).toBe(9)
    expect(pace.take(SECOND)).toBeGreaterThan(0)
    pace.good()
    expect(pace.rate()).toBe(10)
  })

  test('add nothing if no call has to wait', () => {
    const pace = arrange()
    pace.take(0)
    pace.good()
    expect(pace.rate()).toBe(8)
  })

  test('add nothing beyond a known limit either, if no call has to wait', () => {
    const pace = arrange()
    pace.fail('busy')
    for (let calls = 0; calls < 200; calls++) pace.good()
    expect(pace.rate()).toBeCloseTo(7.2)
  })

  test('lead to no more than 50 calls per second', () => {
    const pace = arrange()
    pace.work(20)
    expect(pace.rate()).toBe(50)
    expect(pace.work(10)).toBeLessThanOrEqual(501)
  })

  test('after an outage lead back to the start without waiting calls too', () => {
    const pace = arrange()
    open(pace)
    for (let calls = 0; calls < 9; calls++) pace.good()
    expect(pace.rate()).toBe(8)
  })
})

describe('trouble', () => {
  test.each<Kind>(['busy', 'failed', 'silent'])(
    'of kind %s halves the rate, and takes away saved calls',
    (kind) => {
      const pace = arrange()
      pace.fail(kind)
      expect(pace.rate()).toBe(4)
      expect(pace.take(0)).toBeUndefined()
      expect(pace.take(250)).toBe(250)
    },
  )

  test.each<[Kind, number]>([
    ['busy', 4],
    ['failed', 4],
    ['silent', 1],
  ])('of ten calls in flight together, each %s, leads to a rate of %s', (kind, rate) => {
    const pace = arrange()
    const startedAt = pace.now()
    pace.advance(100)
    for (let calls = 0; calls < 10; calls++) pace.trouble({ startedAt, kind })
    expect(pace.rate()).toBe(rate)
  })

  test('of a call that started after the halving counts again', () => {
    const pace = arrange()
    pace.fail('failed')
    pace.advance(1)
    pace.fail('failed')
    expect(pace.rate()).toBe(2)
    expect(pace.isOpen()).toBe(false)
  })

  test('at the floor opens the circuit breaker: one call per second', () => {
    const pace = arrange()
    open(pace)
    expect(pace.isOpen()).toBe(true)
    expect(pace.rate()).toBe(1)
    let calls = 0
    for (let ms = 0; ms < 60 * SECOND; ms += 10) {
      pace.advance(10)
      if (pace.take(0) === undefined) continue
      calls += 1
      pace.fail('silent')
    }
    expect(calls).toBeLessThanOrEqual(60)
    expect(calls).toBeGreaterThanOrEqual(59)
  })

  test('ends with the first good answer', () => {
    const pace = arrange()
    open(pace)
    pace.good()
    expect(pace.isOpen()).toBe(false)
    expect(pace.work(3)).toBeGreaterThan(12)
  })

  test('in one answer of twenty leaves a usable rate', () => {
    const pace = arrange()
    for (let calls = 1; calls <= 2000; calls++) {
      pace.advance(pace.take(60 * SECOND) ?? 0)
      if (calls % 20 === 0) pace.fail('failed')
      else pace.good()
    }
    expect(pace.rate()).toBeGreaterThan(15)
  })
})

describe('after a 429', () => {
  test('the rate returns within two seconds to 90 % of what was too high', () => {
    const pace = arrange()
    pace.work(1)
    const tooHigh = pace.rate()
    pace.fail('busy')
    pace.work(2)
    expect(pace.rate()).toBeGreaterThanOrEqual(0.9 * tooHigh)
    expect(pace.rate()).toBeLessThanOrEqual(tooHigh)
  })

  test('it then takes 30 good answers back to what was too high, and grows faster beyond', () => {
    const pace = arrange()
    pace.fail('busy')
    const answer = () => {
      pace.advance(pace.take(60 * SECOND) ?? 0)
      pace.good()
    }
    while (pace.rate() < 7.2) answer()
    for (let calls = 0; calls < 30; calls++) answer()
    expect(pace.rate()).toBeCloseTo(8)
    for (let calls = 0; calls < 30; calls++) answer()
    expect(pace.rate()).toBeCloseTo(8.8)
    for (let calls = 0; calls < 60; calls++) answer()
    expect(pace.rate()).toBeCloseTo(29.6)
  })

  /** Makes calls that are answered well, one after another, once calls have to wait. */
  const answerWell = (pace: ReturnType<typeof arrange>, calls: number) => {
    drain(pace)
    for (let answers = 0; answers < calls; answers++) {
      pace.advance(pace.take(120 * SECOND) ?? 0)
      pace.good()
    }
  }

  test('with a Retry-After that comes soon, the rate returns only to half of what was too high', () => {
    const pace = arrange()
    for (const rate of [8, 4, 2]) {
      expect(pace.rate()).toBeCloseTo(rate, 0)
      pace.fail('busy', 60 * SECOND)
      answerWell(pace, 4)
    }
    expect(pace.rate()).toBeCloseTo(1, 1)
  })

  test('with a Retry-After after 30 good answers, the rate returns to 90 % of what was too high', () => {
    const pace = arrange()
    pace.fail('busy')
    answerWell(pace, 4 + 30)
    expect(pace.rate()).toBeCloseTo(8)
    pace.fail('busy', 60 * SECOND)
    answerWell(pace, 8)
    expect(pace.rate()).toBeCloseTo(7.2, 1)
  })

  test.each([
    ['soon', 0, 4],
    ['after 30 good answers', 34, 7.2],
  ])('with a Retry-After %s, the way back takes longer: 40 times the pause', (_, before, knee) => {
    const pace = arrange()
    if (before > 0) pace.fail('busy')
    answerWell(pace, before)
    expect(pace.rate()).toBeCloseTo(8)
    pace.fail('busy', 10 * SECOND)
    while (pace.rate() < 0.99 * knee) answerWell(pace, 1)
    answerWell(pace, 40 * 10 * 8 - 50)
    expect(pace.rate()).toBeLessThan(8)
    answerWell(pace, 100)
    expect(pace.rate()).toBeGreaterThan(8)
  })

  test('that follows another without a good answer, the rate is not to blame', () => {
    const pace = arrange()
    for (let calls = 0; calls < 9; calls++) {
      pace.advance(SECOND)
      pace.fail('busy')
    }
    expect(pace.isOpen()).toBe(true)
    pace.work(3)
    expect(pace.rate()).toBeGreaterThan(7)
  })
})

/** A LivePerson that accepts `perSecond` calls, each after 100 ms. Returns the share of the calls that it refused. */
const flood = (perSecond: number, seconds: number) => {
  const pace = arrange()
  let bucket = perSecond
  let refused = 0
  let accepted = 0
  const end = pace.now() + seconds * SECOND
  while (pace.now() < end) {
    const wait = pace.take(60 * SECOND) ?? 0
    pace.advance(wait)
    bucket = Math.min(perSecond, bucket + (wait * perSecond) / SECOND)
    if (bucket >= 1) {
      bucket -= 1
      accepted += 1
      pace.good()
    } else {
      refused += 1
      pace.fail('busy')
    }
  }
  return { refused: refused / (accepted + refused), used: accepted / (perSecond * seconds) }
}

test.each([2, 5, 10, 20])(
  'a LivePerson that accepts %s calls per second is used well, and refuses few',
  (rate) => {
    const { refused, used } = flood(rate, 600)
    expect(used).toBeGreaterThan(0.93)
    expect(refused).toBeLessThan(0.08)
  },
)

/**
 * Two containers share a LivePerson that accepts `perSecond` calls, and asks for a pause of a minute with each
 * refusal. Returns how many pauses there are until ten minutes pass without one.
 */
const pausesUntilQuiet = (perSecond: number): number => {
  const containers = [arrange(), arrange()]
  let bucket = perSecond
  let pauses = 0
  let quietMs = 0
  while (quietMs < 600 * SECOND) {
    bucket = Math.min(perSecond, bucket + perSecond / 100)
    quietMs += 10
    for (const pace of containers) {
      pace.advance(10)
      if (pace.take(0) === undefined) continue
      if (bucket >= 1) {
        bucket -= 1
        pace.good()
      } else {
        pauses += 1
        quietMs = 0
        pace.fail('busy', 60 * SECOND)
      }
    }
  }
  return pauses
}

test.each([
  [2, 10],
  [5, 12],
  [10, 8],
])('containers find out that %s calls per second are accepted with at most %s pauses', (rate, most) => {
  expect(pausesUntilQuiet(rate)).toBeLessThanOrEqual(most)
})

describe('Retry-After', () => {
  test('is kept: no call starts before it, and then they start one by one', () => {
    const pace = arrange()
    pace.fail('busy', 20 * SECOND)
    expect(pace.take(20 * SECOND)).toBeUndefined()
    pace.advance(20 * SECOND - 1)
    expect(pace.take(0)).toBeUndefined()
    expect(pace.take(SECOND)).toBe(251)
    expect(pace.take(SECOND)).toBe(501)
  })

  test('is kept at the floor, and by a call in flight that was halved for already', () => {
    const pace = arrange()
    const startedAt = pace.now()
    open(pace)
    pace.advance(1)
    pace.trouble({ startedAt, kind: 'failed', retryAfterMs: 60 * SECOND })
    expect(pace.take(60 * SECOND)).toBeUndefined()
    pace.good()
    pace.advance(59 * SECOND)
    expect(pace.take(900)).toBeUndefined()
  })

  test('can be asked for', () => {
    const pace = arrange()
    expect(pace.pauseMs()).toBe(0)
    pace.fail('busy', 20 * SECOND)
    pace.advance(5 * SECOND)
    expect(pace.pauseMs()).toBe(15 * SECOND)
    pace.advance(20 * SECOND)
    expect(pace.pauseMs()).toBe(0)
  })

  test('that is shorter does not end a longer one', () => {
    const pace = arrange()
    pace.fail('busy', 60 * SECOND)
    pace.fail('busy', SECOND)
    expect(pace.take(59 * SECOND)).toBeUndefined()
  })

  test('is longer by up to a tenth, by chance', () => {
    const pace = arrange(() => 0.999)
    pace.fail('busy', 100 * SECOND)
    expect(pace.take(109 * SECOND)).toBeUndefined()
    expect(pace.take(111 * SECOND)).toBeGreaterThan(109 * SECOND)
  })
})

describe('a record without a call waits', () => {
  const MINUTE = 60 * SECOND
  const HOUR = 60 * MINUTE

  test.each([
    ['just accepted', 0, 5 * SECOND],
    ['10 minutes old', 10 * MINUTE, 40 * SECOND],
    ['1 hour old', 60 * MINUTE, 4 * MINUTE],
    ['1 day old', 24 * 60 * MINUTE, 15 * MINUTE],
  ])('if LivePerson is down and it is %s, %s to %s ms or a little less', (_, ageMs, delayMs) => {
    for (const random of [0, 0.5, 0.999]) {
      const pace = arrange(() => random)
      open(pace)
      pace.advance(10 * SECOND + 1)
      expect(pace.parkDelayMs(ageMs)).toBeCloseTo(delayMs * (0.7 + 0.3 * random))
    }
  })

  test('up to 3 s if LivePerson gave a good answer in the last 10 s, however old it is', () => {
    const pace = arrange(() => 0.999)
    open(pace)
    pace.advance(3600 * SECOND)
    pace.good()
    expect(pace.parkDelayMs(48 * 60 * MINUTE)).toBeLessThanOrEqual(3 * SECOND)
    pace.fail('busy')
    pace.advance(9 * SECOND)
    expect(pace.parkDelayMs(48 * 60 * MINUTE)).toBeLessThanOrEqual(3 * SECOND)
  })

  test('up to 3 s in the 10 s after a pause that LivePerson wanted, but not after two in a row', () => {
    const pace = arrange(() => 0.999)
    open(pace)
    pace.good()
    pace.fail('busy')
    pace.fail('busy', 60 * SECOND)
    pace.advance(1)
    pace.fail('failed')
    expect(pace.isOpen()).toBe(true)
    const pauseMs = pace.pauseMs()
    pace.advance(20 * SECOND)
    expect(pace.parkDelayMs(HOUR)).toBeLessThanOrEqual(pauseMs - 20 * SECOND)
    pace.advance(pauseMs - 20 * SECOND + 9 * SECOND)
    expect(pace.parkDelayMs(HOUR)).toBeLessThanOrEqual(3 * SECOND)
    pace.advance(2 * SECOND)
    expect(pace.parkDelayMs(HOUR)).toBeGreaterThan(3 * MINUTE)
    pace.fail('busy', 60 * SECOND)
    expect(pace.parkDelayMs(HOUR)).toBeGreaterThan(3 * MINUTE)
  })

  test('for most of the pause that LivePerson wants', () => {
    const pace = arrange()
    pace.fail('busy', 100 * SECOND)
    expect(pace.parkDelayMs(0)).toBe(70 * SECOND)
    pace.fail('busy', 24 * 60 * MINUTE)
    expect(pace.parkDelayMs(0)).toBeLessThanOrEqual(15 * MINUTE)
  })
})

describe('a call may take', () => {
  test('as long as usual while LivePerson answers', () => {
    const pace = arrange()
    expect(pace.callLimitMs()).toBeUndefined()
    pace.fail('failed')
    pace.fail('busy')
    expect(pace.callLimitMs()).toBeUndefined()
  })

  test('less after a call without an answer, until there is one', () => {
    const pace = arrange()
    pace.fail('silent')
    expect(pace.isOpen()).toBe(false)
    expect([pace.callLimitMs(), pace.callLimitMs()]).toEqual([5 * SECOND, SECOND])
    pace.good()
    expect(pace.callLimitMs()).toBeUndefined()
    pace.fail('silent')
    pace.fail('failed')
    expect(pace.callLimitMs()).toBeUndefined()
  })

  test('1 s while it is open, but 5 s once a minute', () => {
    const pace = arrange()
    open(pace)
    const limits = Array.from({ length: 121 }, () => {
      const limit = pace.callLimitMs()
      pace.advance(SECOND)
      return limit
    })
    expect(limits.filter((limit) => limit === 5 * SECOND)).toHaveLength(3)
    expect(limits.filter((limit) => limit === SECOND)).toHaveLength(118)
  })
})

describe('whatever happens', () => {
  type Step =
    | { readonly kind: 'wait'; readonly ms: number }
    | { readonly kind: 'take'; readonly maxWaitMs: number }
    | { readonly kind: 'good' }
    | {
        readonly kind: 'trouble'
        readonly trouble: Kind
        readonly ageMs: number
        readonly retryAfterMs?: number
      }

  const steps = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(5000) }),
      fc.record({ kind: fc.constant('take' as const), maxWaitMs: fc.constantFrom(0, 100, 2000) }),
      fc.record({ kind: fc.constant('good' as const) }),
      fc.record(
        {
          kind: fc.constant('trouble' as const),
          trouble: fc.constantFrom<Kind>('busy', 'failed', 'silent'),
          ageMs: fc.nat(10_000),
          retryAfterMs: fc.nat(30_000),
        },
        { requiredKeys: ['kind', 'trouble', 'ageMs'] },
      ),
    ),
    { maxLength: 200 },
  )

  /** Performs the steps. `check` sees the container after each one, with the time that each call started. */
  const perform = (
    all: readonly Step[],
    check: (container: ReturnType<typeof arrange>, starts: readonly number[], blockedUntil: number) => void,
  ) => {
    const container = arrange(() => 0.5)
    const starts: number[] = []
    let blockedUntil = 0
    for (const step of all) {
      switch (step.kind) {
        case 'wait':
          container.advance(step.ms)
          break
        case 'take': {
          const wait = container.take(step.maxWaitMs)
          if (wait === undefined) break
          expect(wait).toBeLessThanOrEqual(step.maxWaitMs)
          expect(container.now() + wait).toBeGreaterThanOrEqual(blockedUntil)
          starts.push(container.now() + wait)
          break
        }
        case 'good':
          container.good()
          break
        case 'trouble': {
          const { trouble: kind, ageMs, retryAfterMs } = step
          container.trouble({ startedAt: container.now() - ageMs, kind, retryAfterMs })
          blockedUntil = Math.max(blockedUntil, container.now() + (retryAfterMs ?? 0))
        }
      }
      check(container, starts, blockedUntil)
    }
  }

  test('the rate is never below 1 or above 50, and the circuit breaker is open exactly at 1', () => {
    fc.assert(
      fc.property(steps, (all) =>
        perform(all, ({ rate, isOpen }) => {
          expect(rate()).toBeGreaterThanOrEqual(1)
          expect(rate()).toBeLessThanOrEqual(50)
          expect(isOpen()).toBe(rate() === 1)
        }),
      ),
    )
  })

  test('no more calls start than the burst and the rates since then allow', () => {
    fc.assert(
      fc.property(steps, (all) => {
        let allowed = 8
        let countedAt = START
        let highest = 8
        perform(all, ({ rate, now }, starts) => {
          allowed += ((now() - countedAt) / SECOND) * highest
          countedAt = now()
          highest = rate()
          // A call in the future was promised at the rate of that time.
          expect(starts.filter((start) => start <= now()).length).toBeLessThanOrEqual(Math.ceil(allowed))
        })
      }),
    )
  })

  test('a call can be taken in the end', () => {
    fc.assert(
      fc.property(steps, (all) => {
        let last: ReturnType<typeof arrange> | undefined
        perform(all, (container) => {
          last = container
        })
        last?.advance(34 * SECOND + 200 * 2 * SECOND)
        expect(last?.take(0) ?? 0).toBe(0)
      }),
    )
  })

  test('a record waits at least 1 s and at most 15 minutes', () => {
    fc.assert(
      fc.property(steps, fc.nat(7 * 24 * 3600 * SECOND), (all, ageMs) =>
        perform(all, ({ parkDelayMs }) => {
          expect(parkDelayMs(ageMs)).toBeGreaterThanOrEqual(SECOND)
          expect(parkDelayMs(ageMs)).toBeLessThanOrEqual(900 * SECOND)
        }),
      ),
    )
  })
})
