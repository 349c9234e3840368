import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvalidRequestError } from '../../../lib/errors/errors.ts'
import {
  parseConversationRequest,
  requestIdOf,
  toRequestId,
} from '../../../lib/request/conversation-request.ts'
import { anyJson } from '../../support/requests.ts'
import { wholeRequest } from '../../support/whole-request.ts'

// A request has a route or a campaign, never both.
const { route: _, ...whole } = wholeRequest()
const minimal = { route: 'order-help' }

const pathsOf = (value: unknown, path: readonly string[] = []): readonly (readonly string[])[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, member]) => [
        [...path, name],
        ...pathsOf(member, [...path, name]),
      ])
    : []

const withValue = (value: unknown, [name, ...rest]: readonly string[], odd: unknown): unknown => {
  if (name === undefined) return odd
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...value] : { ...Object(value) }
  return Object.assign(copy, { [name]: withValue(Object(value)[name], rest, odd) })
}

/** Objects that throw if they are taken for text, a number or a list, or pretend to be one. */
const ODD: readonly unknown[] = [
  [{ toString: 0 }],
  { length: [{ toString: 0 }] },
  { length: { valueOf: 0, toString: 0 } },
  { toString: 0, valueOf: 0 },
  [[{ toString: 0 }]],
  { length: 0 },
]

const findingsOf = (value: unknown) => {
  try {
    parseConversationRequest(value)
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.findings
    throw error
  }
  return []
}

test('a request with every member is returned unchanged', () => {
  expect(parseConversationRequest(whole)).toEqual(whole)
})

test('campaign ids may be numbers and become text', () => {
  expect(parseConversationRequest({ campaign: { campaignId: '1', engagementId: 2 } })).toEqual({
    campaign: { campaignId: '1', engagementId: '2' },
  })
})

test.each(pathsOf(whole).map((path) => [path.join('.'), path] as const))(
  'an odd object at %s is refused with an InvalidRequestError',
  (_, path) => {
    for (const odd of ODD)
      expect(() => parseConversationRequest(withValue(whole, path, odd)), JSON.stringify(odd)).toThrow(
        InvalidRequestError,
      )
  },
)

test('no JSON makes it throw anything but an InvalidRequestError', () => {
  fc.assert(fc.property(anyJson, (value) => void findingsOf(value)))
})

describe('a finding says what is wrong, and where', () => {
  test.each<[string, unknown, string, string]>([
    ['not an object', [], '', 'must be an object'],
    ['nothing', undefined, '', 'is missing'],
    ['neither a route nor a campaign', {}, 'campaign', 'or route is required'],
    [
      'a route and a campaign',
      { ...minimal, campaign: { campaignId: 1, engagementId: 2 } },
      'campaign',
      'must not be combined with route',
    ],
    ['half a campaign', { campaign: { campaignId: 1 } }, 'campaign.engagementId', 'is missing'],
    ['an unknown key', { ...minimal, skill: 1 }, 'skill', 'is an unknown key'],
    ['a nested unknown key', { ...minimal, consumer: { name: 1 } }, 'consumer.name', 'is an unknown key'],
    ['a wrong type', { ...minimal, message: 5 }, 'message', 'must be a string'],
    ['null', { ...minimal, consumer: null }, 'consumer', 'must be an object'],
    [
      'an invalid request id',
      { ...minimal, requestId: 'short' },
      'requestId',
      'must be 8 to 128 letters, digits or . _ : -',
    ],
    [
      'an invalid account id',
      { ...minimal, accountId: '' },
      'accountId',
      'must be a LivePerson account id of 1 to 32 letters or digits',
    ],
    ['an invalid route name', { route: '-x' }, 'route', 'must be 1 to 64 letters, digits, _ or -'],
    [
      'a control character in a consumer id',
      { ...minimal, consumer: { id: 'crm-1\n' } },
      'consumer.id',
      'must be 1 to 256 characters, without control characters',
    ],
    [
      'a consumer id that UTF-8 can’t encode',
      { ...minimal, consumer: { id: '\ud800' } },
      'consumer.id',
      'must not contain lone surrogates',
    ],
    [
      'an avatar URL that is not http or https',
      { ...minimal, consumer: { avatarUrl: 'javascript:alert(1)' } },
      'consumer.avatarUrl',
      'must be an http or https URL',
    ],
    [
      'an unknown TTR',
      { ...minimal, ttr: 'SOON' },
      'ttr',
      'must be one of URGENT, NORMAL, PRIORITIZED, CUSTOM',
    ],
    [
      'an invalid language',
      { ...minimal, context: { lang: 'english' } },
      'context.lang',
      'must be a language tag such as en-GB',
    ],
    [
      'an empty message',
      { ...minimal, message: '' },
      'message',
      'must not be empty, contain lone surrogates, or exceed 4500 characters as JSON (quotes included)',
    ],
    [
      'a message that is too long as JSON',
      { ...minimal, message: '"'.repeat(2250) },
      'message',
      'must not be empty, contain lone surrogates, or exceed 4500 characters as JSON (quotes included)',
    ],
  ])('%s', (_, value, path, message) => {
    expect(findingsOf(value)).toEqual([expect.objectContaining({ path, message })])
  })

  test('one per mistake', () => {
    expect(findingsOf({ x: 1, y: 2, consumer: { firstName: 1 } }).map(({ path }) => path)).toEqual([
      'consumer.firstName',
      'x',
      'y',
    ])
  })

  test('and never repeats a value', () => {
    for (const path of pathsOf(whole))
      for (const { message } of findingsOf(withValue(whole, path, ['secret words'])))
        expect(message).not.toContain('secret words')
  })

  test('and masks names that may be personal in the masked path', () => {
    expect(findingsOf({ ...minimal, 'ana@example.org': 1 })).toEqual([
      { path: 'ana@example.org', maskedPath: '(masked)', message: 'is an unknown key' },
    ])
  })
})

test('the longest message has 4498 characters', () => {
  expect(findingsOf({ ...minimal, message: 'x'.repeat(4498) })).toEqual([])
  expect(findingsOf({ ...minimal, message: 'x'.repeat(4499) })).toHaveLength(1)
})

test.each<[string, unknown, string | undefined]>([
  ['a valid id', 'request-1', 'request-1'],
  ['8 characters', 'a.b_c:d-', 'a.b_c:d-'],
  ['7 characters', 'request', undefined],
  ['128 characters', 'x'.repeat(128), 'x'.repeat(128)],
  ['129 characters', 'x'.repeat(129), undefined],
  ['a space', 'request 1', undefined],
  ['a line break at the end', 'request-1\n', undefined],
  ['a number', 12345678, undefined],
  ['nothing', undefined, undefined],
])('a request id: %s', (_, value, expected) => {
  expect(toRequestId(value)).toBe(expected)
  expect(requestIdOf({ requestId: value, other: 'invalid' })).toBe(expected)
})

test.each<[string, unknown]>([
  ['null', null],
  ['text', 'request-1'],
  ['an array', ['request-1']],
  ['an object without one', {}],
])('%s has no request id', (_, value) => {
  expect(requestIdOf(value)).toBeUndefined()
})
