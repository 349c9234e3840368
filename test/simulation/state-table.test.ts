import { describe, expect, test } from 'vitest'
import type { Item } from '../../lib/aws/state-table.ts'
import { createMemoryTable } from './state-table.ts'

describe('the table in memory', () => {
  test.each<[string, Item, Item, boolean]>([
    ['attribute_exists(#a)', { a: null }, {}, true],
    ['attribute_exists(#a)', {}, {}, false],
    ['attribute_not_exists(#a)', { a: false }, {}, false],
    ['attribute_not_exists(#a)', {}, {}, true],
    ['#a = :v', { a: 'x' }, { v: 'x' }, true],
    ['#a = :v', { a: '1' }, { v: 1 }, false],
    ['#a = :v', {}, { v: 1 }, false],
    ['#a = :v', { a: { b: [1, null], c: {} } }, { v: { c: {}, b: [1, null] } }, true],
    ['#a = :v', { a: [1, 2] }, { v: [2, 1] }, false],
    ['#a = :v', { a: [] }, { v: {} }, false],
    ['#a <> :v', { a: 1 }, { v: 2 }, true],
    ['#a <> :v', { a: 1 }, { v: 1 }, false],
    // The one comparison that a missing attribute meets.
    ['#a <> :v', {}, { v: 1 }, true],
    ['#a < :v', { a: 9 }, { v: 10 }, true],
    ['#a < :v', { a: '9' }, { v: '10' }, false],
    ['#a < :v', {}, { v: 10 }, false],
    ['#a < :v', { a: '9' }, { v: 10 }, false],
    ['#a <= :v', { a: 10 }, { v: 10 }, true],
    ['#a > :v', { a: 10 }, { v: 10 }, false],
    ['#a >= :v', { a: 'ab' }, { v: 'a' }, true],
    ['#a >= :v', {}, { v: 0 }, false],
    [':v < #a', { a: 2 }, { v: 1 }, true],
    ['#a IN (:v, :w)', { a: 2 }, { v: 1, w: 2 }, true],
    ['#a IN (:v)', {}, { v: 1 }, false],
    ['begins_with(#a, :v)', { a: '1.ab' }, { v: '1.' }, true],
    ['begins_with(#a, :v)', { a: '12.ab' }, { v: '1.' }, false],
    ['begins_with(#a, :v)', {}, { v: '1.' }, false],
    ['begins_with(#a, :v)', { a: 1 }, { v: '1' }, false],
    ['NOT begins_with(#a, :v)', {}, { v: '1.' }, true],
    ['#b = :w OR NOT begins_with(#a, :v)', { a: '2.ab' }, { v: '1.', w: 1 }, true],
    ['contains(#a, :v)', { a: ['x', 'y'] }, { v: 'y' }, true],
    ['contains(#a, :v)', { a: ['xy'] }, { v: 'y' }, false],
    ['contains(#a, :v)', { a: 'xyz' }, { v: 'y' }, true],
    ['NOT contains(#a, :v)', {}, { v: 'y' }, true],
    ['NOT #a = :v', {}, { v: 1 }, true],
    ['NOT #a = :v AND #b = :v', { b: 1 }, { v: 1 }, true],
    ['NOT (#a = :v AND #b = :v)', { b: 1 }, { v: 1 }, true],
    // AND binds more closely than OR.
    ['#a = :v OR #b = :v AND #c = :v', { a: 1 }, { v: 1 }, true],
    ['(#a = :v OR #b = :v) AND #c = :v', { a: 1 }, { v: 1 }, false],
  ])('%s for %o with %o: %s', (condition, before, values, applied) => {
    const { now } = createMemoryTable()
    now.update({ pk: 'x', set: before })
    expect(now.update({ pk: 'x', set: { z: 1 }, condition, values })).toEqual({
      applied,
      item: { pk: 'x', ...before },
    })
    expect(now.get('x')).toEqual({ pk: 'x', ...before, ...(applied && { z: 1 }) })
  })

  test('removes attributes', () => {
    const { now } = createMemoryTable()
    now.update({ pk: 'x', set: { a: 1, b: 2 } })
    now.update({ pk: 'x', set: { c: 3 }, remove: ['a', 'missing'] })
    expect(now.get('x')).toEqual({ pk: 'x', b: 2, c: 3 })
    expect(() => now.update({ pk: 'x', set: { b: 3 }, remove: ['b'] })).toThrow('both writes and removes b')
  })

  test('reads any number of items', () => {
    const { now } = createMemoryTable()
    for (let index = 0; index < 250; index++) now.update({ pk: `x#${index}`, set: { index } })
    const pks = Array.from({ length: 250 }, (_, index) => `x#${index}`)
    expect(now.getMany([...pks, ...pks, 'none'])).toHaveLength(250)
    expect(now.getMany([])).toEqual([])
  })

  test('shares no state with its callers', () => {
    const { now } = createMemoryTable()
    const hosts = { sentinel: 'a.example' }
    now.update({ pk: 'x', set: { hosts } })
    now.update({ pk: 'y', set: {}, setIfAbsent: { hosts } })
    hosts.sentinel = 'changed'
    for (const pk of ['x', 'y']) Object.assign(Object(now.get(pk)?.hosts), { sentinel: 'changed' })
    expect(now.get('x')).toEqual({ pk: 'x', hosts: { sentinel: 'a.example' } })
    expect(now.get('y')).toEqual({ pk: 'y', hosts: { sentinel: 'a.example' } })
  })

  test('items() shows the items as they are at any time, and an item in it never changes', () => {
    const table = createMemoryTable()
    const items = table.items()
    table.now.update({ pk: 'x', set: { a: 1 } })
    const first = items.get('x')
    table.now.update({ pk: 'x', set: { a: 2 } })
    expect(first).toEqual({ pk: 'x', a: 1 })
    expect(items.get('x')).toEqual({ pk: 'x', a: 2 })
  })

  test('expired items are returned until they are deleted', () => {
    const table = createMemoryTable()
    const at = 1_700_000_000
    for (const { pk, ...set } of [
      { pk: 'expired', expiresAt: at - 1 },
      { pk: 'at its time', expiresAt: at },
      { pk: 'without', a: 1 },
      { pk: 'a text', expiresAt: String(at - 1) },
      { pk: 'more than five years ago', expiresAt: at - 6 * 365 * 86_400 },
    ])
      table.now.update({ pk, set })
    expect(table.now.get('expired')).toBeDefined()
    expect(table.expire(at * 1000)).toEqual(['expired'])
    expect([...table.items().keys()]).toEqual([
      'at its time',
      'without',
      'a text',
      'more than five years ago',
    ])
    expect(table.expire(at * 1000)).toEqual([])
  })

  test('takes hundreds of thousands of updates', () => {
    const { now, items } = createMemoryTable()
    for (let index = 0; index < 300_000; index++) {
      now.update({
        pk: `request#${index % 50_000}`,
        set: { status: 'opening', leaseId: String(index), leaseUntil: index },
        setIfAbsent: { createdAt: index },
        add: { attempts: 1 },
        condition: 'attribute_not_exists(#pk) OR (#status = :opening AND #leaseUntil < :now)',
        values: { opening: 'opening', now: index },
      })
    }
    expect(items().size).toBe(50_000)
    expect(now.get('request#7')).toEqual({
      pk: 'request#7',
      status: 'opening',
      leaseId: '250007',
      leaseUntil: 250_007,
      createdAt: 7,
      attempts: 6,
    })
  })
})
