import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { VerifiedConsumer } from '../../../lib/consumer/claims.ts'
import { fillIn, mergeAttributes, warningsOf } from '../../../lib/consumer/vouched.ts'
import type { AcceptedRequest } from '../../../lib/request/conversation-request.ts'
import type { EngagementAttribute } from '../../../lib/request/engagement-attributes.ts'

const REQUEST: AcceptedRequest = {
  door: 'form',
  requestId: 'request-0001',
  accountId: '70123456',
  consumerId: 'crm-8841',
  fingerprint: 'f00d',
  vouchedBy: 'token',
  warnings: [],
  route: 'order-help',
  message: 'My order is late',
}
const NOBODY: VerifiedConsumer = {
  consumerId: 'crm-8841',
  firstName: undefined,
  lastName: undefined,
  email: undefined,
  phone: undefined,
  picture: undefined,
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
  ])('%s', (_, body, verified, expected) => {
    expect(fillIn({ ...REQUEST, ...body }, { ...NOBODY, ...verified })).toEqual({ ...REQUEST, ...expected })
  })
})

const attribute: fc.Arbitrary<EngagementAttribute> = fc.oneof(
  fc.constant(ctmrinfo),
  fc
    .record({ firstname: fc.constantFrom('Ana', 'Mallory'), company: fc.constantFrom('Nord', 'Syd') })
    .map(personal),
)

describe('the token’s picture', () => {
  const withPicture = (picture: unknown) => {
    const verified = { ...NOBODY, picture }
    const avatarUrl = fillIn(REQUEST, verified).consumer?.avatarUrl
    return { avatarUrl, warnings: warningsOf(verified) }
  }

  test.each([
    ['https://cdn.example.com/ana.jpg', 'https://cdn.example.com/ana.jpg'],
    ['https://cdn.example.com:8443/a?size=64#x', 'https://cdn.example.com:8443/a?size=64#x'],
    ['HTTPS://CDN.Example.com/a b.jpg', 'https://cdn.example.com/a%20b.jpg'],
    [' https://cdn.example.com/\na.jpg', 'https://cdn.example.com/a.jpg'],
    [`https://cdn.example.com/${'x'.repeat(2024)}`, `https://cdn.example.com/${'x'.repeat(2024)}`],
  ])('%j is the avatar %s, as it was checked', (picture, avatarUrl) => {
    expect(withPicture(picture)).toEqual({ avatarUrl, warnings: [] })
  })

  test.each<[string, unknown]>([
    ['http', 'http://cdn.example.com/a.jpg'],
    ['data', 'data:image/png;base64,AAAA'],
    ['javascript', 'javascript:alert(1)'],
    ['a user and password', 'https://ana:secret@cdn.example.com/a.jpg'],
    ['a password', 'https://:secret@cdn.example.com/a.jpg'],
    ['an IPv4 address', 'https://10.0.0.1/a.jpg'],
    ['the metadata service in decimal', 'https://2852039166/latest/meta-data'],
    ['an IPv6 address', 'https://[fd00:ec2::254]/a.jpg'],
    ['this machine', 'https://localhost/a.jpg'],
    ['a name in the agents’ own network', 'https://intranet/a.jpg'],
    ['no host', 'ana.jpg'],
    ['nothing', ''],
    ['a number', 5],
    ['an object', { url: 'https://cdn.example.com/a.jpg' }],
    ['more than 2048 characters', `https://cdn.example.com/${'x'.repeat(2025)}`],
    ['more than 2048 characters once it is encoded', `https://cdn.example.com/${' x'.repeat(700)}`],
  ])('is left out with a warning if it is %s', (_, picture) => {
    const { avatarUrl, warnings } = withPicture(picture)
    expect(avatarUrl).toBeUndefined()
    expect(warnings).toEqual([
      {
        path: 'consumer.avatarUrl',
        message: expect.stringMatching(/^was left out, because the token's picture/),
      },
    ])
    expect(JSON.stringify(warnings)).not.toContain('example.com')
  })

  test.each([undefined, null])('that is %s is no picture', (picture) => {
    expect(withPicture(picture)).toEqual({ avatarUrl: undefined, warnings: [] })
  })

  test('overrides an avatar, and a bad one doesn’t remove it', () => {
    const request = { ...REQUEST, consumer: { avatarUrl: 'https://cdn.example.com/old.jpg' } }
    const picture = 'https://cdn.example.com/new.jpg'
    expect(fillIn(request, { ...NOBODY, picture }).consumer).toEqual({ avatarUrl: picture })
    expect(fillIn(request, { ...NOBODY, picture: 'http://x' }).consumer).toEqual(request.consumer)
  })
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
