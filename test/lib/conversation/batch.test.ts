import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runInOrder } from '../../../lib/conversation/batch.ts'

test('items of a group run one after another, groups side by side', async () => {
  const events: string[] = []
  const run = async (item: string) => {
    events.push(`${item} starts`)
    await new Promise((resolve) => setTimeout(resolve, 5))
    events.push(`${item} ends`)
    return item.toUpperCase()
  }
  expect(await runInOrder([['a1', 'a2'], ['b1']], run)).toEqual([
    { item: 'a1', result: 'A1' },
    { item: 'a2', result: 'A2' },
    { item: 'b1', result: 'B1' },
  ])
  expect(events.indexOf('a2 starts')).toBeGreaterThan(events.indexOf('a1 ends'))
  expect(events.indexOf('b1 starts')).toBeLessThan(events.indexOf('a1 ends'))
})

test('an item that is put off does not hold back the next ones', async () => {
  const ran: string[] = []
  const left = await runInOrder([['a1', 'a2', 'a3'], ['b1']], async (item) => {
    ran.push(item)
    return item === 'a1' ? 700 : undefined
  })
  expect(ran.toSorted()).toEqual(['a1', 'a2', 'a3', 'b1'])
  expect(left.filter(({ result }) => result !== undefined)).toEqual([{ item: 'a1', result: 700 }])
})

test('each item is tried once, in the order of its group', () =>
  fc.assert(
    fc.asyncProperty(fc.array(fc.array(fc.nat(), { maxLength: 5 }), { maxLength: 5 }), async (plan) => {
      const groups = plan.map((group, at) => group.map((delay, index) => ({ at, index, delay })))
      const ran: { readonly at: number; readonly index: number }[] = []
      const results = await runInOrder(groups, async (item) => {
        for (let turn = 0; turn < item.delay % 3; turn++) await undefined
        ran.push(item)
        return item.delay
      })
      expect(results).toEqual(groups.flat().map((item) => ({ item, result: item.delay })))
      for (const [at, group] of groups.entries()) expect(ran.filter((item) => item.at === at)).toEqual(group)
    }),
  ))
