import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Finding, InvalidRequestError } from '../../../lib/errors/errors.ts'
import { parseConversationRequest, toRequestId } from '../../../lib/request/conversation-request.ts'
import { type FormBody, parseForm } from '../../../lib/request/form.ts'
import { accept } from '../../../lib/request/identity.ts'
import { isRecord } from '../../../lib/request/lenient-json.ts'
import { crmRequest, formRequest, toFields } from '../../support/requests.ts'

const RUNS = { numRuns: 1000 }

const asJson = (value: unknown): FormBody => ({ mediaType: 'application/json', text: JSON.stringify(value) })
const asFields = (text: string): FormBody => ({ mediaType: 'application/x-www-form-urlencoded', text })

/** Returns a request's content in a form that doesn't depend on `undefined` or the order of members. */
const contentOf = (input: unknown) => JSON.parse(JSON.stringify(parseConversationRequest(input).request))

const fingerprintOf = (request: ReturnType<typeof parseConversationRequest>['request']) =>
  accept(request, {
    door: 'queue',
    requestId: 'request-1',
    accountId: '70123456',
    consumerId: request.consumer?.id,
    warnings: [],
  }).fingerprint

const findingsOf = (work: () => unknown): readonly Finding[] => {
  try {
    work()
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.findings
    throw error
  }
  return []
}

/** Every member of a request that may be absent, with the objects that they are in. */
const ABSENT = {
  requestId: null,
  accountId: null,
  ttr: null,
  message: null,
  consumer: {
    id: null,
    firstName: null,
    lastName: null,
    email: null,
    phone: null,
    avatarUrl: null,
    description: null,
  },
  context: { visitorId: null, sessionId: null, interactionContextId: null, lang: null },
  engagementAttributes: null,
}
const ABSENT_IN: Readonly<Record<string, object>> = {
  ctmrinfo: {
    info: {
      ...{ ctype: null, cstatus: null, balance: null, currency: null, customerId: null, socialId: null },
      ...{
        imei: null,
        userName: null,
        companySize: null,
        companyBranch: null,
        accountName: null,
        role: null,
      },
      ...{
        lastPaymentDate: { day: null, month: null, year: null },
        registrationDate: null,
        loginStatus: null,
      },
    },
    personal: null,
  },
  personal: {
    info: { ctype: null },
    personal: {
      ...{ firstname: null, lastname: null, age: { age: null, year: null }, gender: null, company: null },
      ...{ contacts: [{ email: null, address: { country: null } }, null], language: null },
    },
  },
}

/** Returns an object with the absent members that it doesn't have. `nothing` is written for each. */
const filledUp = (value: unknown, absent: unknown, nothing: () => unknown): unknown => {
  if (value === undefined) return absent === null ? nothing() : written(absent, nothing)
  if (!isRecord(value) || !isRecord(absent)) return value
  const names = [...Object.keys(value), ...Object.keys(absent)]
  return Object.fromEntries(names.map((name) => [name, filledUp(value[name], absent[name], nothing)]))
}

const written = (absent: unknown, nothing: () => unknown): unknown => {
  if (absent === null) return nothing()
  if (Array.isArray(absent)) return absent.map((item) => written(item, nothing))
  if (!isRecord(absent)) return absent
  return Object.fromEntries(Object.entries(absent).map(([name, member]) => [name, written(member, nothing)]))
}

const withAbsent = (request: object, nothing: () => unknown): object => {
  const filled = filledUp(request, ABSENT, nothing)
  if (!isRecord(filled)) return request
  const { engagementAttributes: attributes } = filled
  if (!Array.isArray(attributes)) return filled
  return {
    ...filled,
    engagementAttributes: attributes.map((attribute) =>
      filledUp(attribute, ABSENT_IN[String(attribute.type)], nothing),
    ),
  }
}

