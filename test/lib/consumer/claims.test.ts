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

describe('the picture', () => {
  const withPicture = (picture: unknown) => consumerOf({ picture })

  test.each([
    ['https://cdn.example.com/ana.jpg', 'https://cdn.example.com/ana.jpg'],
    ['https://cdn.example.com:8443/a?size=64#x', 'https://cdn.example.com:8443/a?size=64#x'],
    ['HTTPS://CDN.Example.com/a b.jpg', 'https://cdn.example.com/a%20b.jpg'],
    [' https://cdn.example.com/\na.jpg', 'https://cdn.example.com/a.jpg'],
    [`https://cdn.example.com/${'x'.repeat(2024)}`, `https://cdn.example.com/${'x'.repeat(2024)}`],
  ])('%j is the avatar %s, as it was checked', (picture, avatarUrl) => {
    expect(withPicture(picture)).toMatchObject({ avatarUrl, warnings: [] })
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
    const message = 'was left out, because it is not a valid avatarUrl'
    expect(withPicture(picture)).toMatchObject({
      avatarUrl: undefined,
      warnings: [{ path: 'token.picture', message }],
    })
  })

  test.each([undefined, null])('that is %s is no picture', (picture) => {
    expect(withPicture(picture)).toMatchObject({ avatarUrl: undefined, warnings: [] })
  })
})

test('control and bidi-override characters are removed from every text, with a warning for each', () => {
  const message = 'had control or bidi-override characters, which were removed'
  const whole = consumerOf({
    given_name: 'A\u202ena',
    family_name: 'Iversen',
    email: 'ana\u0000@example.org',
    lp_sdes: [ctmrinfo, personal({ company: 'No\u001b[31mrd', contacts: [{ phone: '\u2066+45' }] })],
  })
  expect(whole).toMatchObject({
    firstName: 'Ana',
    email: 'ana@example.org',
    engagementAttributes: [ctmrinfo, personal({ company: 'No[31mrd', contacts: [{ phone: '+45' }] })],
  })
  expect(whole).toHaveProperty(
    'warnings',
    ['given_name', 'email', 'lp_sdes.1.personal.contacts.0.phone', 'lp_sdes.1.personal.company'].map(
      (path) => ({ path: `token.${path}`, message }),
    ),
  )
})

test('claims of a wrong type are named, and never quoted', () => {
  expect(consumerOf({ given_name: ['secret-words'] })).toBe(
    "The consumer token's given_name is missing or invalid.",
  )
  expect(consumerOf({ lp_sdes: [{ type: 'secret-words' }] })).toBe(
    "The consumer token's lp_sdes.0.type is missing or invalid.",
  )
})
