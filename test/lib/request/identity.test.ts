import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ConversationRequest,
  parseConversationRequest,
} from '../../../lib/request/conversation-request.ts'
import { accept, FINGERPRINT_VERSION, isDerived } from '../../../lib/request/identity.ts'
import { crmRequest } from '../../support/requests.ts'

const decided = {
  door: 'form' as const,
  requestId: 'request-1',
  accountId: '70123456',
  consumerId: undefined,
  warnings: [],
}
const request = (members: object = {}): ConversationRequest =>
  parseConversationRequest({
    campaign: { campaignId: '1', engagementId: '2' },
    consumer: { firstName: 'Ana', lastName: 'Iversen' },
    engagementAttributes: [{ type: 'personal', personal: { firstname: 'Ana', lastname: 'Iversen' } }],
    ...members,
  }).request
const fingerprint = (members: object = {}, consumerId?: string) =>
  accept(request(members), { ...decided, consumerId }).fingerprint

describe('the consumer', () => {
  test('is the one that the CRM or a token vouches for', () => {
    expect(accept(request(), { ...decided, consumerId: 'crm-1' }).consumerId).toBe('crm-1')
  })

  test('is the same in every attempt at a request, and a different one if the id is reused with different content', () => {
    const consumerOf = (members?: object) => accept(request(members), decided).consumerId
    expect(consumerOf()).toMatch(/^request-[0-9a-f]{64}$/)
    expect(consumerOf()).toBe(consumerOf())
    expect(consumerOf({ message: 'Hello' })).toBe(consumerOf({ message: 'Hello' }))
    expect(consumerOf({ message: 'Hello' })).not.toBe(consumerOf())
  })

  test.each([
    ['request id', { requestId: 'request-2' }],
    ['account', { accountId: '70999999' }],
    ['door', { door: 'queue' as const }],
  ])('is a different one for another %s', (_, other) => {
    const { consumerId } = accept(request(), decided)
    expect(accept(request(), { ...decided, ...other }).consumerId).not.toBe(consumerId)
  })

  test('stays different if a character moves from one part to the next', () => {
    const one = accept(request(), { ...decided, accountId: '7012345', requestId: '6form-12345' })
    const other = accept(request(), { ...decided, accountId: '70123456', requestId: 'form-12345' })
    expect(one.consumerId).not.toBe(other.consumerId)
  })
})

describe('the fingerprint', () => {
  test('is the same for any order of members, and different for any other content', () => {
    const shuffled = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shuffled)
      if (typeof value !== 'object' || value === null) return value
      const members = Object.entries(value).map(([name, member]) => [name, shuffled(member)])
      return Object.fromEntries(members.toReversed())
    }
    const of = (value: unknown) => accept(parseConversationRequest(value).request, decided).fingerprint
    const contentOf = ({ requestId, accountId, ...content }: ConversationRequest) => content
    fc.assert(
      fc.property(crmRequest, crmRequest, (one, other) => {
        expect(of(shuffled(one))).toBe(of(one))
        const contents = [one, other].map((value) => contentOf(parseConversationRequest(value).request))
        expect(of(one) === of(other)).toBe(isDeepStrictEqual(contents[0], contents[1]))
      }),
    )
  })

  test.each<[string, object]>([
    ['another order', { consumer: { lastName: 'Iversen', firstName: 'Ana' } }],
    [
      'another order of nested members',
      { engagementAttributes: [{ personal: { lastname: 'Iversen', firstname: 'Ana' }, type: 'personal' }] },
    ],
    ['ids as numbers', { campaign: { engagementId: 2, campaignId: 1 } }],
    ['the request id in the body', { requestId: 'request-1' }],
    ['the account in the body', { accountId: '70123456' }],
  ])('doesn’t change with %s', (_, members) => {
    expect(fingerprint(members)).toBe(fingerprint())
  })

  test.each<[string, object]>([
    ['another campaign', { campaign: { campaignId: '1', engagementId: '3' } }],
    ['another name', { consumer: { firstName: 'Ana', lastName: 'iversen' } }],
    ['a name in another member', { consumer: { lastName: 'Ana', firstName: 'Iversen' } }],
    ['one name fewer', { consumer: { firstName: 'Ana' } }],
    ['a message', { message: 'Hello' }],
    ['a TTR', { ttr: 'NORMAL' }],
    ['no attributes', { engagementAttributes: [] }],
    ['a context', { context: { lang: 'en-GB' } }],
  ])('changes with %s', (_, members) => {
    expect(fingerprint(members)).not.toBe(fingerprint())
  })

  test('changes with the order of attributes', () => {
    const attributes = [
      { type: 'ctmrinfo', info: { ctype: 'vip' } },
      { type: 'personal', personal: { firstname: 'Ana' } },
    ]
    expect(fingerprint({ engagementAttributes: attributes })).not.toBe(
      fingerprint({ engagementAttributes: attributes.toReversed() }),
    )
  })

  test('changes with the consumer id', () => {
    expect(new Set([fingerprint(), fingerprint({}, 'a'), fingerprint({}, 'b')]).size).toBe(3)
  })

  test('differs for texts that look like the same array and object', () => {
    const of = (description: string) => fingerprint({ consumer: { description } })
    expect(of('[["a","b"]]')).not.toBe(of('{"a":"b"}'))
  })
})