describe('absent is absent', () => {
  /** What senders write for a value that they don't have, in any mixture. */
  const nothings = fc.infiniteStream(fc.constantFrom(null, ''))

  test('null and an empty text say nothing, at any depth', () => {
    fc.assert(
      fc.property(crmRequest, nothings, (request, nothing) => {
        const written = withAbsent(request, () => nothing.next().value)
        expect(contentOf(written)).toEqual(contentOf(request))
        expect(parseConversationRequest(written).warnings).toEqual([])
        expect(fingerprintOf(parseConversationRequest(written).request)).toBe(
          fingerprintOf(parseConversationRequest(request).request),
        )
      }),
      RUNS,
    )
  })

  test('nor does an empty field of a URL-encoded form', () => {
    const { accountId, consumer, engagementAttributes, ...rest } = ABSENT
    const { id, avatarUrl, ...anonymous } = consumer
    fc.assert(
      fc.property(formRequest, fc.boolean(), (request, isFirst) => {
        const empty = toFields(written({ ...rest, consumer: anonymous }, () => '') as object)
        const filled = toFields(request)
        const text = isFirst ? `${empty}&${filled}` : `${filled}&${empty}`
        expect(parseForm(asFields(text))).toEqual(parseForm(asJson(request)))
      }),
      RUNS,
    )
  })

  test('an empty item keeps its place in a form’s list, so findings name the right one', () => {
    const fields = 'route=vip&engagementAttributes.0.type=personal&engagementAttributes.0.personal.contacts.'
    const of = (rest: string) => parseForm(asFields(fields + rest)).request.engagementAttributes
    expect(of('0.email=&engagementAttributes.0.personal.contacts.1.email=a')).toEqual([
      { type: 'personal', personal: { contacts: [{ email: 'a' }] } },
    ])
    expect(
      findingsOf(() => of('0.email=&engagementAttributes.0.personal.contacts.1.phoneType=FAXES'))[0]?.path,
    ).toBe('engagementAttributes.0.personal.contacts.1.phoneType')
  })

  test.each<[string, object, string]>([
    ['a campaign id', { campaign: { campaignId: null, engagementId: 1 } }, 'campaign.campaignId'],
    ['an engagement id', { campaign: { campaignId: '1', engagementId: '' } }, 'campaign.engagementId'],
    ['both', { campaign: { campaignId: null, engagementId: '' } }, 'campaign.campaignId'],
    [
      'a type',
      { route: 'vip', engagementAttributes: [{ type: '', info: { ctype: 'a' } }] },
      'engagementAttributes.0.type',
    ],
    [
      'a part of a date',
      {
        route: 'vip',
        engagementAttributes: [
          { type: 'ctmrinfo', info: { lastPaymentDate: { day: 1, month: 2, year: null } } },
        ],
      },
      'engagementAttributes.0.info.lastPaymentDate.year',
    ],
  ])('%s is required, and an empty one is missing', (_, request, path) => {
    expect(findingsOf(() => parseConversationRequest(request))).toContainEqual({
      path,
      message: 'is missing',
    })
  })

  test.each<[string, unknown]>([
    ['members of null', { type: 'ctmrinfo', info: { ctype: null, customerId: '', lastPaymentDate: {} } }],
    ['null for its content', { type: 'ctmrinfo', info: null }],
    ['no content', { type: 'personal' }],
    ['an empty object', { type: 'personal', personal: {} }],
    ['PHP’s empty list for an object', { type: 'ctmrinfo', info: [] }],
    ['a list of nothing', { type: 'personal', personal: { contacts: [{ email: '' }, null, []], age: [] } }],
    ['the content of another type', { type: 'personal', info: {}, personal: null }],
    ['characters that are removed', { type: 'personal', personal: { firstname: '\u0007' } }],
    [
      'only the type of a phone',
      { type: 'personal', personal: { contacts: [{ phoneType: 'mobile', phone: '' }] } },
    ],
    ['no type either', { type: null, info: { ctype: null } }],
  ])('an attribute with %s is absent', (_, attribute) => {
    const said = { type: 'ctmrinfo', info: { ctype: 'vip' } }
    const of = (...attributes: unknown[]) =>
      parseConversationRequest({ route: 'vip', engagementAttributes: attributes }).request
    expect(of(attribute)).toEqual({ route: 'vip' })
    expect(of(attribute, said)).toEqual(of(said))
    expect(fingerprintOf(of(attribute))).toBe(fingerprintOf(of()))
    expect(fingerprintOf(of(said, attribute))).toBe(fingerprintOf(of(said)))
  })

  test.each<[string, unknown, string]>([
    ['an unknown type', { type: 'purchase' }, 'engagementAttributes.1.type'],
    [
      'an unknown phone type',
      { type: 'personal', personal: { contacts: [{ phoneType: 'CELL' }] } },
      'engagementAttributes.1.personal.contacts.0.phoneType',
    ],
    [
      'a list for a text',
      { type: 'personal', personal: { firstname: [] } },
      'engagementAttributes.1.personal.firstname',
    ],
  ])('an attribute with %s is a mistake', (_, attribute, path) => {
    const request = { route: 'vip', engagementAttributes: [null, attribute] }
    expect(findingsOf(() => parseConversationRequest(request)).map((finding) => finding.path)).toEqual([path])
  })

  test('absent items of a list don’t count towards its limit', () => {
    const attribute = { type: 'ctmrinfo', info: { ctype: 'vip' } }
    const empty = [null, '', {}, [], { type: 'ctmrinfo', info: { ctype: null } }]
    const of = (count: number) => ({
      route: 'vip',
      engagementAttributes: [...Array(count).fill(attribute), ...empty, ...empty, ...empty],
    })
    expect(contentOf(of(10)).engagementAttributes).toHaveLength(10)
    expect(findingsOf(() => parseConversationRequest(of(11)))).toEqual([
      { path: 'engagementAttributes', message: 'must have at most 10 items' },
    ])
  })

  test('a form’s hidden type says nothing without a filled field', () => {
    const at = 'engagementAttributes.0'
    const text = `route=vip&${at}.type=personal&${at}.personal.firstname=&${at}.personal.contacts.0.phone=&${at}.personal.contacts.0.phoneType=HOME`
    expect(parseForm(asFields(text)).request).toEqual({ route: 'vip' })
  })

  test('neither a route nor a campaign is missing both', () => {
    for (const request of [{ route: null }, { route: '', campaign: null }, null, ''])
      expect(findingsOf(() => parseConversationRequest(request))).toHaveLength(1)
    expect(findingsOf(() => parseConversationRequest({ route: '', campaign: '' }))).toEqual([
      { path: 'campaign', message: 'or route is required' },
    ])
  })

  test('a route with an empty campaign is a route, and the other way round', () => {
    expect(contentOf({ route: 'vip', campaign: { campaignId: null, engagementId: '' } })).toEqual({
      route: 'vip',
    })
    expect(contentOf({ route: '', campaign: { campaignId: 1, engagementId: 2 } })).toEqual({
      campaign: { campaignId: '1', engagementId: '2' },
    })
  })
})

