import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod/mini'
import { InvalidRequestError } from '../../../lib/errors/errors.ts'
import { isSecure } from '../../../lib/net/loopback.ts'
import {
  consumerId,
  parseConversationRequest as parse,
  requestId,
  requestIdOf,
  toRequestId,
} from '../../../lib/request/conversation-request.ts'
import { MAX_WARNINGS } from '../../../lib/request/warnings.ts'
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

const parseConversationRequest = (value: unknown) => parse(value).request

const findingsOf = (value: unknown) => {
  try {
    parse(value)
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

test.each(
  pathsOf(whole)
    .filter(([name]) => name !== 'context')
    .map((path) => [path.join('.'), path] as const),
)('an odd object at %s is refused with an InvalidRequestError', (_, path) => {
  for (const odd of ODD)
    expect(() => parseConversationRequest(withValue(whole, path, odd)), JSON.stringify(odd)).toThrow(
      InvalidRequestError,
    )
})

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
    ['null for the whole request', null, '', 'must be an object'],
    [
      'an invalid request id',
      { ...minimal, requestId: 'short' },
      'requestId',
      'must be 8 to 128 letters, digits or . _ : -',
    ],
    [
      'an invalid account id',
      { ...minimal, accountId: 'a-b' },
      'accountId',
      'must be a LivePerson account id of 1 to 32 letters or digits',
    ],
    ['an invalid route name', { route: '-x' }, 'route', 'must be 1 to 64 letters, digits, _ or -'],
    [
      'a control character in a consumer id',
      { ...minimal, consumer: { id: 'crm-1\n' } },
      'consumer.id',
      'must not contain control or bidi-override characters',
    ],
    [
      'a bidi override in a consumer id',
      { ...minimal, consumer: { id: 'crm-\u202e1' } },
      'consumer.id',
      'must not contain control or bidi-override characters',
    ],
    [
      'a consumer id of 257 characters',
      { ...minimal, consumer: { id: 'x'.repeat(257) } },
      'consumer.id',
      'must have 1 to 256 characters',
    ],
    [
      'a consumer id that UTF-8 can’t encode',
      { ...minimal, consumer: { id: '\ud800' } },
      'consumer.id',
      'must not contain lone surrogates',
    ],
    [
      'an unknown TTR',
      { ...minimal, ttr: 'SOON' },
      'ttr',
      'must be one of URGENT, NORMAL, PRIORITIZED, CUSTOM',
    ],
    [
      'a message that is too long',
      { ...minimal, message: '"'.repeat(4499) },
      'message',
      'must have at most 4498 characters',
    ],
    [
      'a message that is too long as JSON',
      { ...minimal, message: '"\\\t\r\n'.repeat(563) },
      'message',
      'must have at most 4498 characters. Line ends, tabs, " and \\ count as two',
    ],
    [
      'a message that UTF-8 can’t encode',
      { ...minimal, message: '\ud800'.repeat(4498) },
      'message',
      'must not contain lone surrogates',
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

describe('an address of a picture', () => {
  const isAccepted = (avatarUrl: string) => findingsOf({ ...minimal, consumer: { avatarUrl } }).length === 0

  test('is accepted only if a key set may have it: https, at the name of a host', () => {
    const label = fc.constantFrom('a', 'LOCALHOST', 'localhost', 'xn--a', '127', '0x7f', '1', '10', 'example')
    const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
    const rest = fc.constantFrom('', '.', '/', './', ':443/', ':8080', '?a', '#a')
    fc.assert(
      fc.property(host, rest, (name, end) => {
        const address = `https://${name}${end}`
        fc.pre(isAccepted(address))
        expect(isSecure(address, false)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    'https://cdn.example.org/a.png',
    'https://cdn.example.org',
    'https://a-b.c1.example.org:8443/ø/a.png?size=2&u=ana@example.org#x',
    'https://xn--bcher-kva.example/a.png',
    'https://1.example/a.png',
    'https://localhost.example.com/a.png',
    'https://a.notlocalhost/a.png',
  ])('%s is accepted unchanged', (avatarUrl) => {
    expect(parseConversationRequest({ ...minimal, consumer: { avatarUrl } }).consumer).toEqual({ avatarUrl })
    expect(isAccepted(avatarUrl)).toBe(true)
    expect(URL.canParse(avatarUrl)).toBe(true)
  })

  test.each([
    ['http', 'http://cdn.example.org/a.png'],
    ['another scheme', 'javascript:alert(1)//cdn.example.org'],
    ['data', 'data:image/png;base64,AAAA'],
    ['capitals', 'HTTPS://cdn.example.org/a.png'],
    ['no host', 'https:///a.png'],
    ['user and password', 'https://user:password@cdn.example.org/a.png'],
    ['a user', 'https://user@cdn.example.org/a.png'],
    ['a backslash before the host', 'https://cdn.example.org\\@169.254.169.254/'],
    ['an IPv4 address', 'https://169.254.169.254/latest/meta-data'],
    ['an IPv4 address and a port', 'https://127.0.0.1:8080/'],
    ['an IPv4 address as one number', 'https://2852039166/'],
    ['an IPv4 address in hexadecimal', 'https://0xa9fea9fe/'],
    ['an IPv4 address with a hexadecimal part', 'https://169.254.169.0xfe/'],
    ['an IPv4 address in octal', 'https://0251.0376.0251.0376/'],
    ['a short IPv4 address', 'https://127.1/'],
    ['an IPv4 address in fullwidth digits', 'https://１６９.２５４.１６９.２５４/'],
    ['an IPv4 address with escapes', 'https://%31%36%39.254.169.254/'],
    ['an IPv4 address with ideographic stops', 'https://169。254。169。254/'],
    ['an IPv4 address with a dot at its end', 'https://127.0.0.1./'],
    ['an IPv6 address', 'https://[fd00:ec2::254]/'],
    ['this machine', 'https://localhost/a.png'],
    ['a name below localhost', 'https://a.localhost/a.png'],
    ['a name below localhost in capitals', 'https://a.b.LOCALHOST:8443?a.png'],
    ['a name below localhost with a dot at its end', 'https://a.localhost./a.png'],
    ['a name without a domain', 'https://metadata/computeMetadata'],
    ['a space', 'https://cdn.example.org/a b.png'],
    ['a line break', 'https://cdn.example.org/\na.png'],
    ['a bidi override', 'https://cdn.example.org/\u202egnp.a'],
    ['more than 2048 characters', `https://cdn.example.org/${'x'.repeat(2048)}`],
  ])('with %s is refused', (_, avatarUrl) => {
    expect(findingsOf({ ...minimal, consumer: { avatarUrl } }).map(({ path }) => path)).toContain(
      'consumer.avatarUrl',
    )
  })
})

test('control and bidi-override characters are removed from every text, and line ends and tabs from one-line texts', () => {
  const one = 'a\u0000\t\r\n\u001b\u007f\u0085\u2028\u202a\u202e\u2066\u2069b'
  const names = ['firstName', 'lastName', 'email', 'phone']
  const { consumer, message } = parseConversationRequest({
    ...minimal,
    consumer: { ...Object.fromEntries(names.map((name) => [name, one])), description: one },
    message: one,
  })
  expect(consumer).toEqual({
    ...Object.fromEntries(names.map((name) => [name, 'a b'])),
    description: 'a\t\n\n\nb',
  })
  expect(message).toBe('a\t\n\n\nb')
})

test('a text of control characters only is absent, with a warning', () => {
  const consumer = { firstName: '\u0007', lastName: 'Iversen' }
  expect(parse({ ...minimal, consumer, message: '\u0000\u202e' })).toEqual({
    request: { ...minimal, consumer: { lastName: 'Iversen' } },
    warnings: ['consumer.firstName', 'message'].map((path) => ({
      path,
      message: 'had control or bidi-override characters, which were removed',
    })),
  })
})

test('the longest message has 4498 characters', () => {
  expect(findingsOf({ ...minimal, message: 'x'.repeat(4498) })).toEqual([])
  expect(findingsOf({ ...minimal, message: 'x'.repeat(4499) })).toHaveLength(1)
  expect(findingsOf({ ...minimal, message: '"\\\t\r\n'.repeat(562) })).toEqual([])
})

test('a message of 4498 characters that JSON has to escape is too long', () => {
  expect(findingsOf({ ...minimal, message: '"'.repeat(4498) })).toHaveLength(1)
  expect(findingsOf({ ...minimal, message: '"'.repeat(2249) })).toEqual([])
})

test('a picture has a port that exists', () => {
  const avatarUrl = 'https://cdn.example.org:99999/a.png'
  expect(findingsOf({ ...minimal, consumer: { avatarUrl } })).toEqual([
    {
      path: 'consumer.avatarUrl',
      message: 'must be an https URL with the name of a host, without user or password',
    },
  ])
})

test.each([
  ['a placeholder with white space around it', ' undefined'],
  ['a placeholder with a control character', 'undefined\u0007'],
  ['a placeholder', 'undefined'],
])('a consumer id that is %s has one finding', (_, id) => {
  expect(findingsOf({ ...minimal, consumer: { id } })).toHaveLength(1)
})

test('a consumer id has 1 to 256 characters, and a request id is no placeholder', () => {
  const isValid = (schema: typeof consumerId, value: string) => z.safeParse(schema, value).success
  expect(['', 'x', 'x'.repeat(256), 'x'.repeat(257)].map((id) => isValid(consumerId, id))).toEqual([
    ...[false, true, true, false],
  ])
  expect(['undefined', 'request-1'].map((id) => isValid(requestId, id))).toEqual([false, true])
})

test('what was left out has one warning, not another one for what was removed from it', () => {
  const context = { visitorId: 'visitor-1\u0007', lang: 'en-\u0007' }
  const consumer = { firstName: 'Ana\u0007' }
  expect(parse({ ...minimal, context, consumer }).warnings).toEqual([
    {
      path: 'context.visitorId',
      message: 'must not contain control or bidi-override characters, so it was left out',
    },
    {
      path: 'context.lang',
      message: 'is not a well-formed language tag such as en-GB, so it was left out',
    },
    {
      path: 'consumer.firstName',
      message: 'had control or bidi-override characters, which were removed',
    },
  ])
})

test('there are at most MAX_WARNINGS warnings', () => {
  const contacts = Array.from({ length: MAX_WARNINGS }, () => ({ email: 'ana@example.org\u0007' }))
  const { warnings } = parse({
    ...minimal,
    context: { visitorId: 'null' },
    engagementAttributes: [{ type: 'personal', personal: { contacts } }],
  })
  expect(warnings).toHaveLength(MAX_WARNINGS)
  expect(warnings[0]?.path).toBe('context.visitorId')
})

test.each<[string, unknown, string | undefined]>([
  ['a valid id', 'request-1', 'request-1'],
  ['8 characters', 'a.b_c:d-', 'a.b_c:d-'],
  ['7 characters', 'request', undefined],
  ['128 characters', 'x'.repeat(128), 'x'.repeat(128)],
  ['129 characters', 'x'.repeat(129), undefined],
  ['a space', 'request 1', undefined],
  ['a line break at the end', 'request-1\n', undefined],
  ['a number', 12345678, '12345678'],
  ['a number of any length', 7, '7'],
  ['a negative number', -1, '-1'],
  ['a large number', Number.MAX_SAFE_INTEGER, '9007199254740991'],
  ['zero', 0, undefined],
  ['an unsafe number', 2 ** 53, undefined],
  ['a short number as text', '1234567', undefined],
  ['a fraction', 12345678.5, undefined],
  ['a placeholder', 'undefined', undefined],
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

test('a request id that is a placeholder says so, and nothing else', () => {
  try {
    parse({ ...minimal, requestId: 'undefined' })
    expect.unreachable()
  } catch (error) {
    expect(error).toMatchObject({
      findings: [
        { path: 'requestId', message: 'is a placeholder, not an id. Send a real id, or leave it out' },
      ],
    })
  }
})
