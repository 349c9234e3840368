import { expect, test } from 'vitest'
import { createClock } from '../../../../local/liveperson/state/clock.ts'

const isNear = (a: number, b: number) => Math.abs(a - b) < 1000

test('a clock follows real time until it is advanced', () => {
  const clock = createClock()
  expect(isNear(clock.now(), Date.now())).toBe(true)
  clock.advance(60_000)
  expect(isNear(clock.now(), Date.now() + 60_000)).toBe(true)
})

test('a stopped clock moves only when it is advanced, until it follows real time again', () => {
  const clock = createClock()
  clock.set(1000)
  clock.advance(5)
  expect(clock.now()).toBe(1005)
  clock.set(undefined)
  expect(isNear(clock.now(), Date.now())).toBe(true)
})
