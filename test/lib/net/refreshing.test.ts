import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { createRefreshing, type Lifetime, type Refreshing } from '../../../lib/net/refreshing.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

const settled = () => new Promise((resolve) => setImmediate(resolve))

/** A cache whose reads return v1, v2 … at once, or fail while `fail(true)`. Time moves by `advance`. */
const arrange = (lifetime: Lifetime = { renewAfterMs: 10 * MINUTE }, withReadAgain = false) => {
  let time = 1_800_000_000_000
  let serial = 0
  let failing = false
  const next = async () => {
    if (failing) throw new Error('no answer')
    return `v${++serial}`
  }
  const read = vi.fn(next)
  const readAgain = vi.fn(next)
  const cache = createRefreshing<string>({
    read,
    ...(withReadAgain && { readAgain }),
    lifetimeOf: () => lifetime,
    pauseMs: MINUTE,
    now: () => time,
  })
  return {
    ...cache,
    read,
    readAgain,
    fail: (fails: boolean) => {
      failing = fails
    },
    advance: (ms: number) => {
      time += ms
    },
  }
}

describe('get', () => {
  test('reads once for concurrent calls, and then not before the renewal is due', async () => {
    const { get, read, advance } = arrange()
    expect(await Promise.all([get(), get(), get()])).toEqual(['v1', 'v1', 'v1'])
    advance(10 * MINUTE - 1)
    expect(await get()).toBe('v1')
    expect(read).toHaveBeenCalledTimes(1)
  })

  test('renews without delaying the call that starts it', async () => {
    const { get, read, advance } = arrange()
    await get()
    advance(10 * MINUTE)
    read.mockImplementationOnce(() => new Promise(() => undefined))
    expect(await get()).toBe('v1')
    expect(read).toHaveBeenCalledTimes(2)
  })

  test('returns the new value after a renewal', async () => {
    const { get, advance } = arrange()
    await get()
    advance(10 * MINUTE)
    await get()
    await settled()
    expect(await get()).toBe('v2')
  })

  test('keeps the value after a failed renewal, and pauses before the next one', async () => {
    const { get, read, fail, advance } = arrange()
    await get()
    fail(true)
    advance(10 * MINUTE)
    expect(await get()).toBe('v1')
    await settled()
    advance(MINUTE - 1)
    expect(await get()).toBe('v1')
    expect(read).toHaveBeenCalledTimes(2)
    fail(false)
    advance(1)
    expect(await get()).toBe('v1')
    await settled()
    expect(await get()).toBe('v2')
    expect(read).toHaveBeenCalledTimes(3)
  })

  test('uses a value without expiry for as long as renewals fail', async () => {
    const { get, fail, advance } = arrange()
    await get()
    fail(true)
    for (let day = 0; day < 30; day++) {
      advance(24 * 60 * MINUTE)
      expect(await get()).toBe('v1')
      await settled()
    }
  })

  test('waits for a new value once the old one has expired', async () => {
    const { get, peek, advance } = arrange({ renewAfterMs: 10 * MINUTE, expireAfterMs: 20 * MINUTE })
    await get()
    advance(20 * MINUTE - 1)
    expect(peek()).toBe('v1')
    advance(1)
    expect(peek()).toBeUndefined()
    expect(await get()).toBe('v2')
  })

  test('fails if there is no valid value and the read fails, and reads again at the next call', async () => {
    const { get, fail, advance } = arrange({ renewAfterMs: MINUTE, expireAfterMs: 2 * MINUTE })
    fail(true)
    await expect(get()).rejects.toThrow('no answer')
    fail(false)
    expect(await get()).toBe('v1')
    advance(2 * MINUTE)
    fail(true)
    await expect(get()).rejects.toThrow('no answer')
  })

  test('counts the lifetime from the start of the read', async () => {
    const { get, read, advance } = arrange({ renewAfterMs: 10 * MINUTE })
    const { promise, resolve } = Promise.withResolvers<string>()
    read.mockImplementationOnce(() => promise)
    const first = get()
    advance(4 * MINUTE)
    resolve('slow')
    await first
    advance(6 * MINUTE)
    await get()
    expect(read).toHaveBeenCalledTimes(2)
  })
})

