import { expect, test } from 'vitest'
import { buildConversation } from '../../cli/conversation.ts'
import { parseStageConfig } from '../../lib/config/stage.ts'

const accountOf = (given: object) => {
  const stage = { origins: [], accounts: [{ accountId: '70123456', ...given }] }
  const [account] = parseStageConfig(stage, { name: 'the test', loopback: false }).accounts
  if (!account) throw new Error('The stage has no account.')
  return account
}

test('the body is that of the first route', () => {
  const route = { campaignId: '31', engagementId: '32', ttr: 'URGENT', doors: ['queue'] }
  const { found } = buildConversation(accountOf({ routes: { vip: route } }))
  expect(found).toMatch(/^body of route vip, not sent: /)
  const body: unknown = JSON.parse(found.slice(found.indexOf('[')))
  expect(body).toMatchObject([
    { type: 'userprofile.SetUserProfile' },
    {
      type: 'cm.ConsumerRequestConversation',
      body: {
        brandId: '70123456',
        campaignInfo: { campaignId: '31', engagementId: '32' },
        ttrDefName: 'URGENT',
      },
    },
  ])
})

test('an account without routes may accept any campaign', () => {
  expect(buildConversation(accountOf({ routes: {}, queue: { campaigns: 'any' } })).found).toContain(
    'no routes',
  )
})

test('an account that accepts no request at all is refused', () => {
  const account = accountOf({ routes: {}, form: { campaigns: 'listed' }, queue: { campaigns: 'listed' } })
  expect(() => buildConversation(account)).toThrow('accepts only listed routes, but has no routes')
})
