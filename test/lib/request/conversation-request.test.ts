import { expect, test } from 'vitest'
import { InvalidRequestError } from '../../../lib/errors/errors.ts'
import { parseConversationRequest } from '../../../lib/request/conversation-request.ts'

const whole = () => ({
  requestId: 'whole-request-1',
  accountId: '70123456',
  campaign: { campaignId: '1', engagementId: 2 },
  consumer: {
    id: 'crm-1',
    firstName: 'Ana',
    lastName: '',
    email: 'ana@example.org',
    phone: '+45',
    avatarUrl: 'https://cdn.example.org/a.png',
    description: 'x',
  },
  engagementAttributes: [
    {
      type: 'ctmrinfo',
      info: {
        ctype: 'vip',
        balance: 1.5,
        companySize: 2,
        loginStatus: 1,
        lastPaymentDate: { day: 1, month: 2, year: 2026 },
      },
    },
    {
      type: 'personal',
      personal: {
        firstname: 'Ana',
        age: { age: 30, year: 1996, month: 1, day: 1 },
        contacts: [{ email: 'a', phoneType: 'HOME', address: { country: 'DK', region: 'x' } }],
        gender: 'FEMALE',
        language: 'da-DK',
      },
    },
  ],
  ttr: 'NORMAL',
  context: { visitorId: 'v', sessionId: 's', interactionContextId: '1', lang: 'en-GB' },
  message: 'Hello',
})

const pathsOf = (value: unknown, path: readonly string[] = []): readonly (readonly string[])[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, member]) => [
        [...path, name],
        ...pathsOf(member, [...path, name]),
      ])
    : []

const withOdd = (value: unknown, [name, ...rest]: readonly string[], odd: unknown): unknown => {
  if (name === undefined) return odd
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...value] : { ...Object(value) }
  return Object.assign(copy, { [name]: withOdd(Object(value)[name], rest, odd) })
}

// Objects that throw, or pretend to be something else, where somebody takes them for text, numbers or lists.
const ODD: readonly unknown[] = [
  [{ toString: 0 }],
  { length: [{ toString: 0 }] },
  { length: { valueOf: 0, toString: 0 } },
  { toString: 0, valueOf: 0 },
  [[{ toString: 0 }]],
  { length: 0 },
]

test('a whole request is taken', () => {
  expect(parseConversationRequest(whole()).campaign).toEqual({ campaignId: '1', engagementId: '2' })
})

test.each(pathsOf(whole()).map((path) => [path.join('.'), path] as const))(
  'an odd object at %s is refused by an InvalidRequestError',
  (_, path) => {
    for (const odd of ODD)
      expect(() => parseConversationRequest(withOdd(whole(), path, odd)), JSON.stringify(odd)).toThrow(
        InvalidRequestError,
      )
  },
)