describe('one request, however it is spelled', () => {
  /** Text with line ends and accents, and another spelling of it. */
  const spelled = fc
    .array(fc.constantFrom('a', 'é', 'ễ', 'Å', '한', 'ﬁ', '\n', ' ', '你', '🦊', '\t', 'ṩ'), { minLength: 1 })
    .map((parts) => parts.join(''))
  const ends = fc.constantFrom('\n', '\r\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029')
  const forms = fc.constantFrom('NFC', 'NFD')

  test('line ends and accents make no other request', () => {
    fc.assert(
      fc.property(crmRequest, spelled, ends, forms, (request, text, end, form) => {
        const line = text.replaceAll(/[\n\t]/g, '')
        const of = (spell: (text: string) => string) => ({
          ...request,
          message: spell(`x${text}`),
          consumer: {
            ...('consumer' in request && Object(request.consumer)),
            lastName: spell(`x${line}`),
            firstName: spell(`x${text}y`),
            description: spell(`x${text}`),
          },
        })
        const usual = parseConversationRequest(of((value) => value))
        const other = parseConversationRequest(of((value) => value.replaceAll('\n', end).normalize(form)))
        expect(other).toEqual(usual)
        expect(fingerprintOf(other.request)).toBe(fingerprintOf(usual.request))
        expect(other.warnings).toEqual([])
        for (const lines of [other.request.message, other.request.consumer?.description])
          expect(lines).toBe(`x${text}`.normalize('NFC'))
        expect(other.request.consumer?.firstName?.split(/ +/)).toEqual(
          `x${text}y`.normalize('NFC').split(/[ \n\t]+/),
        )
      }),
      RUNS,
    )
  })

  test('two ways to write a language are one', () => {
    const of = (language: string) =>
      parseConversationRequest({
        route: 'vip',
        engagementAttributes: [{ type: 'personal', personal: { language } }],
      })
    for (const language of ['pt_BR', 'pt_br', 'PT-br', 'pt-br']) expect(of(language)).toEqual(of('pt-BR'))
  })

  test.each([
    ['phoneType', { contacts: [{ phone: '1', phoneType: 'maın' }] }],
    ['phoneType', { contacts: [{ phone: '1', phoneType: 'ﬁx' }] }],
    ['gender', { gender: 'femaleſ' }],
    ['country', { contacts: [{ address: { country: 'ıt' } }] }],
    ['language', { language: 'ıt-IT' }],
  ])('another alphabet’s letters are no other spelling of %s', (name, personal) => {
    const request = { route: 'vip', engagementAttributes: [{ type: 'personal', personal }] }
    const [finding] = findingsOf(() => parseConversationRequest(request))
    expect(finding?.path.endsWith(`.${name}`)).toBe(true)
  })

  test('a script’s form and the browser’s own are the same', () => {
    fc.assert(
      fc.property(formRequest, spelled, (request, text) => {
        const of = (end: string) => toFields({ ...request, message: `x${text}`.replaceAll('\n', end) })
        expect(parseForm(asFields(of('\r\n')))).toEqual(parseForm(asFields(of('\n'))))
      }),
      RUNS,
    )
  })

  test('ids keep their spelling', () => {
    const id = 'crm-e\u0301-1'
    const request = { route: 'vip', consumer: { id }, context: { visitorId: id } }
    expect(contentOf(request)).toEqual(request)
    expect(fingerprintOf(parseConversationRequest(request).request)).not.toBe(
      fingerprintOf(parseConversationRequest({ ...request, consumer: { id: id.normalize('NFC') } }).request),
    )
  })

  test('the longest message is as long with any line ends, and in any form', () => {
    const message = `${'é'.repeat(2000)}${'\n'.repeat(1249)}`
    expect(JSON.stringify(message)).toHaveLength(4500)
    for (const spelling of [message, message.replaceAll('\n', '\r\n'), message.normalize('NFD')])
      expect(contentOf({ route: 'vip', message: spelling })).toEqual({ route: 'vip', message })
  })

  test('members and JSON may be written by another runtime', () => {
    const texts = [
      '{"requestId":"queue-case-1","campaign":{"campaignId":3120045610,"engagementId":3120047711},"consumer":{"id":"crm-1","firstName":"Zoë"}}',
      ' {\r\n"consumer":{"firstName":"Zo\\u00eb","id":"crm-1"},"campaign":{"engagementId":"3120047711","campaignId":3.12004561E9},"requestId":"queue-case-1","message":null}\r\n',
      '\ufeff{"requestId":"queue-case-1","campaign":{"campaignId":3120045610,"engagementId":3120047711.0},"consumer":{"id":"crm-1","firstName":"Zoe\\u0308","email":""},"context":{}}',
    ]
    const of = (text: string) => parseForm({ mediaType: 'application/json', text }).request
    for (const text of texts) expect(of(text)).toEqual(of(texts[0] ?? ''))
  })
})

