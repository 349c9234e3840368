import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { VerifiedConsumer } from '../../../lib/consumer/token.ts'
import { fillIn, mergeAttributes } from '../../../lib/consumer/vouched.ts'
import type { AcceptedRequest } from '../../../lib/request/conversation-request.ts'
import type { EngagementAttribute } from '../../../lib/request/engagement-attributes.ts'

const REQUEST: AcceptedRequest = {
  door: 'form',
  requestId: 'request-0001',
  accountId: '70123456',
  consumerId: 'crm-8841',
  fingerprint: 'f00d',
  route: 'order-help',
  message: 'My order is late',
}
const NOBODY: VerifiedConsumer = {
  consumerId: 'crm-8841',
  firstName: undefined,
  lastName: undefined,
  email: undefined,
  phone: undefined,
  engagementAttributes: [],
}
const ctmrinfo: EngagementAttribute = { type: 'ctmrinfo', info: { ctype: 'vip' } }
const personal = (
  members: Extract<EngagementAttribute, { type: 'personal' }>['personal'],
): EngagementAttribute => ({ type: 'personal', personal: members })

describe('a token', () => {
  test.each<[string, Partial<AcceptedRequest>, Partial<VerifiedConsumer>, object]>([
    ['without claims changes nothing', {}, {}, {}],
    [
      'without claims keeps the body’s consumer',
      { consumer: { firstName: 'Bo' } },
      {},
      { consumer: { firstName: 'Bo' } },
    ],
    [
      'fills in a consumer',
      {},
      { firstName: 'Ana', lastName: 'Iversen', email: 'ana@example.org', phone: '+45' },
      { consumer: { firstName: 'Ana', lastName: 'Iversen', email: 'ana@example.org', phone: '+45' } },
    ],
    [
      'overrides the members that it has, and keeps the rest',
      { consumer: { firstName: 'Mallory', email: 'm@evil.example', description: 'regular' } },
      { firstName: 'Ana', email: 'ana@example.org' },
      { consumer: { firstName: 'Ana', email: 'ana@example.org', description: 'regular' } },
    ],
    ['adds its attributes', {}, { engagementAttributes: [ctmrinfo] }, { engagementAttributes: [ctmrinfo] }],
    [
      'replaces all attributes of a type that it has',
      { engagementAttributes: [personal({ company: 'Evil' }), personal({ gender: 'OTHER' })] },
      { engagementAttributes: [personal({ company: 'Nord' })] },
      { engagementAttributes: [personal({ company: 'Nord' })] },
    ],
    [
      'keeps attributes of a type that it does not have',
      { engagementAttributes: [personal({ company: 'Nord' })] },
      { engagementAttributes: [ctmrinfo] },
      { engagementAttributes: [ctmrinfo, personal({ company: 'Nord' })] },
    ],
    [
      'corrects names in a personal attribute of the body',
      { engagementAttributes: [personal({ firstname: 'Mallory', lastname: 'M', company: 'Nord' })] },
      { firstName: 'Ana' },
      {
        consumer: { firstName: 'Ana' },
        engagementAttributes: [personal({ firstname: 'Ana', lastname: 'M', company: 'Nord' })],
      },
    ],
    [
      'replaces every contact of the body with its own',
      { engagementAttributes: [personal({ contacts: [{ email: 'm@evil.example' }, { phone: '+46' }] })] },
      { email: 'ana@example.org' },
      {
        consumer: { email: 'ana@example.org' },
        engagementAttributes: [personal({ contacts: [{ email: 'ana@example.org' }] })],
      },
    ],
    [
      'puts its e-mail and phone into one contact',
      { engagementAttributes: [personal({ contacts: [{ phone: '+46' }] })] },
      { email: 'ana@example.org', phone: '+45' },
      {
        consumer: { email: 'ana@example.org', phone: '+45' },
        engagementAttributes: [personal({ contacts: [{ email: 'ana@example.org', phone: '+45' }] })],
      },
    ],
    [
      'without e-mail and phone keeps the contacts of the body',
      { engagementAttributes: [personal({ contacts: [{ phone: '+46' }] })] },
      { lastName: 'Iversen' },
      {
        consumer: { lastName: 'Iversen' },
        engagementAttributes: [personal({ lastname: 'Iversen', contacts: [{ phone: '+46' }] })],
      },
    ],
  ])('%s', (_, body, verified, expected) => {
    expect(fillIn({ ...REQUEST, ...body }, { ...NOBODY, ...verified })).toEqual({ ...REQUEST, ...expected })
  })
})

const name = fc.option(fc.constantFrom('Ana', 'Bo', 'Mallory'), { nil: undefined })
const attribute: fc.Arbitrary<EngagementAttribute> = fc.oneof(
  fc.constant(ctmrinfo),
  fc
    .record({ firstname: fc.constantFrom('Ana', 'Mallory'), company: fc.constantFrom('Nord', 'Syd') })
    .map(personal),
)

test('no personal attribute contradicts the token’s names, unless it is the token’s own', () => {
  fc.assert(
    fc.property(fc.array(attribute), fc.array(attribute), name, (given, vouched, firstName) => {
      const verified = { ...NOBODY, firstName, engagementAttributes: vouched }
      const { engagementAttributes = [] } = fillIn({ ...REQUEST, engagementAttributes: given }, verified)
      for (const filled of engagementAttributes) {
        if (filled.type !== 'personal' || vouched.includes(filled) || firstName === undefined) continue
        expect(filled.personal.firstname).toBe(firstName)
      }
    }),
  )
})

test('merged attributes are all of the token’s, then those of the body with other types', () => {
  fc.assert(
    fc.property(fc.array(attribute), fc.array(attribute), (given, vouched) => {
      const merged = mergeAttributes(given, vouched)
      expect(merged.slice(0, vouched.length)).toEqual(vouched)
      const types = new Set(vouched.map(({ type }) => type))
      expect(merged.slice(vouched.length)).toEqual(given.filter(({ type }) => !types.has(type)))
    }),
  )
})
