import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TokenIssuer } from '../../../lib/config/tokens.ts'
import { toConsumer } from '../../../lib/consumer/claims.ts'

const ISSUER: TokenIssuer = {
  issuer: 'https://id.example.com/',
  audience: ['web'],
  jwksUrl: 'https://id.example.com/jwks.json',
  algorithms: ['RS256'],
  types: ['JWT'],
  consumerId: { claim: 'sub', prefix: 'web-' },
  leewaySeconds: 5,
  maxLifetimeHours: 24,
  cognitoAccessTokens: false,
}
const consumerOf = (claims: object, consumerId = ISSUER.consumerId) =>
  toConsumer({ sub: '20731', ...claims }, { ...ISSUER, consumerId })
const personal = (members: object) => ({ type: 'personal', personal: members })
const ctmrinfo = { type: 'ctmrinfo', info: { ctype: 'vip' } }

test('the consumer id is the prefix and the claim', () => {
  expect(consumerOf({})).toMatchObject({ consumerId: 'web-20731' })
  expect(consumerOf({ oid: 'x y' }, { claim: 'oid', prefix: '' })).toMatchObject({ consumerId: 'x y' })
})

test('no claim makes an id that the service could derive from a request', () => {
  const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 })
  const cut = fc.integer({ min: 0, max: 71 })
  fc.assert(
    fc.property(hex, cut, (digest, index) => {
      const id = `request-${digest}`
      const result = consumerOf({ sub: id.slice(index) }, { claim: 'sub', prefix: id.slice(0, index) })
      expect(result).toBe("The consumer token's sub has the form of an id that this service makes.")
    }),
  )
})

describe('the attributes are the token’s', () => {
  test.each<[string, object, readonly object[]]>([
    ['nothing, if it says nothing', {}, []],
    ['names alone', { given_name: 'Ana' }, [personal({ firstname: 'Ana' })]],
    [
      'names and contacts, after its other attributes',
      { family_name: 'Iversen', email: 'a@example.org', phone_number: '+45', lp_sdes: [ctmrinfo] },
      [ctmrinfo, personal({ lastname: 'Iversen', contacts: [{ email: 'a@example.org', phone: '+45' }] })],
    ],
    [
      'its own personal attribute, as it is',
      { given_name: 'Ana', lp_sdes: [personal({ company: 'Nord' })] },
      [personal({ company: 'Nord' })],
    ],
    [
      'its own personal attribute without unverified contacts',
      {
        email_verified: false,
        phone_number_verified: 'false',
        lp_sdes: [
          personal({
            company: 'Nord',
            contacts: [
              { email: 'a@example.org' },
              { phone: '+45', phoneType: 'HOME', address: { country: 'DK' } },
            ],
          }),
        ],
      },
      [personal({ company: 'Nord', contacts: [{ address: { country: 'DK' } }] })],
    ],
    [
      'no attribute that has unverified contacts only',
      { email_verified: false, lp_sdes: [ctmrinfo, personal({ contacts: [{ email: 'a@example.org' }] })] },
      [ctmrinfo],
    ],
    [
      'verified contacts beside unverified ones',
      {
        phone_number_verified: false,
        lp_sdes: [personal({ contacts: [{ email: 'a@example.org', phone: '+45' }] })],
      },
      [personal({ contacts: [{ email: 'a@example.org' }] })],
    ],
    [
      'at most ten, so that what is handed over stays valid',
      { given_name: 'Ana', lp_sdes: Array.from({ length: 10 }, () => ctmrinfo) },
      Array.from({ length: 10 }, () => ctmrinfo),
    ],
  ])('%s', (_, claims, engagementAttributes) => {
    expect(consumerOf(claims)).toMatchObject({ engagementAttributes })
  })
})

test('an unverified email is replaced neither by a contact of an attribute nor kept', () => {
  const lp_sdes = [personal({ contacts: [{ email: 'b@example.org', phone: '+45' }] })]
  expect(consumerOf({ email: 'a@example.org', email_verified: false, lp_sdes })).toMatchObject({
    email: undefined,
    phone: '+45',
  })
})

test('the picture is passed on unchecked', () => {
  for (const picture of ['https://cdn.example.com/a.jpg', 5, null, undefined])
    expect(consumerOf({ picture })).toMatchObject({ picture })
})

test('claims of a wrong type are named, and never quoted', () => {
  expect(consumerOf({ given_name: ['secret-words'] })).toBe(
    "The consumer token's given_name is missing or invalid.",
  )
  expect(consumerOf({ lp_sdes: [{ type: 'secret-words' }] })).toBe(
    "The consumer token's lp_sdes.0.type is missing or invalid.",
  )
})