describe('ids', () => {
  const INTEGERS = fc.maxSafeInteger().filter((value) => value !== 0)

  /** Where an id may be, except for the campaign's. */
  const PLACES: readonly (readonly [string, (id: unknown) => object])[] = [
    ['consumer.id', (id) => ({ consumer: { id } })],
    ['context.visitorId', (id) => ({ context: { visitorId: id } })],
    ['context.sessionId', (id) => ({ context: { sessionId: id } })],
    ['context.interactionContextId', (id) => ({ context: { interactionContextId: id } })],
    ...['customerId', 'socialId', 'imei'].map(
      (name) =>
        [
          `engagementAttributes.0.info.${name}`,
          (id: unknown) => ({ engagementAttributes: [{ type: 'ctmrinfo', info: { [name]: id } }] }),
        ] as const,
    ),
  ]

  test.each(PLACES)('%s may be a number', (_, at) => {
    fc.assert(
      fc.property(INTEGERS, (id) => {
        const number = contentOf({ route: 'vip', ...at(id) })
        expect(number).toEqual({ route: 'vip', ...at(String(id)) })
        expect(contentOf({ route: 'vip', ...at(String(id)) })).toEqual(number)
      }),
      RUNS,
    )
  })

  test('so may a request id and an account id', () => {
    fc.assert(
      fc.property(INTEGERS, (id) => {
        expect(toRequestId(id)).toBe(String(id))
        const accountId = Math.abs(id)
        expect(contentOf({ route: 'vip', requestId: id, accountId })).toEqual({
          route: 'vip',
          requestId: String(id),
          accountId: String(accountId),
        })
      }),
      RUNS,
    )
  })

  test.each([1.5, 2 ** 53, -(2 ** 53), 1e21, true, {}, [], ['1']])('%j is no id', (id) => {
    const findings = findingsOf(() =>
      parseConversationRequest({ route: 'vip', requestId: id, accountId: id, consumer: { id } }),
    )
    // An account id has another finding if it is negative.
    const first = Map.groupBy(findings, ({ path }) => path)
    expect([...first.values()].map(([finding]) => finding)).toEqual(
      ['requestId', 'accountId', 'consumer.id'].map((path) => ({
        path,
        message: 'must be a string, or an integer up to 9007199254740991',
      })),
    )
  })

  const SPACES = [...'\u0020\u00a0\u1680\u2000\u2003\u200a\u202f\u205f\u3000\ufeff']
  const CONTROLS = Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code)).filter((character) =>
    /\p{Cc}/u.test(character),
  )
  const REFUSED = PLACES.filter(([path]) => !path.startsWith('context'))

  test.each(REFUSED)('%s must have no white space around it, and no control characters', (path, at) => {
    const id = fc.stringMatching(/^[A-Za-z]{1,20}$/)
    fc.assert(
      fc.property(id, fc.constantFrom(...SPACES), fc.constantFrom(...CONTROLS), (good, space, control) => {
        const findings = (value: string) =>
          findingsOf(() => parseConversationRequest({ route: 'vip', ...at(value) }))
        for (const value of [space + good, good + space])
          expect(findings(value)).toEqual([{ path, message: 'must not start or end with white space' }])
        for (const value of [control + good, good + control, good + control + good])
          expect(findings(value)).toEqual([
            { path, message: 'must not contain control or bidi-override characters' },
          ])
        expect(findings(good + space + good)).toEqual([])
      }),
      RUNS,
    )
  })

  test.each([' request-1', 'request-1\u00a0', 'request-1\t', 'request 1'])(
    '%j is no request id',
    (requestId) => {
      expect(findingsOf(() => parseConversationRequest({ route: 'vip', requestId }))).toEqual([
        { path: 'requestId', message: 'must be 8 to 128 letters, digits or . _ : -' },
      ])
    },
  )

  /** Placeholders of templates, alone and at the end of an id. */
  const placeholder = fc.oneof(
    fc
      .tuple(
        fc.constantFrom('undefined', 'null', 'None', 'NaN', 'nil'),
        fc.constantFrom('', 'upper', 'lower'),
      )
      .map(([text, form]) =>
        form === '' ? text : form === 'upper' ? text.toUpperCase() : text.toLowerCase(),
      ),
    fc.constantFrom('[object Object]', '00000000-0000-0000-0000-000000000000'),
    fc.integer({ min: 1, max: 40 }).map((count) => '0'.repeat(count)),
    fc
      .tuple(
        fc.stringMatching(/^[a-z]{1,9}$/),
        fc.constantFrom(...'-_:|/'),
        fc.constantFrom('undefined', 'null', 'NaN'),
      )
      .map((parts) => parts.join('')),
    fc
      .tuple(
        fc.constantFrom(['{{', '}}'], [`\${`, '}'], ['<%=', '%>'], ['*|', '|*']),
        fc.stringMatching(/^[a-z.]{1,9}$/),
      )
      .map(([[open, close], name]) => `${open}${name}${close}`),
  )

  test('a placeholder is no consumer id and no request id', () => {
    fc.assert(
      fc.property(placeholder, (id) => {
        expect(findingsOf(() => parseConversationRequest({ route: 'vip', consumer: { id } }))).toEqual([
          { path: 'consumer.id', message: 'is a placeholder, not an id. Send a real id, or leave it out' },
        ])
        expect(findingsOf(() => parseConversationRequest({ route: 'vip', requestId: id }))).toHaveLength(1)
        expect(toRequestId(id)).toBeUndefined()
      }),
      RUNS,
    )
  })

  test('the number 0 is a placeholder, too', () => {
    for (const zero of [0, -0])
      expect(
        findingsOf(() => parseConversationRequest({ route: 'vip', consumer: { id: zero } })),
      ).toHaveLength(1)
  })
})

