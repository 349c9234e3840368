import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { accountIdFor, attributesOf, resolve } from '../../../lib/config/routes.ts'
import { parseStageConfig } from '../../../lib/config/stage.ts'
import { CampaignNotAllowedError, InvalidRequestError } from '../../../lib/errors/errors.ts'
import {
  type ConversationRequest,
  DOORS,
  type Door,
  parseConversationRequest,
} from '../../../lib/request/conversation-request.ts'
import type { EngagementAttribute } from '../../../lib/request/engagement-attributes.ts'

const VIP = { type: 'ctmrinfo' as const, info: { ctype: 'vip' } }
const BUYER = { type: 'ctmrinfo' as const, info: { role: 'buyer' } }
const COMPANY = { type: 'personal' as const, personal: { company: 'Nord A/S' } }
const CAMPAIGN = { campaignId: '11', engagementId: '12' }
const stage = parseStageConfig(
  {
    accounts: [
      {
        accountId: 'one',
        form: { campaigns: 'any' },
        queue: { campaigns: 'any' },
        routes: {
          help: { campaignId: '1', engagementId: '2', doors: [...DOORS], engagementAttributes: [VIP] },
          urgent: { campaignId: '1', engagementId: '3', ttr: 'URGENT', doors: ['queue'] },
          form: { campaignId: '1', engagementId: '4', doors: ['form'] },
          choice: { campaignId: '1', engagementId: '5', ttrAllowed: ['URGENT'], doors: [...DOORS] },
        },
      },
      {
        accountId: 'two',
        default: true,
        form: { campaigns: 'listed' },
        routes: { other: { campaignId: '5', engagementId: '6', doors: [...DOORS] } },
      },
    ],
  },
  { name: 'the test', loopback: false },
)
const resolveFor = (door: Door, members: object) =>
  resolve(stage, door, parseConversationRequest(members).request)

const failure = (work: () => unknown) => {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}

describe('the account', () => {
  test('is refused without a destination', () => {
    expect(failure(() => resolve(stage, 'queue', {}))).toBeInstanceOf(InvalidRequestError)
  })

  test.each<[string, ConversationRequest, string]>([
    ['is the default account', { campaign: CAMPAIGN }, 'two'],
    ['is the named one', { campaign: CAMPAIGN, accountId: 'one' }, 'one'],
    ['is the route’s, even if it is not the default account', { route: 'help' }, 'one'],
    ['may be named together with its own route', { route: 'other', accountId: 'two' }, 'two'],
  ])('%s', (_, request, accountId) => {
    expect(resolve(stage, 'queue', request).account.accountId).toBe(accountId)
  })

  describe('without a route or an account', () => {
    const withDefaults = (...defaults: readonly (boolean | undefined)[]) =>
      parseStageConfig(
        {
          accounts: defaults.map((isDefault, index) => ({
            accountId: `a${index}`,
            ...(isDefault !== undefined && { default: isDefault }),
            form: { campaigns: 'any' },
            routes: { [`r${index}`]: { campaignId: '1', engagementId: '2', doors: [...DOORS] } },
          })),
        },
        { name: 'the test', loopback: false },
      )

    test.each(DOORS)('is the default account at the %s door', (door) => {
      const { account } = resolve(withDefaults(undefined, true, false), door, { campaign: CAMPAIGN })
      expect(account.accountId).toBe('a1')
    })

    test.each<[string, boolean | undefined]>([
      ['unmarked', undefined],
      ['marked', true],
      ['marked as not the default', false],
    ])('a single account, %s, is the default', (_, isDefault) => {
      for (const door of DOORS) {
        const { account } = resolve(withDefaults(isDefault), door, { campaign: CAMPAIGN })
        expect(account.accountId).toBe('a0')
      }
    })

    test.each<[Door, { path: string; message: string }]>([
      ['form', { path: 'route', message: 'is required, because no account is the default' }],
      ['queue', { path: 'accountId', message: 'or route is required, because no account is the default' }],
    ])(
      'is refused at the %s door if no account is the default, and the sender is told what to send',
      (door, finding) => {
        const error = failure(() => resolve(withDefaults(undefined, false), door, { campaign: CAMPAIGN }))
        expect(error).toBeInstanceOf(InvalidRequestError)
        expect(error).toMatchObject({ findings: [finding] })
      },
    )

    test('needs no default if it has a route or an account', () => {
      const accounts = withDefaults(undefined, undefined)
      expect(resolve(accounts, 'form', { route: 'r1' }).account.accountId).toBe('a1')
      expect(resolve(accounts, 'queue', { route: 'r0' }).account.accountId).toBe('a0')
      const named = { campaign: CAMPAIGN, accountId: 'a1' }
      expect(resolve(accounts, 'queue', named).account.accountId).toBe('a1')
    })
  })

  // The account is part of the idempotency key. If it changed, a redelivered event would open a second
  // conversation.
  test.each([
    ['with a default account', true],
    ['without one', false],
  ])('does not depend on the order of the accounts, %s', (_, isDefault) => {
    const accounts = ['one', 'two', 'three'].map((accountId, index) => ({
      accountId,
      default: isDefault && index === 1,
      form: { campaigns: 'any' },
      routes: { [`route-${accountId}`]: { campaignId: '1', engagementId: '2', doors: [...DOORS] } },
    }))
    const requests: readonly ConversationRequest[] = [
      { campaign: CAMPAIGN },
      { campaign: CAMPAIGN, accountId: 'three' },
      { route: 'route-one' },
    ]
    const outcomes = (ordered: readonly object[]) => {
      const config = parseStageConfig({ accounts: ordered }, { name: 'the test', loopback: false })
      return requests.flatMap((request) =>
        DOORS.map((door) => {
          try {
            return resolve(config, door, request).account.accountId
          } catch (error) {
            return String(error)
          }
        }),
      )
    }
    const before = outcomes(accounts)
    fc.assert(
      fc.property(fc.shuffledSubarray(accounts, { minLength: 3 }), (reordered) => {
        expect(outcomes(reordered)).toEqual(before)
      }),
    )
  })

  test.each<[string, ConversationRequest, { path: string; message: string }]>([
    [
      'an unknown account',
      { campaign: CAMPAIGN, accountId: 'three' },
      { path: 'accountId', message: 'is not a configured account' },
    ],
    ['an unknown route', { route: 'nowhere' }, { path: 'route', message: 'is not a configured route' }],
    [
      'a route with the name of an Object.prototype member',
      { route: 'toString' },
      { path: 'route', message: 'is not a configured route' },
    ],
    [
      'a route of another account',
      { route: 'other', accountId: 'one' },
      { path: 'route', message: 'belongs to another account' },
    ],
  ])('%s is refused', (_, request, finding) => {
    const error = failure(() => resolve(stage, 'queue', request))
    expect(error).toBeInstanceOf(InvalidRequestError)
    expect(error).toMatchObject({ findings: [finding] })
  })
})

