import { beforeEach, describe, expect, test } from 'vitest'
import { KEEP_MS } from '../../../lib/conversation/ledger-item.ts'
import { createRefuse, findRefusal, refusalKey } from '../../../lib/conversation/refusals.ts'
import { createMemoryTable } from '../../simulation/state-table.ts'

const NOW = 1_800_000_000_000
const ACCOUNT = '70123456'
const REFUSAL = {
  messageId: 'message-0001',
  accountId: ACCOUNT,
  requestId: 'event-0001',
  code: 'invalid_request',
} as const

let now = NOW
let table = createMemoryTable()
beforeEach(() => {
  now = NOW
  table = createMemoryTable()
})
const refuse = (members: Partial<Parameters<ReturnType<typeof createRefuse>>[0]> = {}) =>
  createRefuse({ table, now: () => now })({ ...REFUSAL, ...members })
const itemAt = (accountId: string) => table.get(refusalKey(accountId, REFUSAL.messageId))

describe('a refusal', () => {
  test('is an item that readers of outcomes know, and is kept as long as a request', async () => {
    await refuse()
    expect(await itemAt(ACCOUNT)).toEqual({
      ...REFUSAL,
      pk: 'refused#70123456#message-0001',
      door: 'queue',
      status: 'rejected',
      outcomeNumber: 1,
      updatedAt: NOW,
      expiresAt: (NOW + KEEP_MS) / 1000,
    })
  })

  test('without an account is at none', async () => {
    await refuse({ accountId: undefined })
    expect(await itemAt('none')).toMatchObject({ accountId: 'none' })
  })

  test('changes nothing if it is known', async () => {
    await refuse()
    const before = await itemAt(ACCOUNT)
    now += 1000
    await refuse()
    expect(await itemAt(ACCOUNT)).toEqual(before)
  })

  test('with another code is the next outcome', async () => {
    await refuse()
    await refuse({ code: 'campaign_not_allowed' })
    expect(await itemAt(ACCOUNT)).toMatchObject({ code: 'campaign_not_allowed', outcomeNumber: 2 })
  })

  test('is found at its account only', async () => {
    await refuse()
    const { accountId, ...told } = REFUSAL
    expect(await findRefusal(table, accountId, REFUSAL.messageId)).toEqual(told)
    expect(await findRefusal(table, 'none', REFUSAL.messageId)).toBeUndefined()
    expect(await findRefusal(table, accountId, REFUSAL.requestId)).toBeUndefined()
  })

  test('of a later version with an unknown code can be read', async () => {
    await refuse()
    await table.update({ pk: refusalKey(ACCOUNT, REFUSAL.messageId), set: { code: 'of_a_later_version' } })
    expect(await findRefusal(table, ACCOUNT, REFUSAL.messageId)).toMatchObject({ code: 'internal_error' })
  })
})
