import { describe, expect, test } from 'vitest'
import { accountOf, destinationOf } from '../../../lib/config/routes.ts'
import { parseStageConfig } from '../../../lib/config/stage.ts'
import { CampaignNotAllowedError, InvalidRequestError } from '../../../lib/errors/errors.ts'
import {
  type ConversationRequest,
  parseConversationRequest,
} from '../../../lib/request/conversation-request.ts'

const VIP = { type: 'ctmrinfo' as const, info: { ctype: 'vip' } }
const COMPANY = { type: 'personal' as const, personal: { company: 'Nord A/S' } }
const CAMPAIGN = { campaignId: '11', engagementId: '12' }
const stage = parseStageConfig(
  {
    accounts: [
      {
        accountId: 'one',
        form: { campaigns: 'listed' },
        queue: { campaigns: 'any' },
        routes: {
          help: { campaignId: '1', engagementId: '2', engagementAttributes: [VIP] },
          urgent: { campaignId: '1', engagementId: '3', ttr: 'URGENT', doors: ['queue'] },
          form: { campaignId: '1', engagementId: '4', doors: ['form'] },
        },
      },
      {
        accountId: 'two',
        form: { campaigns: 'any' },
        routes: { other: { campaignId: '5', engagementId: '6' } },
      },
    ],
  },
  { name: 'the test', loopback: false },
)
const failure = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}

describe('accountOf', () => {
  test.each<[string, ConversationRequest, string]>([
    ['nothing said: the first', { campaign: CAMPAIGN }, 'one'],
    ['the account named', { campaign: CAMPAIGN, accountId: 'two' }, 'two'],
    ['a route of the first', { route: 'help' }, 'one'],
    ['a route of the second', { route: 'other' }, 'two'],
    ['a route with its own account named', { route: 'other', accountId: 'two' }, 'two'],
  ])('%s', (_, request, accountId) => {
    expect(accountOf(stage, request).accountId).toBe(accountId)
  })

  test.each<[string, ConversationRequest, string]>([
    ['an unknown account', { campaign: CAMPAIGN, accountId: 'three' }, 'accountId'],
    ['an unknown route', { route: 'nowhere' }, 'route'],
    ['a route named as a member of every object', { route: 'toString' }, 'route'],
    ['a route of another account', { route: 'other', accountId: 'one' }, 'route'],
  ])('%s is refused', (_, request, path) => {
    const error = failure(() => accountOf(stage, request))
    expect(error).toBeInstanceOf(InvalidRequestError)
    expect(error).toMatchObject({ findings: [{ path }] })
  })
})

describe('destinationOf', () => {
  const of = (door: 'form' | 'queue', members: object) => {
    const request = parseConversationRequest(members)
    return destinationOf(accountOf(stage, request), door, request)
  }

  test.each<[string, 'form' | 'queue', object, object]>([
    [
      'a campaign: as it is',
      'queue',
      { campaign: CAMPAIGN, engagementAttributes: [COMPANY] },
      { ...CAMPAIGN, ttr: 'NORMAL', engagementAttributes: [COMPANY] },
    ],
    [
      'a campaign with a TTR',
      'queue',
      { campaign: CAMPAIGN, ttr: 'CUSTOM' },
      { ...CAMPAIGN, ttr: 'CUSTOM', engagementAttributes: [] },
    ],
    [
      'a route: its own attributes',
      'form',
      { route: 'help' },
      { campaignId: '1', engagementId: '2', ttr: 'NORMAL', engagementAttributes: [VIP] },
    ],
    [
      'a route: its attributes beside others of the request',
      'form',
      { route: 'help', engagementAttributes: [COMPANY] },
      { campaignId: '1', engagementId: '2', ttr: 'NORMAL', engagementAttributes: [COMPANY, VIP] },
    ],
    [
      'a route: the request’s attributes in place of its own',
      'queue',
      { route: 'help', engagementAttributes: [{ type: 'ctmrinfo', info: { role: 'buyer' } }] },
      {
        campaignId: '1',
        engagementId: '2',
        ttr: 'NORMAL',
        engagementAttributes: [{ type: 'ctmrinfo', info: { role: 'buyer' } }],
      },
    ],
    ['a route’s TTR', 'queue', { route: 'urgent' }, { engagementId: '3', ttr: 'URGENT' }],
    ['the request’s TTR before the route’s', 'queue', { route: 'urgent', ttr: 'NORMAL' }, { ttr: 'NORMAL' }],
    ['a route of the second account', 'form', { route: 'other' }, { campaignId: '5' }],
  ])('%s', (_, door, members, destination) => {
    expect(of(door, members)).toMatchObject(destination)
  })

  test.each<[string, 'form' | 'queue', object]>([
    ['a raw campaign at a door of listed routes', 'form', { campaign: CAMPAIGN }],
    ['a route of the queue at the form', 'form', { route: 'urgent' }],
    ['a route of the form at the queue', 'queue', { route: 'form' }],
  ])('%s is not allowed', (_, door, members) => {
    expect(failure(() => of(door, members))).toBeInstanceOf(CampaignNotAllowedError)
  })

  test('a route of another account is refused', () => {
    const [first] = stage.accounts
    if (!first) throw new Error('There is a first account')
    expect(failure(() => destinationOf(first, 'form', { route: 'other' }))).toBeInstanceOf(
      InvalidRequestError,
    )
  })
})
