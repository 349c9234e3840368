import { expect, test } from 'vitest'
import { loadFixture } from '../../../../local/liveperson/state/account.ts'
import { createClock } from '../../../../local/liveperson/state/clock.ts'
import { defaultSettings } from '../../../../local/liveperson/state/settings.ts'
import { createTokens, toLpConsumerId } from '../../../../local/liveperson/state/tokens.ts'

const [account] = loadFixture()
if (account === undefined) throw new Error('The fixture has no account.')
const { accountId } = account
const clock = createClock()
const settings = defaultSettings('strict')
const tokens = await createTokens(clock, settings)
const consumer = { accountId, extConsumerId: 'crm-1', lpConsumerId: toLpConsumerId(accountId, 'crm-1') }

test('an AppJWT is valid for its own account', async () => {
  const appJwt = await tokens.issueAppJwt(account, 1)
  expect(tokens.checkAppJwt(appJwt, accountId)).toBe('valid')
  expect(tokens.checkAppJwt(appJwt, '70999999')).toBe('invalid')
})

test('a ConsumerJWS identifies its consumer to its own account', async () => {
  const consumerJws = await tokens.issueConsumerJws(consumer)
  expect(tokens.readConsumerJws(consumerJws, accountId)).toEqual(consumer)
  expect(tokens.readConsumerJws(consumerJws, '70999999')).toBeUndefined()
})

test.each(['', 'a.b', 'a.b.c', 'a.b.c.d'])('"%s" is neither token', (text) => {
  expect(tokens.checkAppJwt(text, accountId)).toBe('invalid')
  expect(tokens.readConsumerJws(text, accountId)).toBeUndefined()
})

test('a token that another simulator signed is invalid', async () => {
  const other = await createTokens(clock, settings)
  expect(tokens.checkAppJwt(await other.issueAppJwt(account, 1), accountId)).toBe('invalid')
})

test("LivePerson's own consumer id differs per account and consumer", () => {
  const ids = [toLpConsumerId('1', 'a'), toLpConsumerId('1', 'b'), toLpConsumerId('2', 'a')]
  expect(new Set(ids).size).toBe(3)
  expect(toLpConsumerId('1', 'a')).toBe(ids[0])
})
