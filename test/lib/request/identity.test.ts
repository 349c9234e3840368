import { describe, expect, test } from 'vitest'
import {
  type ConversationRequest,
  parseConversationRequest,
} from '../../../lib/request/conversation-request.ts'
import { accept } from '../../../lib/request/identity.ts'

const settled = {
  door: 'form' as const,
  requestId: 'request-1',
  accountId: '70123456',
  consumerId: undefined,
}
const request = (members: object = {}): ConversationRequest =>
  parseConversationRequest({
    campaign: { campaignId: '1', engagementId: '2' },
    consumer: { firstName: 'Ana', lastName: 'Iversen' },
    engagementAttributes: [{ type: 'personal', personal: { firstname: 'Ana', lastname: 'Iversen' } }],
    ...members,
  })
const fingerprint = (members: object = {}, consumerId?: string) =>
  accept(request(members), { ...settled, consumerId }).fingerprint

describe('the consumer', () => {
  test('is the one that somebody vouches for', () => {
    expect(accept(request(), { ...settled, consumerId: 'crm-1' }).consumerId).toBe('crm-1')
  })

  test('is the same in every attempt of one request, and another one for who takes up its id with other words', () => {
    const consumerOf = (members?: object) => accept(request(members), settled).consumerId
    expect(consumerOf()).toMatch(/^request-[0-9a-f]{64}$/)
    expect(consumerOf()).toBe(consumerOf())
    expect(consumerOf({ message: 'Hello' })).toBe(consumerOf({ message: 'Hello' }))
    expect(consumerOf({ message: 'Hello' })).not.toBe(consumerOf())
  })

  test.each([
    ['request id', { requestId: 'request-2' }],
    ['account', { accountId: '70999999' }],
    ['door', { door: 'queue' as const }],
  ])('is another one for another %s', (_, other) => {
    const { consumerId } = accept(request(), settled)
    expect(accept(request(), { ...settled, ...other }).consumerId).not.toBe(consumerId)
  })

  test('can’t be met by moving a character from one part to the next', () => {
    const one = accept(request(), { ...settled, accountId: '7012345', requestId: '6form-12345' })
    const other = accept(request(), { ...settled, accountId: '70123456', requestId: 'form-12345' })
    expect(one.consumerId).not.toBe(other.consumerId)
  })
})

describe('the fingerprint', () => {
  test.each<[string, object]>([
    ['the same in another order', { consumer: { lastName: 'Iversen', firstName: 'Ana' } }],
    [
      'the same in another order, further in',
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
    ['a name less', { consumer: { firstName: 'Ana' } }],
    ['a message', { message: 'Hello' }],
    ['a time to respond', { ttr: 'NORMAL' }],
    ['no attributes', { engagementAttributes: [] }],
    ['a context', { context: { lang: 'en-GB' } }],
  ])('changes with %s', (_, members) => {
    expect(fingerprint(members)).not.toBe(fingerprint())
  })

  test('changes with the order of attributes, which is an order that was sent', () => {
    const attributes = [
      { type: 'ctmrinfo', info: {} },
      { type: 'personal', personal: {} },
    ]
    expect(fingerprint({ engagementAttributes: attributes })).not.toBe(
      fingerprint({ engagementAttributes: attributes.toReversed() }),
    )
  })

  test('changes with the consumer who is vouched for', () => {
    expect(new Set([fingerprint(), fingerprint({}, 'a'), fingerprint({}, 'b')]).size).toBe(3)
  })

  test('takes an array and an object of the same entries for two', () => {
    const of = (description: string) => fingerprint({ consumer: { description } })
    expect(of('[["a","b"]]')).not.toBe(of('{"a":"b"}'))
  })
})
