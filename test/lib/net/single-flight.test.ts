import { expect, test, vi } from 'vitest'
import { createSingleFlight } from '../../../lib/net/single-flight.ts'

const arrange = () => {
  const flights: PromiseWithResolvers<string>[] = []
  const work = vi.fn(() => {
    const flight = Promise.withResolvers<string>()
    flights.push(flight)
    return flight.promise
  })
  return { work, flights, run: createSingleFlight(work) }
}

test('concurrent calls share one run and its result', async () => {
  const { work, flights, run } = arrange()
  const calls = [run(), run(), run()]
  flights[0]?.resolve('value')
  expect(await Promise.all(calls)).toEqual(['value', 'value', 'value'])
  expect(work).toHaveBeenCalledTimes(1)
})

test('a call after the end of a run starts a new one', async () => {
  const { work, flights, run } = arrange()
  const first = run()
  flights[0]?.resolve('first')
  await first
  const second = run()
  flights[1]?.resolve('second')
  expect(await second).toBe('second')
  expect(work).toHaveBeenCalledTimes(2)
})

test('a failure is shared too, and the next call tries again', async () => {
  const { flights, run } = arrange()
  const calls = [run(), run()]
  flights[0]?.reject(new Error('no answer'))
  const results = await Promise.allSettled(calls)
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const next = run()
  flights[1]?.resolve('value')
  expect(await next).toBe('value')
})