describe('decoration never costs the conversation', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(
      ' id',
      'id\n',
      'x'.repeat(257),
      '\ud800',
      1.5,
      2 ** 53,
      'en-US-u-mu-celsius',
      'x-y',
      {},
      [],
    ),
  )
  const context = fc.oneof(
    fc.record(
      {
        visitorId: anything,
        sessionId: anything,
        interactionContextId: anything,
        lang: anything,
        'ana@x': anything,
      },
      { requiredKeys: [] },
    ),
    fc.jsonValue({ maxDepth: 2 }),
  )

  test('whatever the context is, the rest is accepted, and each part is sent or named', () => {
    fc.assert(
      fc.property(crmRequest, context, (request, given) => {
        const { request: parsed, warnings } = parseConversationRequest({ ...request, context: given })
        expect(contentOf({ ...parsed, context: undefined })).toEqual(
          contentOf({ ...request, context: undefined }),
        )
        const named = warnings.map(({ path }) => path)
        const rows = isRecord(given) ? Object.entries(given) : []
        for (const [name, value] of rows) {
          const sent = Object.entries(parsed.context ?? {}).find(([member]) => member === name)?.[1]
          const isNothing = contentOf({ route: 'vip', context: { [name]: value } }).context === undefined
          if (sent === undefined && value !== null && value !== '' && JSON.stringify(value) !== '{}')
            expect(isNothing && (named.includes(`context.${name}`) || named.includes('context'))).toBe(true)
        }
        expect(JSON.stringify(warnings)).not.toContain('ana@x')
      }),
      RUNS,
    )
  })

  test('any well-formed language tag is accepted', () => {
    const tag = fc.stringMatching(
      /^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?(-[a-z]{5,8})?(-u(-[a-z0-9]{3,8}){1,3})?(-x(-[a-z0-9]{1,8}){1,2})?$/,
    )
    fc.assert(
      fc.property(tag, (lang) => {
        const { request, warnings } = parseConversationRequest({ route: 'vip', context: { lang } })
        expect(`${lang}-`.startsWith(`${request.context?.lang}-`)).toBe(true)
        expect(warnings.map(({ path }) => path)).toEqual(
          request.context?.lang === lang ? [] : ['context.lang'],
        )
      }),
      RUNS,
    )
  })

  test.each<[string, object, string, string]>([
    [
      'a long id',
      { visitorId: 'x'.repeat(257) },
      'context.visitorId',
      'must have at most 256 characters, so it was left out',
    ],
    [
      'an id with a margin',
      { sessionId: 'a ' },
      'context.sessionId',
      'must not start or end with white space, so it was left out',
    ],
    [
      'an id of another type',
      { interactionContextId: true },
      'context.interactionContextId',
      'must be a string, or an integer up to 9007199254740991, so it was left out',
    ],
    [
      'no language',
      { lang: '?' },
      'context.lang',
      'is not a well-formed language tag such as en-GB, so it was left out',
    ],
    ['unknown members', { type: 'SharkContext' }, 'context', 'had unknown members, which were left out'],
  ])('%s is named', (_, given, path, message) => {
    expect(parseConversationRequest({ route: 'vip', context: given })).toEqual({
      request: { route: 'vip' },
      warnings: [{ path, message }],
    })
  })

  test('a context that is no object is named', () => {
    expect(parseConversationRequest({ route: 'vip', context: 'en-GB' })).toEqual({
      request: { route: 'vip' },
      warnings: [{ path: 'context', message: 'must be an object, so it was left out' }],
    })
  })
})

