import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createContext, invokeInProcess } from '../../../local/aws/invoke.ts'

test('events and answers are converted to JSON', async () => {
  const seen: unknown[] = []
  const invoke = invokeInProcess((event) => {
    seen.push(event)
    return { at: new Date(0), nothing: undefined }
  })
  expect(await invoke({ when: new Date(0), nothing: undefined })).toEqual({
    payload: '{"at":"1970-01-01T00:00:00.000Z"}',
  })
  expect(seen).toEqual([{ when: '1970-01-01T00:00:00.000Z' }])
})

test('a handler without an answer returns null', async () => {
  expect(await invokeInProcess(() => undefined)({})).toEqual({ payload: 'null' })
})

test('an error becomes a function error with its name and message', async () => {
  const invoke = invokeInProcess(() => {
    throw new TypeError('no')
  })
  expect(await invoke({})).toEqual({
    functionError: 'Unhandled',
    payload: '{"errorType":"TypeError","errorMessage":"no"}',
  })
})

test('a timeout becomes a function error', async () => {
  const invoke = invokeInProcess(() => sleep(1_000), { timeoutMs: 20 })
  expect(await invoke({})).toEqual({
    functionError: 'Unhandled',
    payload: '{"errorType":"Error","errorMessage":"Task timed out after 0.02 seconds"}',
  })
})

test('the remaining time of a context runs down to 0', async () => {
  const context = createContext({ timeoutMs: 20 })
  expect(context.getRemainingTimeInMillis()).toBeGreaterThan(0)
  await sleep(30)
  expect(context.getRemainingTimeInMillis()).toBe(0)
})

test('callbacks are refused, as on Node 24', () => {
  expect(() => createContext().done()).toThrow('Return a promise')
})