describe('the members of a request that a token has changed', () => {
  const campaign = { campaignId: '1', engagementId: '2' }
  const of = (content: ConversationRequest) => accept(content, decided)

  test('may be in any order', () => {
    const one = of({ campaign, consumer: { firstName: 'Ana', lastName: 'Iversen' }, message: 'Hello' })
    const other = of({ message: 'Hello', consumer: { lastName: 'Iversen', firstName: 'Ana' }, campaign })
    expect(other.fingerprint).toBe(one.fingerprint)
  })

  test('may be undefined', () => {
    expect(of({ campaign, message: undefined }).fingerprint).toBe(of({ campaign }).fingerprint)
  })

  test('keep their fingerprint and consumer unless the formula’s version changes', () => {
    const info = { ctype: 'gold', companySize: 7 }
    const { fingerprint, consumerId } = of({ campaign, engagementAttributes: [{ type: 'ctmrinfo', info }] })
    expect(fingerprint).toBe('3.4887d7f709cdedaa803394181a277b9b21d3cc40607013abf36cfd93cdb999b0')
    expect(fingerprint.startsWith(FINGERPRINT_VERSION)).toBe(true)
    expect(consumerId).toBe('request-98bb4bc29ec7d49e56867a4739199464af1e991cd8d415712fc9cd27c7607e9f')
  })
})

describe('who vouches for the consumer', () => {
  test.each([
    ['the CRM, for an event', { door: 'queue' as const, consumerId: 'crm-1' }, 'crm'],
    ['the CRM, even for an event without a consumer id', { door: 'queue' as const }, 'crm'],
    ['the token, for a signed-in consumer', { consumerId: 'web-1' }, 'token'],
    ['nobody, for an anonymous form', {}, 'nobody'],
  ])('is %s', (_, other, vouchedBy) => {
    expect(accept(request(), { ...decided, ...other }).vouchedBy).toBe(vouchedBy)
  })
})

test.each(['form', 'queue'] as const)('an id like a derived one is refused at the %s door', (door) => {
  const { consumerId } = accept(request(), decided)
  for (const id of [consumerId, consumerId.toUpperCase(), `request-${'0'.repeat(64)}`])
    expect(() => accept(request(), { ...decided, door, consumerId: id })).toThrow(
      expect.objectContaining({
        findings: [{ path: 'consumer.id', message: 'has the form of an id that the service makes' }],
      }),
    )
})

test('what was left out of a request is kept with it, and doesn’t change it', () => {
  const warnings = [{ path: 'message', message: 'had control characters' }]
  expect(accept(request(), { ...decided, warnings })).toEqual({ ...accept(request(), decided), warnings })
})

test.each([
  ['was derived', accept(request(), decided).consumerId, true],
  ['looks like a derived one in capitals', accept(request(), decided).consumerId.toUpperCase(), true],
  ['is the CRM’s', 'crm-8841', false],
  ['is the CRM’s and starts like a derived one', 'request-4711', false],
  ['starts with a derived one', `${accept(request(), decided).consumerId}0`, false],
  ['ends with a derived one', `x${accept(request(), decided).consumerId}`, false],
])('a consumer id that %s is recognized', (_, consumerId, expected) => {
  expect(isDerived(consumerId)).toBe(expected)
})