describe('nothing in the context is an error', () => {
  const of = (text: string, mediaType: FormBody['mediaType'] = 'application/x-www-form-urlencoded') => {
    const { request, warnings } = parseForm({ mediaType, text })
    expect(request.route).toBe('vip')
    return { context: request.context, warned: warnings.map(({ path }) => path) }
  }
  const json = (text: string) => of(text, 'application/json')

  test.each<[string, string, object | undefined, readonly string[]]>([
    ['two languages', 'context.lang=en&context.lang=de', undefined, ['context.lang']],
    ['a text and members', 'context=x&context.lang=en', { lang: 'en' }, ['context']],
    ['members and a text', 'context.lang=en&context=x', { lang: 'en' }, ['context']],
    ['a text', 'context=x', undefined, ['context']],
    ['brackets', 'context[lang]=en&context%5Blang%5D=de', undefined, ['context']],
    ['two texts', 'context=x&context=y', undefined, ['context']],
    ['Latin-1', 'context.lang=%E4&context.visitorId=v1', { visitorId: 'v1' }, ['context.lang']],
    ['Latin-1 in a name', 'context.%E4=1&context.lang=en', { lang: 'en' }, ['context']],
    ['a broken escape', 'context.visitorId=100%', undefined, ['context.visitorId']],
    ['many parts', `context.${'a.'.repeat(50)}b=1&context.lang=en`, { lang: 'en' }, ['context']],
    ['parts of a language', 'context.lang.tag=en', undefined, ['context.lang']],
    ['__proto__', 'context.__proto__=1&context.__proto__.x=1&context.lang=en', { lang: 'en' }, ['context']],
    [
      'many fields',
      Array.from({ length: 300 }, (_, at) => `context.x${at}=1`).join('&'),
      undefined,
      ['context'],
    ],
    ['a long text', `context.userAgent=${'x'.repeat(20_000)}`, undefined, ['context']],
    ['a long id', `context.visitorId=${'x'.repeat(20_000)}`, undefined, ['context.visitorId']],
    [
      'placeholders',
      'context.visitorId=undefined&context.sessionId=null&context.lang=undefined',
      undefined,
      ['context.visitorId', 'context.sessionId', 'context.lang'],
    ],
    ['empty fields', 'context.lang=&context=&context.x=&context.lang=', undefined, []],
    ['an encoded dot', 'context%2Elang=en&context%2Elang=de', undefined, ['context.lang']],
  ])('a form with %s', (_, fields, context, warned) => {
    expect(of(`${fields}&route=vip`)).toEqual({ context, warned })
    expect(of(`route=vip&${fields}`)).toEqual({ context, warned })
  })

  test.each<[string, string, object | undefined, readonly string[]]>([
    ['two languages', '{"lang":"en","lang":"de"}', undefined, ['context.lang']],
    [
      'two languages, once escaped',
      '{"lang":"en","l\\u0061ng":"de","visitorId":"v1"}',
      { visitorId: 'v1' },
      ['context.lang'],
    ],
    ['a second context', '{"lang":"en"},"context":{"lang":"de"}', undefined, ['context']],
    ['duplicate unknown keys', '{"x":1,"x":2,"y":{"z":1,"z":2},"lang":"en"}', { lang: 'en' }, ['context']],
    ['__proto__', '{"__proto__":{"lang":"de"},"__proto__":1,"lang":"en"}', { lang: 'en' }, ['context']],
    ['17 levels', `{"x":${'['.repeat(17)}${']'.repeat(17)},"lang":"en"}`, { lang: 'en' }, ['context']],
    ['100,000 levels', `{"lang":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, undefined, ['context.lang']],
    [
      '100,000 levels of objects',
      `{"x":${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}}`,
      undefined,
      ['context'],
    ],
    ['a deep list', `${'['.repeat(50_000)}1${']'.repeat(50_000)}`, undefined, ['context']],
    [
      'a long text',
      JSON.stringify({ userAgentData: 'x'.repeat(17_000), lang: 'en' }),
      { lang: 'en' },
      ['context'],
    ],
    ['PHP’s empty list', '[]', undefined, []],
    ['unknown members of nothing', '{"x":null,"y":"","lang":"en"}', { lang: 'en' }, []],
    ['a number', '5', undefined, ['context']],
    [
      'placeholders',
      '{"visitorId":"undefined","sessionId":0,"interactionContextId":"{{id}}"}',
      undefined,
      ['context.visitorId', 'context.sessionId', 'context.interactionContextId'],
    ],
  ])('JSON with %s', (_, context, sent, warned) => {
    expect(json(`{"context":${context},"route":"vip"}`)).toEqual({ context: sent, warned })
    expect(json(`{"route":"vip","context":${context}}`)).toEqual({ context: sent, warned })
  })

  test('but beside the context, a mistake is one', () => {
    for (const text of [
      '{"context":{"lang":"en"},"route":"vip","route":"vip"}',
      '{"context":{"x":{"x":1}},"consumer":{"email":"a","email":"b"},"route":"vip"}',
      `{"context":{},"message":${'['.repeat(17)}${']'.repeat(17)},"route":"vip"}`,
      '{"consumer":{"context":{"lang":"en","lang":"de"}},"route":"vip"}',
    ])
      expect(() => json(text)).toThrow(InvalidRequestError)
    for (const text of [
      'contexts.lang=%E4',
      'consumer.context.lang=a&consumer.context.lang=b',
      'message=%E4',
    ])
      expect(() => of(`route=vip&${text}`)).toThrow(InvalidRequestError)
  })

  test('whatever a browser writes below it', () => {
    const name = fc.oneof(
      fc.constantFrom('lang', 'visitorId', 'sessionId', 'x', '', '__proto__', 'lang.0', '%E4', 'a.b', '%00'),
      fc.string({ unit: 'binary', maxLength: 9 }).map((text) => encodeURIComponent(text.toWellFormed())),
    )
    const value = fc.oneof(
      fc.constantFrom('en', 'de', '', '%E4', '%', 'undefined', '%F0%9F', '+', '%0A'),
      fc.string({ unit: 'binary', maxLength: 9 }).map((text) => encodeURIComponent(text.toWellFormed())),
    )
    const field = fc
      .tuple(name, value, fc.boolean())
      .map(([key, text, isWhole]) => (isWhole ? `context=${text}` : `context.${key}=${text}`))
    fc.assert(
      fc.property(
        fc.array(field, { maxLength: 12 }),
        (fields) => void of([...fields, 'route=vip'].join('&')),
      ),
      RUNS,
    )
  })
})

describe('limits don’t depend on the alphabet', () => {
  const letters = fc.constantFrom('a', 'é', 'я', 'ש', 'अ', '你', '한', '🦊', '&', '%', '"', '\n')

  test('a message is accepted or refused in the same way as JSON, as escaped JSON and as a form', () => {
    fc.assert(
      fc.property(
        fc.array(letters, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 6000 }),
        (parts, length) => {
          const message = parts
            .join('')
            .repeat(Math.ceil(length / parts.join('').length))
            .slice(0, length)
            .toWellFormed()
          const outcomeOf = (body: FormBody) => {
            try {
              return parseForm(body)
            } catch (error) {
              if (error instanceof InvalidRequestError) return error.findings
              throw error
            }
          }
          const json = JSON.stringify({ route: 'vip', message })
          const escaped = json.replace(
            /[\u007f-\uffff]/g,
            (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
          )
          const outcome = outcomeOf({ mediaType: 'application/json', text: json })
          expect(outcomeOf({ mediaType: 'application/json', text: escaped })).toEqual(outcome)
          expect(outcomeOf(asFields(new URLSearchParams({ route: 'vip', message }).toString()))).toEqual(
            outcome,
          )
          expect(Array.isArray(outcome)).toBe(JSON.stringify(message.normalize('NFC')).length > 4500)
        },
      ),
      RUNS,
    )
  })

  test('the values of a form may have 16,384 characters together, in any alphabet', () => {
    const of = (character: string, count: number) => {
      const text = (length: number) => character.repeat(length / character.length)
      const contact = { email: text(4096), phone: text(4096) }
      const region = text(count - 4096 * 3 - 'vip'.length - 'personal'.length)
      const contacts = [contact, { phone: text(4096) }, { address: { region } }]
      return { route: 'vip', engagementAttributes: [{ type: 'personal', personal: { contacts } }] }
    }
    for (const character of ['a', 'é', '你']) {
      for (const body of [asJson(of(character, 16_384)), asFields(toFields(of(character, 16_384)))])
        expect(parseForm(body).warnings).toEqual([])
      for (const body of [asJson(of(character, 16_385)), asFields(toFields(of(character, 16_385)))])
        expect(() => parseForm(body)).toThrow(expect.objectContaining({ code: 'payload_too_large' }))
    }
  })

  test('a challenge is not counted', () => {
    const description = '你'.repeat(4096)
    const form = {
      route: 'vip',
      consumer: { description },
      message: 'x'.repeat(4400),
      'h-captcha-response': 'x'.repeat(8192),
    }
    expect(parseForm(asJson(form)).challenge?.token).toHaveLength(8192)
  })
})

describe('a body that isn’t what its headers say', () => {
  test.each<[string, string]>([
    ['JSON', '{"route":"vip"}'],
    ['JSON with a percent sign', '{"route":"vip","message":"20% off & more=1"}'],
    ['indented JSON', '\r\n  { "route": "vip" }'],
    ['JSON after a byte order mark', '\ufeff{"route":"vip"}'],
    ['a list', '[{"route":"vip"}]'],
    ['a JSON text', '"vip"'],
    ['JSON that was percent-encoded', encodeURIComponent('{"route":"vip"}')],
    ['JSON after an encoded space', '+{"route":"vip"}'],
    ['JSON after an encoded byte order mark', '%EF%BB%BF{"route":"vip"}'],
    ['JSON after encoded white space', '%0D%0A%20%7B%22route%22%3A%22vip%22%7D'],
    ['JSON in single quotes, as the command line of Windows sends it', "'{route:vip}'"],
    ['encoded JSON in single quotes', '%27%7Broute:vip%7D%27'],
  ])('%s is named if it is called a form', (_, text) => {
    expect(findingsOf(() => parseForm(asFields(text)))).toEqual([
      {
        path: 'Content-Type',
        message: 'says application/x-www-form-urlencoded, but the body is JSON. Send application/json',
      },
    ])
  })

  test.each(['<request/>', '--boundary\r\ncontent-disposition: form-data; name="route"'])(
    '%j is no form',
    (text) => {
      expect(findingsOf(() => parseForm(asFields(text)))[0]?.path).toBe('Content-Type')
    },
  )

  test.each(['[object Object]', ' [object FormData]', '%5Bobject+Object%5D', '%5Bobject%20Object%5D='])(
    '%j is an object that nobody encoded',
    (text) => {
      for (const mediaType of ['application/json', 'application/x-www-form-urlencoded'] as const)
        expect(findingsOf(() => parseForm({ mediaType, text }))).toEqual([
          {
            path: 'Content-Type',
            message: `says ${mediaType}, but the body is JavaScript's text for an object, such as [object Object]. Encode the object`,
          },
        ])
    },
  )

  test.each(['\ufeffroute=vip', '%EF%BB%BFroute=vip', 'route=vip'])('%j is a form', (text) => {
    expect(parseForm(asFields(text)).request).toEqual({ route: 'vip' })
  })

  test.each([
    ...['route=vip', 'route=vip&message=%7B%7D', 'consumer.firstName=Ana', '<a/>', '--x'],
    ...[
      'consumer%5BfirstName%5D=Ana&route=vip',
      'consumer[firstName]=Ana',
      '\r\nroute=vip',
      '\ufeffroute=vip',
    ],
    ...['naïve=1', '_charset_=utf-8', 'a+b=1', 'message&route=vip'],
  ])('%j is no JSON', (text) => {
    expect(findingsOf(() => parseForm({ mediaType: 'application/json', text }))).toEqual([
      { path: 'Content-Type', message: 'says application/json, but the body is not JSON' },
    ])
  })

  test.each(['{"route":', "{'route':'vip'}", 'null,', ''])('%j is invalid JSON', (text) => {
    expect(findingsOf(() => parseForm({ mediaType: 'application/json', text }))).toEqual([
      { path: '', message: 'is not valid JSON' },
    ])
  })

  test('fields that browsers add are all named at once', () => {
    const added = ['message.dir=rtl', '_charset_=UTF-8', 'action=send', 'action=send', 'x=1', 'route.dir=ltr']
    const pathsOf = (fields: readonly string[]) =>
      findingsOf(() => parseForm(asFields(fields.join('&')))).map(({ path, message }) => `${path} ${message}`)
    const fields = ['route=vip', 'message=hi', ...added]
    const expected = ['_charset_', 'action', 'message.dir', 'route.dir', 'x']
    for (const order of [
      fields,
      fields.toReversed(),
      ['message.dir=rtl', ...fields.slice(0, 2), ...added.slice(1)],
    ])
      expect(
        pathsOf(order)
          .map((text) => text.split(' ')[0])
          .toSorted(),
      ).toEqual(expected)
    expect(pathsOf(fields)).toContain('message.dir is an unknown key')
    expect(pathsOf(['route=vip', 'message.dir=', 'message=hi'])).toEqual([])
    expect(pathsOf(['route=vip', 'message.dir=rtl', `message=${'x'.repeat(5000)}`])).toHaveLength(2)
    expect(pathsOf(['route=vip', 'consumer=x', 'consumer.firstName=Ana'])).toContain(
      'consumer.firstName is a duplicate of another field, or conflicts with one',
    )
    expect(pathsOf(['route=vip', 'message.dir=rtl', 'accountId=70123456', 'message=a'])).toEqual([
      'message.dir is an unknown key',
      'accountId is not allowed in a form',
    ])
  })

  test('any form that could be valid is read as one', () => {
    fc.assert(
      fc.property(formRequest, (request) => {
        expect(findingsOf(() => parseForm(asFields(toFields(request))))).toEqual([])
        expect(findingsOf(() => parseForm(asFields(JSON.stringify(request))))[0]?.path).toBe('Content-Type')
      }),
      RUNS,
    )
  })
})