describe('the account of an input that may be invalid', () => {
  test.each<[string, unknown, string | undefined]>([
    ['is the one that it names', { accountId: 'one', route: 'other', x: 1 }, 'one'],
    ['is the one of its route', { route: 'help', campaign: 'x' }, 'one'],
    ['is the one of its route if it names an unknown one', { accountId: 'three', route: 'help' }, 'one'],
    ['is the default one if it names none', {}, 'two'],
    ['is the default one if its route is unknown', { route: 'toString' }, 'two'],
    ['is the default one if the names are no texts', { accountId: ['one'], route: { help: 1 } }, 'two'],
    ['is the default one if its route is in a list', { route: ['help'] }, 'two'],
    ['is the default one of a list', [{ accountId: 'one' }], 'two'],
    ['is the default one of nothing', undefined, 'two'],
  ])('%s', (_, input, expected) => {
    expect(accountIdFor(stage, input)).toBe(expected)
  })

  test('may be a number', () => {
    const accounts = stage.accounts.map((account) => ({ ...account, accountId: '70123456', default: false }))
    expect(accountIdFor({ accounts: [...accounts, ...accounts] }, { accountId: 70123456 })).toBe('70123456')
  })

  test('is none if none is the default', () => {
    const accounts = stage.accounts.map((account) => ({ ...account, default: false }))
    expect(accountIdFor({ accounts }, { accountId: 'three' })).toBeUndefined()
  })
})

