import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { member, startClient } from '../client.ts'

const client = await startClient()
const { liveperson } = client
afterAll(() => liveperson.close())
beforeEach(() => liveperson.reset())

describe('a fault over HTTP', () => {
  test('is added, returned, strikes and is removed', async () => {
    const fault = { service: 'sentinel', kind: '429', retryAfter: 2, times: null }
    expect((await client.inspect('faults', fault)).status).toBe(200)
    expect((await client.token()).status).toBe(429)
    expect((await client.inspect('faults')).json).toEqual({ active: [fault], struck: { 'sentinel:429': 1 } })
    await client.inspect('faults', {}, 'DELETE')
    expect((await client.token()).status).toBe(200)
  })

  test.each([
    ['no kind', {}],
    ['an unknown kind', { kind: 'boom' }],
    ['latency without ms', { kind: 'latency' }],
    ['an invalid status', { kind: 'status', status: 42 }],
    ['an unknown service', { kind: 'reset', service: 'messaging' }],
    ['an unknown member', { kind: 'reset', often: 2 }],
    ['a probability above 1', { kind: 'reset', probability: 2 }],
  ])('is refused for %s', async (_name, fault) => {
    const { status, json } = await client.inspect('faults', fault)
    expect([status, member(json, 'error')]).toEqual([400, expect.any(String)])
    expect(liveperson.faults.active()).toEqual([])
  })
})
