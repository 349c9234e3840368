import fc from 'fast-check'
import { isPlaceholder } from '../../lib/request/placeholder.ts'

/**
 * Text that every member accepts unchanged and that a URL-encoded form can express: well-formed, not empty, in
 * NFC, and without control or bidi-override characters.
 */
const text = (maxLength: number) =>
  fc
    .string({ unit: 'binary', minLength: 1, maxLength: Math.min(40, maxLength) })
    .map((value) => value.replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, 'x').normalize('NFC'))
    .filter((value) => value.isWellFormed() && value.length <= maxLength)

/** An id that every door accepts unchanged. */
const id = (maxLength: number) =>
  text(maxLength).filter((value) => value.trim() === value && !isPlaceholder(value))

const members = <T extends object>(model: { [Name in keyof T]: fc.Arbitrary<T[Name]> }) =>
  fc.record(model, { requiredKeys: [] }).filter((value) => Object.keys(value).length > 0)

const decimal = fc.oneof(
  fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  fc.bigInt({ min: 0n, max: 10n ** 19n - 1n }).map(String),
)

const personal = fc.record({
  type: fc.constant('personal'),
  personal: members({
    firstname: text(100),
    company: text(100),
    gender: fc.constantFrom('MALE', 'FEMALE', 'OTHER'),
    language: fc.constantFrom('en-GB', 'da-DK'),
    contacts: fc.array(
      members({ email: text(50), phone: text(20), phoneType: fc.constantFrom('HOME', 'FAX') }).filter(
        // Without a number, a type says nothing.
        ({ email, phone }) => email !== undefined || phone !== undefined,
      ),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
  }),
})

const shared = {
  requestId: fc.stringMatching(/^[A-Za-z0-9._:-]{8,40}$/).filter((value) => !isPlaceholder(value)),
  ttr: fc.constantFrom('URGENT', 'NORMAL', 'PRIORITIZED', 'CUSTOM'),
  context: members({
    visitorId: id(100),
    sessionId: id(100),
    interactionContextId: id(100),
    lang: fc.constantFrom('en', 'en-GB', 'zh-Hant-TW'),
  }),
  message: text(200),
  engagementAttributes: fc.array(personal, { minLength: 1, maxLength: 2 }),
}

const consumer = {
  firstName: text(100),
  lastName: text(100),
  email: text(100),
  phone: text(60),
  description: text(200),
}

/** What only a CRM may say about a consumer. */
const crmConsumer = {
  ...consumer,
  id: id(60),
  avatarUrl: fc.constantFrom('https://cdn.example.org/a.png', 'https://example.org:8443/ø?q=1&r=2'),
}

const destination = fc.oneof(
  fc.record({ campaign: fc.record({ campaignId: decimal, engagementId: decimal }) }),
  fc.record({ route: fc.constantFrom('order-help', 'vip') }),
)

const merged = (rest: fc.Arbitrary<object>): fc.Arbitrary<object> =>
  fc.tuple(destination, rest).map(([place, others]) => ({ ...place, ...others }))

/** Requests that a form may send, both as JSON and URL-encoded. */
export const formRequest = merged(fc.record({ ...shared, consumer: members(consumer) }, { requiredKeys: [] }))

/** Requests that a CRM may send. */
export const crmRequest = merged(
  fc.record(
    {
      ...shared,
      accountId: fc.constant('70123456'),
      consumer: members(crmConsumer),
      engagementAttributes: fc.array(
        fc.oneof(
          personal,
          fc.record({
            type: fc.constant('ctmrinfo'),
            info: members({
              ctype: text(50),
              balance: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0 || 0),
              companySize: fc.integer(),
              lastPaymentDate: fc.constant({ day: 31, month: 12, year: 2026 }),
            }),
          }),
        ),
        { minLength: 1, maxLength: 3 },
      ),
    },
    { requiredKeys: [] },
  ),
)

/** Returns a request with its campaign ids as text, as the parser returns them. */
export const withTextIds = (request: object): object => {
  if (!('campaign' in request)) return request
  const { campaignId, engagementId } = request.campaign as Record<string, unknown>
  return { ...request, campaign: { campaignId: String(campaignId), engagementId: String(engagementId) } }
}

/** Names of prototype members, and others that parsers may get wrong. */
const name = fc.constantFrom(
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'length',
  '0',
  '1',
  '-1',
  '',
  'campaign',
  'campaignId',
  'consumer',
  'engagementAttributes',
  'personal',
  'contacts',
  'type',
  'route',
  'message',
  'Type',
  'Message',
  'MessageId',
  'detail',
  'detail-type',
  'id',
  'handedOver',
)

/** Any JSON value, with awkward names and numbers. */
export const anyJson: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.constantFrom(null, '', 0, -0, 1e308, '70123456', 'Notification', 'ctmrinfo', 'personal'),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.oneof(name, fc.string({ maxLength: 8 })), tie('value')), { maxLength: 5 })
      .map((entries) => Object.fromEntries(entries)),
  ),
})).value

/** The JSON of a valid request with some members replaced or some characters changed. */
export const mutated = (request: fc.Arbitrary<object>): fc.Arbitrary<string> =>
  fc.oneof(
    fc
      .tuple(request, fc.array(fc.tuple(fc.nat(), anyJson), { minLength: 1, maxLength: 3 }))
      .map(([good, changes]) =>
        changes.reduce((text, [at, value]) => replaceOne(text, at, value), JSON.stringify(good)),
      ),
    fc
      .tuple(
        request,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 3 }), fc.string({ maxLength: 3 })), { maxLength: 4 }),
      )
      .map(([good, edits]) =>
        edits.reduce((text, [at, cut, put]) => {
          const place = at % (text.length + 1)
          return text.slice(0, place) + put + text.slice(place + cut)
        }, JSON.stringify(good)),
      ),
  )

/** Replaces one value, at any depth. */
const replaceOne = (text: string, at: number, value: unknown): string => {
  let count = 0
  JSON.parse(text, (_, member) => {
    count++
    return member
  })
  const wanted = at % Math.max(1, count)
  let index = 0
  const changed: unknown = JSON.parse(text, (_, member) => (index++ === wanted ? value : member))
  return JSON.stringify(changed) ?? 'null'
}

/** Any fields of a URL-encoded form. */
export const anyFields: fc.Arbitrary<string> = fc
  .array(
    fc.tuple(
      fc.array(fc.oneof({ weight: 4, arbitrary: name }, fc.string({ maxLength: 5 })), { maxLength: 11 }),
      fc.oneof(fc.constantFrom('', 'vip', '1', 'ctmrinfo'), fc.string({ unit: 'binary', maxLength: 10 })),
    ),
    { maxLength: 12 },
  )
  .map((fields) =>
    new URLSearchParams(
      fields.map(([parts, value]): [string, string] => [parts.join('.'), value.toWellFormed()]),
    ).toString(),
  )

/** Returns a request as a URL-encoded form with dotted names. */
export const toFields = (request: object): string => {
  const flat = (value: unknown, path: string): [string, string][] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).flatMap(([key, member]) => flat(member, path === '' ? key : `${path}.${key}`))
      : [[path, String(value)]]
  return new URLSearchParams(flat(request, '')).toString()
}