describe('the destination', () => {
  test.each<[string, Door, object, object]>([
    [
      'is the campaign',
      'queue',
      { campaign: CAMPAIGN, engagementAttributes: [COMPANY] },
      { ...CAMPAIGN, ttr: 'NORMAL', routeAttributes: [] },
    ],
    [
      'is the campaign with the request’s TTR',
      'queue',
      { campaign: CAMPAIGN, ttr: 'CUSTOM' },
      { ...CAMPAIGN, ttr: 'CUSTOM', routeAttributes: [] },
    ],
    [
      'is the route with its attributes',
      'form',
      { route: 'help' },
      { campaignId: '1', engagementId: '2', ttr: 'NORMAL', routeAttributes: [VIP] },
    ],
    [
      'is the route with its TTR',
      'queue',
      { route: 'urgent' },
      { campaignId: '1', engagementId: '3', ttr: 'URGENT', routeAttributes: [] },
    ],
    [
      'is the route with the request’s TTR',
      'queue',
      { route: 'urgent', ttr: 'NORMAL' },
      { campaignId: '1', engagementId: '3', ttr: 'NORMAL', routeAttributes: [] },
    ],
    [
      'is a route of the second account',
      'form',
      { route: 'other' },
      { campaignId: '5', engagementId: '6', ttr: 'NORMAL', routeAttributes: [] },
    ],
  ])('%s', (_, door, members, destination) => {
    expect(resolveFor(door, members).destination).toEqual(destination)
  })

  test.each<[string, Door, object, string | undefined]>([
    ['the route’s own', 'form', { route: 'form', ttr: 'NORMAL' }, undefined],
    ['another', 'form', { route: 'form', ttr: 'URGENT' }, 'must be NORMAL, or left out'],
    ['one that the route allows', 'form', { route: 'choice', ttr: 'URGENT' }, undefined],
    ['the route’s own, besides allowed ones', 'form', { route: 'choice', ttr: 'NORMAL' }, undefined],
    [
      'one that the route does not allow',
      'form',
      { route: 'choice', ttr: 'CUSTOM' },
      'must be NORMAL or URGENT, or left out',
    ],
    ['any, from the CRM', 'queue', { route: 'choice', ttr: 'CUSTOM' }, undefined],
  ])('may have a TTR of the request: %s', (_, door, members, message) => {
    const error = failure(() => resolveFor(door, members))
    if (message === undefined) expect(error).toBeUndefined()
    else expect(error).toMatchObject({ findings: [{ path: 'ttr', message }] })
  })

  test('of a form’s campaign has the TTR NORMAL, whatever the form asks for', () => {
    const [one] = stage.accounts
    const only = { accounts: one ? [one] : [] }
    const ask = (ttr: 'NORMAL' | 'URGENT') => resolve(only, 'form', { campaign: CAMPAIGN, ttr })
    expect(ask('NORMAL').destination.ttr).toBe('NORMAL')
    expect(failure(() => ask('URGENT'))).toMatchObject({
      findings: [{ path: 'ttr', message: 'must be NORMAL, or left out' }],
    })
  })

  test.each<[string, Door, object, string]>([
    [
      'a campaign at a door that accepts routes only',
      'form',
      { campaign: CAMPAIGN },
      "Forms can't use campaign ids. Send a route.",
    ],
    ['the queue’s route at the form', 'form', { route: 'urgent' }, "Forms can't use this route."],
    ['the form’s route at the queue', 'queue', { route: 'form' }, "CRM events can't use this route."],
  ])('%s is not allowed', (_, door, members, message) => {
    const error = failure(() => resolveFor(door, members))
    expect(error).toBeInstanceOf(CampaignNotAllowedError)
    expect(error).toMatchObject({ message })
  })
})

describe('attributesOf', () => {
  const destination = (routeAttributes: readonly EngagementAttribute[]) => ({
    ...CAMPAIGN,
    ttr: 'NORMAL' as const,
    routeAttributes,
  })

  test.each([
    ['nothing', undefined, [], []],
    ['the route’s', undefined, [VIP], [VIP]],
    ['the request’s', [COMPANY], [], [COMPANY]],
    ['the request’s, then the route’s of other types', [COMPANY], [VIP], [COMPANY, VIP]],
    ['the request’s instead of the route’s of the same type', [BUYER], [VIP], [BUYER]],
    ['two of one type, if the request has two', [BUYER, BUYER], [VIP, COMPANY], [BUYER, BUYER, COMPANY]],
  ])('%s', (_, own, routeAttributes, expected) => {
    expect(attributesOf({ engagementAttributes: own }, destination(routeAttributes))).toEqual(expected)
  })

  test('keeps everything of the request, and adds no type that it has', () => {
    const list = fc.array(fc.constantFrom(VIP, BUYER, COMPANY), { maxLength: 4 })
    fc.assert(
      fc.property(list, list, (own, routeAttributes) => {
        const all = attributesOf({ engagementAttributes: own }, destination(routeAttributes))
        expect(all.slice(0, own.length)).toEqual(own)
        for (const { type } of all.slice(own.length)) expect(own.map((one) => one.type)).not.toContain(type)
        expect(new Set(all.map(({ type }) => type))).toEqual(
          new Set([...own, ...routeAttributes].map(({ type }) => type)),
        )
      }),
    )
  })
})
