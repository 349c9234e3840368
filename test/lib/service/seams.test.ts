import { expect, test } from 'vitest'
import { system } from '../../../lib/service/seams.ts'

test('the clock is the real one, in milliseconds', async () => {
  const before = Date.now()
  const now = system.now()
  await system.sleep(20)
  const after = system.now()
  expect(now).toBeGreaterThanOrEqual(before)
  expect(after - now).toBeGreaterThanOrEqual(19)
})

test('ids are UUIDs that differ, random numbers are from 0 up to 1', () => {
  const ids = Array.from({ length: 100 }, () => system.uuid())
  expect(new Set(ids).size).toBe(100)
  expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  const numbers = Array.from({ length: 100 }, () => system.random())
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
  expect(new Set(numbers).size).toBeGreaterThan(90)
})
