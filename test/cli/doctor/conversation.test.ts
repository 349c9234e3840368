import { expect, test } from 'vitest'
import { buildConversations } from '../../../cli/doctor/conversation.ts'
import { parseStageConfig } from '../../../lib/config/stage.ts'

const accountOf = (given: object) => {
  const stage = { origins: [], accounts: [{ accountId: '70123456', ...given }] }
  const [account] = parseStageConfig(stage, { name: 'the test', loopback: false }).accounts
  if (!account) throw new Error('The stage has no account.')
  return account
}

test('the body of each route is built, and what differs between them is shown', () => {
  const info = { ctype: 'vip' }
  const routes = {
    help: { campaignId: '31', engagementId: '32', doors: ['form', 'queue'] },
    vip: {
      campaignId: '31',
      engagementId: '33',
      ttr: 'URGENT',
      doors: ['queue'],
      engagementAttributes: [{ type: 'ctmrinfo', info }],
    },
  }
  const { found } = buildConversations(accountOf({ routes }))
  expect(found).toBe(
    'bodies, not sent: ' +
      'help (form, queue) {"ttrDefName":"NORMAL","campaignInfo":{"campaignId":"31","engagementId":"32"}}; ' +
      'vip (queue) {"ttrDefName":"URGENT","campaignInfo":{"campaignId":"31","engagementId":"33"}} with ctmrinfo',
  )
})

test('an account without routes may accept any campaign', () => {
  expect(buildConversations(accountOf({ routes: {}, queue: { campaigns: 'any' } })).found).toContain(
    'no routes',
  )
})

test('an account that accepts no request at all is refused', () => {
  const account = accountOf({ routes: {}, form: { campaigns: 'listed' }, queue: { campaigns: 'listed' } })
  expect(() => buildConversations(account)).toThrow('accepts only listed routes, but has no routes')
})
