import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runInOrder } from '../../../lib/conversation/batch.ts'

test('items of a group run one after another, groups side by side', async () => {
  const events: string[] = []
  const run = async (item: string) => {
    events.push(`${item} starts`)
    await new Promise((resolve) => setTimeout(resolve, 5))
    events.push(`${item} ends`)
    return undefined
  }
  expect(await runInOrder([['a1', 'a2'], ['b1']], run, async () => undefined)).toEqual([])
  expect(events.indexOf('a2 starts')).toBeGreaterThan(events.indexOf('a1 ends'))
  expect(events.indexOf('b1 starts')).toBeLessThan(events.indexOf('a1 ends'))
})

test('a group stops at the item that is put off; it and those after it are delayed together', async () => {
  const ran: string[] = []
  const delayed: unknown[] = []
  const left = await runInOrder(
    [['a1', 'a2', 'a3'], ['b1']],
    async (item) => {
      ran.push(item)
      return item === 'a2' ? 700 : undefined
    },
    async (items, delayMs) => delayed.push([items, delayMs]),
  )
  expect(left).toEqual(['a2', 'a3'])
  expect(ran.toSorted()).toEqual(['a1', 'a2', 'b1'])
  expect(delayed).toEqual([[['a2', 'a3'], 700]])
})

test('each item is either done or left, for any retries', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.array(fc.boolean(), { maxLength: 5 }), { maxLength: 5 }), async (plan) => {
      const groups = plan.map((group) => group.map((isDone) => ({ isDone })))
      const done: object[] = []
      const left = await runInOrder(
        groups,
        async (item) => {
          if (!item.isDone) return 1
          done.push(item)
          return undefined
        },
        async () => undefined,
      )
      expect(new Set([...done, ...left])).toEqual(new Set(groups.flat()))
      expect(done.length + left.length).toBe(groups.flat().length)
    }),
  ))
