import { describe, expect, test, vi } from 'vitest'
import {
  type AppError,
  CredentialsRefusedError,
  LivePersonUnavailableError,
} from '../../../lib/errors/errors.ts'
import { createRetryAfter } from '../../../lib/liveperson/retry-after.ts'
import { failureOf } from '../../support/simulated-account.ts'

const arrange = (pauseMsOf: (error: AppError) => number | undefined = (error) => error.retryAfterMs) => {
  let time = 1_800_000_000_000
  const work = vi.fn(async () => 'done')
  const run = createRetryAfter({ now: () => time, pauseMsOf })
  return {
    work,
    run: () => run(work),
    failWith: (error: unknown) => work.mockRejectedValueOnce(error),
    advance: (ms: number) => {
      time += ms
    },
  }
}
const busy = (retryAfterMs?: number) =>
  new LivePersonUnavailableError({
    detail: 'The IDP answered HTTP 429 without a body.',
    cause: new Error('cause'),
    mayHaveExecuted: false,
    trouble: 'busy',
    retryAfterMs,
  })

describe('createRetryAfter', () => {
  test('returns what the work returns', async () => {
    const { run, work } = arrange()
    expect([await run(), await run()]).toEqual(['done', 'done'])
    expect(work).toHaveBeenCalledTimes(2)
  })

  test('does not run the work before the pause is over', async () => {
    const { run, work, failWith, advance } = arrange()
    const error = busy(3000)
    failWith(error)
    expect(await failureOf(run())).toBe(error)
    advance(2999)
    expect(await failureOf(run())).toMatchObject({
      message: error.message,
      cause: error.cause,
      mayHaveExecuted: false,
      trouble: 'busy',
      retryAfterMs: 1,
    })
    expect(work).toHaveBeenCalledTimes(1)
    advance(1)
    expect(await run()).toBe('done')
  })

  test.each([
    ['without a pause', busy()],
    ['with a pause of 0', busy(0)],
    ['of another kind', new Error('x')],
  ])('an error %s does not prevent the next run', async (_, error) => {
    const { run, failWith } = arrange()
    failWith(error)
    expect(await failureOf(run())).toBe(error)
    expect(await run()).toBe('done')
  })

  test('an error without Retry-After is thrown again as it is', async () => {
    const { run, failWith } = arrange(() => 5000)
    const error = new CredentialsRefusedError({ detail: 'x' })
    failWith(error)
    expect([await failureOf(run()), await failureOf(run())]).toEqual([error, error])
    const other = arrange(() => 5000)
    const silent = busy()
    other.failWith(silent)
    await failureOf(other.run())
    expect(await failureOf(other.run())).toBe(silent)
  })

  test('runs that started before the failure are not stopped', async () => {
    const { run, work, failWith } = arrange()
    failWith(busy(3000))
    const outcomes = await Promise.allSettled([run(), run(), run()])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
    expect(work).toHaveBeenCalledTimes(3)
  })

  test('of overlapping runs, the one with the longest pause counts', async () => {
    const { run, failWith, advance } = arrange()
    failWith(busy(1000))
    failWith(busy(3000))
    failWith(busy(2000))
    failWith(busy())
    await Promise.allSettled([run(), run(), run(), run()])
    advance(2999)
    expect(await failureOf(run())).toMatchObject({ retryAfterMs: 1 })
    advance(1)
    expect(await run()).toBe('done')
  })
})
