import { type JsonSchema, listMembers, patternsOf } from '../../../tools/request-schema.ts'
import { wholeRequest } from '../../support/whole-request.ts'

type Json = Readonly<Record<string, unknown>>

/** A value that a member may just have, and one that exceeds its limit by one. */
interface Limit {
  /** As in `MEMBERS`. */
  readonly path: string
  readonly at: unknown
  readonly beyond: unknown
}

/** A request that must be refused, and why. */
export interface Broken {
  readonly name: string
  readonly input: unknown
}

const { route: _, ...whole } = wholeRequest((path) => (path === 'requestId' ? ['contract-0001'] : []))

/** A CRM event with every member but a route. */
export const wholeEvent: Json = whole

/** Returns a copy of a value with another member. @param path As in `MEMBERS`; `[]` changes every item that has it. */
export const withMember = (value: unknown, path: string, member: unknown): unknown => {
  const [, name = '', isList, rest = ''] = /^([^.[]*)(\[\])?\.?(.*)$/.exec(path) ?? []
  const change = (inner: unknown) => (rest === '' ? member : withMember(inner, rest, member))
  const members = toJson(value)
  const inner = members[name]
  return {
    ...members,
    [name]:
      isList && Array.isArray(inner)
        ? inner.map((item) =>
            Object.hasOwn(toJson(item), /^[^.[]*/.exec(rest)?.[0] ?? '') ? change(item) : item,
          )
        : change(inner),
  }
}

const toJson = (value: unknown): Json => (typeof value === 'object' && value !== null ? { ...value } : {})

const withoutMember = (value: unknown, name: string): Json => {
  const { [name]: _, ...rest } = toJson(value)
  return rest
}

const texts = (length: number) => 'x'.repeat(length)

const limitsOf = (path: string, schema: JsonSchema): readonly Limit[] => {
  const { minimum, maximum, maxLength } = schema
  const isAnyText = patternsOf(schema).every((pattern) => new RegExp(pattern, 'u').test('xx'))
  return [
    ...(minimum === undefined ? [] : [{ path, at: minimum, beyond: minimum - 1 }]),
    ...(maximum === undefined ? [] : [{ path, at: maximum, beyond: maximum + 1 }]),
    ...(maxLength === undefined || !isAnyText
      ? []
      : [{ path, at: texts(maxLength), beyond: texts(maxLength + 1) }]),
  ]
}

const avatarOf = (length: number) => 'https://pictures.example.org/'.padEnd(length, 'x')

const rows = (path: string, ...pairs: readonly (readonly [unknown, unknown])[]): readonly Limit[] =>
  pairs.map(([at, beyond]) => ({ path, at, beyond }))

/** Every limit of every member. Those of lengths in patterns, and of lists, are written down here. */
export const LIMITS: readonly Limit[] = [
  ...[...listMembers()].flatMap(([path, schemas]) => schemas.flatMap((schema) => limitsOf(path, schema))),
  ...rows('requestId', [texts(8), texts(7)], [texts(128), texts(129)], [-1, 0], [1, 0]),
  ...rows('accountId', [texts(32), texts(33)]),
  ...rows('campaign.campaignId', ['9'.repeat(19), '9'.repeat(20)], ['0', '']),
  ...rows('campaign.engagementId', ['9'.repeat(19), '9'.repeat(20)]),
  ...rows('consumer.id', [-1, 0], [1, 0]),
  ...rows('consumer.avatarUrl', [avatarOf(2048), avatarOf(2049)]),
  ...rows('engagementAttributes[].personal.contacts[].address.country', ['DK', 'D'], ['DK', 'DKK']),
  ...rows('engagementAttributes[].personal.language', ['pt-BR', 'p-BR'], ['pt-BR', 'pt-BRA']),
  ...rows('engagementAttributes[].personal.contacts', [
    Array(20).fill({ phone: '1' }),
    Array(21).fill({ phone: '1' }),
  ]),
  ...rows('engagementAttributes', [
    Array(10).fill({ type: 'ctmrinfo', info: { ctype: 'vip' } }),
    Array(11).fill({ type: 'ctmrinfo', info: { ctype: 'vip' } }),
  ]),
]

/** An event whose route has this name. */
const withRoute = (route: unknown) => ({ ...withoutMember(wholeEvent, 'campaign'), route })

/** Limits of the route, which an event has instead of a campaign. */
export const ROUTE_LIMITS: readonly (readonly [unknown, unknown])[] = [
  [withRoute(texts(64)), withRoute(texts(65))],
  [withRoute('a'), withRoute('-a')],
]

const personal = (members: object) => ({
  ...wholeEvent,
  engagementAttributes: [{ type: 'personal', personal: members }],
})
const customer = (members: object) => ({
  ...wholeEvent,
  engagementAttributes: [{ type: 'ctmrinfo', info: members }],
})
const change = (path: string, member: unknown) => withMember(wholeEvent, path, member)

/** Mistakes of other kinds. */
export const BROKEN: readonly Broken[] = Object.entries({
  'no campaign and no route': withoutMember(wholeEvent, 'campaign'),
  'a campaign and a route': { ...wholeEvent, route: 'order-help' },
  'a list': [wholeEvent],
  'a text': 'event',
  'an unknown member': { ...wholeEvent, priority: 1 },
  'an unknown member of the campaign': change('campaign.skillId', '1'),
  'an unknown member of the consumer': change('consumer.nickname', 'Zoë'),
  'an unknown member of an attribute': customer({ color: 'red' }),
  'a store member, which is not supported': customer({ storeNumber: '12' }),
  'an unknown member of a contact': personal({ contacts: [{ fax: '1' }] }),
  'an unknown member of an address': personal({ contacts: [{ address: { city: 'Aarhus' } }] }),
  'an unknown member of an age': personal({ age: { age: 30, decade: 3 } }),
  'an unknown member beside an attribute': {
    ...wholeEvent,
    engagementAttributes: [{ type: 'ctmrinfo', info: { ctype: 'vip' }, note: 'x' }],
  },
  'a campaign without an engagement': { ...wholeEvent, campaign: { campaignId: 1 } },
  'an engagement without a campaign': { ...wholeEvent, campaign: { engagementId: 1 } },
  'a campaign that is a number': change('campaign', 1),
  'a negative campaign': change('campaign.campaignId', -1),
  'a campaign with a fraction': change('campaign.campaignId', 1.5),
  'a campaign with letters': change('campaign.campaignId', '12a'),
  'a request id with a space': change('requestId', 'request 0001'),
  'a request id with a slash': change('requestId', 'request/0001'),
  'a request id that is true': change('requestId', true),
  'a request id with a fraction': change('requestId', 1.5),
  'an account id with a dash': change('accountId', '7012-3456'),
  'a negative account id': change('accountId', -1),
  'a route with a space': withRoute('order help'),
  'a route that is a number': withRoute(12),
  'a consumer that is a text': change('consumer', 'Zoë'),
  'a consumer id with white space before it': change('consumer.id', ' crm-1'),
  'a consumer id with white space after it': change('consumer.id', 'crm-1 '),
  'a consumer id with a line end': change('consumer.id', 'crm\n1'),
  'a consumer id with a bidi override': change('consumer.id', 'crm\u202e1'),
  'a consumer id that is a list': change('consumer.id', ['crm-1']),
  'a first name that is a number': change('consumer.firstName', 1),
  'an email that is a list': change('consumer.email', ['zoe@example.org']),
  'a phone number that is a number': change('consumer.phone', 4533112233),
  'a picture over http': change('consumer.avatarUrl', 'http://pictures.example.org/1.png'),
  'a picture at an IP address': change('consumer.avatarUrl', 'https://192.0.2.1/1.png'),
  'a picture with a password': change('consumer.avatarUrl', 'https://a:b@pictures.example.org/1.png'),
  'a picture with a space': change('consumer.avatarUrl', 'https://pictures.example.org/a b.png'),
  'a picture at a bare name': change('consumer.avatarUrl', 'https://pictures/1.png'),
  'a picture at a port of six digits': change('consumer.avatarUrl', 'https://a.example:123456/'),
  'attributes that are an object': change('engagementAttributes', { ctype: 'vip' }),
  'an attribute of another type': {
    ...wholeEvent,
    engagementAttributes: [{ type: 'purchase', info: { ctype: 'vip' } }],
  },
  'an attribute without a type': { ...wholeEvent, engagementAttributes: [{ info: { ctype: 'vip' } }] },
  'an attribute with the content of the other type': {
    ...wholeEvent,
    engagementAttributes: [{ type: 'personal', info: { ctype: 'vip' } }],
  },
  'a balance that is a text': customer({ balance: '12' }),
  'a company size with a fraction': customer({ companySize: 1.5 }),
  'a company size that is a text': customer({ companySize: '12' }),
  'a customer id with a tab': customer({ customerId: 'C\t1' }),
  'a customer id with white space after it': customer({ customerId: 'C-1 ' }),
  'a device id with a fraction': customer({ imei: 1.5 }),
  'a date without a year': customer({ lastPaymentDate: { day: 1, month: 2 } }),
  'a date that is a text': customer({ registrationDate: '2026-11-23' }),
  'an age without a year of birth': personal({ age: { month: 2, day: 3 } }),
  'a month of birth that is 0': personal({ age: { year: 1990, month: 0 } }),
  'another gender': personal({ gender: 'UNKNOWN' }),
  'the number of no gender': personal({ gender: 3 }),
  'another type of phone number': personal({ contacts: [{ phoneType: 'DESK', phone: '1' }] }),
  'a country with a digit': personal({ contacts: [{ address: { country: 'D1' } }] }),
  'a language without a country': personal({ language: 'pt' }),
  'a language with two separators': personal({ language: 'pt--BR' }),
  'another ttr': change('ttr', 'SOON'),
  'a ttr in lower case': change('ttr', 'urgent'),
  'a message that is a number': change('message', 1),
  'a message that is an object': change('message', { text: 'Hello' }),
}).map(([name, input]) => ({ name, input }))
