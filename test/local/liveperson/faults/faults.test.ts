import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { startClient } from '../client.ts'

const client = await startClient()
const { liveperson } = client
afterAll(() => liveperson.close())
beforeEach(() => liveperson.reset())

describe('a fault strikes', () => {
  const statuses = async (count: number) => {
    const seen: number[] = []
    for (let index = 0; index < count; index += 1) seen.push((await client.token()).status)
    return seen
  }

  test('once by default, as often as it says, or until it is removed', async () => {
    liveperson.faults.add({ service: 'sentinel', kind: 'status', status: 500 })
    liveperson.faults.add({ service: 'sentinel', kind: 'status', status: 502, times: 2 })
    const remove = liveperson.faults.add({
      service: 'sentinel',
      kind: 'status',
      status: 503,
      times: Number.POSITIVE_INFINITY,
    })
    expect(await statuses(6)).toEqual([500, 502, 502, 503, 503, 503])
    remove()
    expect(await statuses(1)).toEqual([200])
    expect(liveperson.faults.active()).toEqual([])
  })

  test('with its probability, which a seeded source decides', async () => {
    const numbers = [0.1, 0.9, 0.2]
    liveperson.faults.random = () => numbers.shift() ?? 1
    liveperson.faults.add({ service: 'sentinel', kind: 'status', status: 503, times: 9, probability: 0.5 })
    expect(await statuses(4)).toEqual([503, 200, 503, 200])
  })

  test('only requests that match', async () => {
    liveperson.faults.add({ kind: 'status', status: 500, match: ({ body }) => body.includes('rotated') })
    expect((await client.token()).status).toBe(200)
    expect((await client.token('v=1.0', { client_secret: 'rotated' })).status).toBe(500)
  })

  test('together with latency', async () => {
    liveperson.faults.add({ service: 'sentinel', kind: 'latency', ms: 60 })
    liveperson.faults.add({ service: 'sentinel', kind: '429' })
    const started = performance.now()
    expect(await statuses(1)).toEqual([429])
    expect(performance.now() - started).toBeGreaterThan(50)
    expect(liveperson.faults.struck()).toEqual({ 'sentinel:latency': 1, 'sentinel:429': 1 })
  })
})