describe('reload', () => {
  test('reads once for concurrent calls with the same stale value', async () => {
    const { get, reload, read } = arrange()
    const stale = await get()
    expect(await Promise.all([reload(stale), reload(stale)])).toEqual(['v2', 'v2'])
    expect(await reload(stale)).toBe('v2')
    expect(read).toHaveBeenCalledTimes(2)
  })

  test('uses `readAgain` if there is one', async () => {
    const { get, reload, read, readAgain } = arrange(undefined, true)
    const stale = await get()
    expect(await Promise.all([reload(stale), reload(stale)])).toEqual(['v2', 'v2'])
    expect([read.mock.calls.length, readAgain.mock.calls.length]).toEqual([1, 1])
    expect(await get()).toBe('v2')
  })

  test('fails if the read fails. The stale value is then still used.', async () => {
    const { get, reload, fail } = arrange()
    const stale = await get()
    fail(true)
    await expect(reload(stale)).rejects.toThrow('no answer')
    expect(await get()).toBe(stale)
  })

  test('reads again if the replacement has expired', async () => {
    const { get, reload, advance } = arrange({ renewAfterMs: MINUTE, expireAfterMs: 2 * MINUTE })
    const stale = await get()
    await reload(stale)
    advance(2 * MINUTE)
    expect(await reload(stale)).toBe('v3')
  })
})

describe('drop', () => {
  test('makes the next call read', async () => {
    const { get, drop } = arrange()
    drop(await get())
    expect(await get()).toBe('v2')
  })

  test('keeps a value that has already been replaced', async () => {
    const { get, reload, drop, read } = arrange()
    const stale = await get()
    await reload(stale)
    drop(stale)
    expect(await get()).toBe('v2')
    expect(read).toHaveBeenCalledTimes(2)
  })
})

describe('set', () => {
  test('replaces a read', async () => {
    const { get, set, read, advance } = arrange()
    set('given')
    expect(await get()).toBe('given')
    advance(10 * MINUTE - 1)
    await get()
    expect(read).not.toHaveBeenCalled()
    advance(1)
    await get()
    expect(read).toHaveBeenCalledTimes(1)
  })

  test('is not undone by a read that started before it', async () => {
    const { get, set, read } = arrange()
    const { promise, resolve } = Promise.withResolvers<string>()
    read.mockImplementationOnce(() => promise)
    const first = get()
    set('given')
    resolve('older')
    expect(await first).toBe('older')
    expect(await get()).toBe('given')
  })
})

interface Value {
  readonly from: 'read' | 'readAgain' | 'set'
  readonly startedAt: number
  /** Numbers the starts of reads and the calls of `set`, across both. */
  readonly order: number
}

interface Read {
  readonly value: Value
  /** The valid value when the read started. */
  readonly during: Value | undefined
  readonly flight: PromiseWithResolvers<Value>
}

interface Call {
  readonly what: 'get' | 'reload'
  readonly stale: Value | undefined
  readonly at: number
  /** The valid value when the call was made. */
  readonly valid: Value | undefined
  result?: { readonly value: Value } | { readonly error: unknown }
}

type Kind = 'read' | 'readAgain'

type Op =
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'get' | 'set' }
  | { readonly kind: 'reload' | 'drop'; readonly which: number }
  | { readonly kind: 'settle'; readonly from: Kind; readonly fails: boolean }

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 40 }) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('get' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reload' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('set' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      from: fc.constantFrom<Kind>('read', 'readAgain'),
      fails: fc.boolean(),
    }),
  },
)

const lifetime = fc
  .tuple(fc.integer({ min: 1, max: 60 }), fc.option(fc.nat({ max: 60 }), { nil: undefined }))
  .map(([renewAfterMs, more]) =>
    more === undefined ? { renewAfterMs } : { renewAfterMs, expireAfterMs: renewAfterMs + more },
  )

