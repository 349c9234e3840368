import { describe, expect, test } from 'vitest'
import type { VerifiedConsumer } from '../../../lib/consumer/claims.ts'
import { fillIn } from '../../../lib/consumer/vouched.ts'
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
  avatarUrl: undefined,
  engagementAttributes: [],
  warnings: [],
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
      'replaces the body’s attributes, of whatever type',
      { engagementAttributes: [personal({ company: 'Evil' })] },
      { engagementAttributes: [ctmrinfo] },
      { engagementAttributes: [ctmrinfo] },
    ],
    [
      'without attributes drops the body’s',
      { engagementAttributes: [personal({ company: 'Evil' })] },
      {},
      {},
    ],
    [
      'overrides an avatar',
      { consumer: { avatarUrl: 'https://cdn.example.com/old.jpg' } },
      { avatarUrl: 'https://cdn.example.com/new.jpg' },
      { consumer: { avatarUrl: 'https://cdn.example.com/new.jpg' } },
    ],
  ])('%s', (_, body, verified, expected) => {
    expect(fillIn({ ...REQUEST, ...body }, { ...NOBODY, ...verified })).toEqual({ ...REQUEST, ...expected })
  })
})