/** Runs operations one after another and checks the invariants after each. */
const explore = async (ops: readonly Op[], life: Lifetime, pauseMs: number) => {
  let time = 0
  let order = 0
  let overlaps = 0
  const values: Value[] = []
  const dropped = new Set<Value>()
  const calls: Call[] = []
  const reads: Record<Kind, Read[]> = { read: [], readAgain: [] }
  const running: Record<Kind, Read | undefined> = { read: undefined, readAgain: undefined }
  let newest: Value | undefined

  const start = (from: Kind) => (): Promise<Value> => {
    if (running[from]) overlaps++
    const read: Read = {
      value: { from, startedAt: time, order: ++order },
      during: cache.peek(),
      flight: Promise.withResolvers<Value>(),
    }
    reads[from].push(read)
    running[from] = read
    return read.flight.promise
  }
  const cache: Refreshing<Value> = createRefreshing({
    read: start('read'),
    readAgain: start('readAgain'),
    lifetimeOf: () => life,
    pauseMs,
    now: () => time,
  })
  const ageOf = ({ startedAt }: Value) => time - startedAt
  const track = (call: Call, promise: Promise<Value>) => {
    calls.push(call)
    promise.then(
      (value) => {
        call.result = { value }
      },
      (error: unknown) => {
        call.result = { error }
      },
    )
  }
  const pick = (which: number) => values[which % Math.max(1, values.length)]

  for (const step of ops) {
    const made = calls.length
    const again = reads.readAgain.length
    switch (step.kind) {
      case 'advance':
        time += step.ms
        break
      case 'get':
        track({ what: 'get', stale: undefined, at: time, valid: cache.peek() }, Promise.resolve(cache.get()))
        break
      case 'reload': {
        const stale = pick(step.which)
        if (stale) track({ what: 'reload', stale, at: time, valid: cache.peek() }, cache.reload(stale))
        break
      }
      case 'drop': {
        const value = pick(step.which)
        if (!value) break
        cache.drop(value)
        dropped.add(value)
        break
      }
      case 'set': {
        const value = { from: 'set', startedAt: time, order: ++order } as const
        values.push(value)
        cache.set(value)
        expect(cache.peek() ?? value, 'what is set is used').toBe(value)
        break
      }
      case 'settle': {
        const read = running[step.from]
        running[step.from] = undefined
        if (step.fails) read?.flight.reject(new Error('no answer'))
        else if (read) {
          values.push(read.value)
          read.flight.resolve(read.value)
        }
        break
      }
    }
    await settled()

    expect(overlaps, 'at most one read of a kind runs at a time').toBe(0)
    const call = calls[made]
    if (call?.valid && call.what === 'get') {
      expect(call.result, 'a valid value is returned at once').toEqual({ value: call.valid })
      if (ageOf(call.valid) >= life.renewAfterMs && pauseMs === 0)
        expect(running.read, 'a renewal that is due runs').toBeDefined()
    }
    if (call?.what === 'reload' && call.valid && call.valid !== call.stale) {
      expect(call.result, 'a replaced value is not read again').toEqual({ value: call.valid })
      expect(reads.readAgain).toHaveLength(again)
    }
    if (call && !call.valid)
      expect(running.read ?? running.readAgain, 'a value that is missing is read').toBeDefined()

    const current = cache.peek()
    if (current) {
      expect(ageOf(current), 'an expired value is not used').toBeLessThan(life.expireAfterMs ?? Infinity)
      expect(dropped.has(current), 'a dropped value does not come back').toBe(false)
      if (
        newest &&
        current !== newest &&
        current.from === 'read' &&
        newest.from !== 'read' &&
        !dropped.has(newest)
      )
        expect(current.order, 'a read never replaces a value that is newer').toBeGreaterThan(newest.order)
      newest = current
    }
  }

  for (const { what, stale, valid, result } of calls) {
    if (result && 'error' in result && what === 'get')
      expect(valid, 'a call with a valid value never fails').toBeUndefined()
    if (result && 'value' in result && what === 'reload')
      expect(result.value, 'a reload never returns the stale value').not.toBe(stale)
  }
  for (const [index, { value, during }] of reads.read.entries()) {
    if (!during) continue
    expect(value.startedAt - during.startedAt, 'a renewal is not early').toBeGreaterThanOrEqual(
      life.renewAfterMs,
    )
    const before = reads.read[index - 1]
    if (before?.during === during)
      expect(value.startedAt - before.value.startedAt, 'renewals pause').toBeGreaterThanOrEqual(pauseMs)
  }
}

describe('in any order of events', () => {
  test('the invariants hold', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(op, { minLength: 30, maxLength: 80, size: 'max' }),
        lifetime,
        fc.nat({ max: 30 }),
        explore,
      ),
      { numRuns: 500 },
    )
  })
})
