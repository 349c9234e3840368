import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { TokenIssuer } from '../../../lib/config/tokens.ts'
import { findFault, isVerified } from '../../../lib/consumer/token-checks.ts'

// test/security/tokens.test.ts has the kinds of token one by one.

const NOW = 1_800_000_000
const ISSUER: TokenIssuer = {
  issuer: 'https://id.example.com/',
  audience: ['web', 'app'],
  jwksUrl: 'https://id.example.com/jwks.json',
  algorithms: ['RS256'],
  types: ['JWT', 'at+jwt', 'absent'],
  consumerId: { claim: 'sub', prefix: 'web-' },
  leewaySeconds: 5,
  maxLifetimeHours: 24,
  cognitoAccessTokens: false,
}
const BY_OID = { consumerId: { claim: 'oid', prefix: 'web-' } }
const CLAIMS = { iss: ISSUER.issuer, aud: 'web', sub: '20731', iat: NOW - 60, exp: NOW + 3600 }

const faultOf = (claims: object, issuer: Partial<TokenIssuer> = {}, header: object = {}) =>
  findFault({ header: { ...header }, claims: { ...CLAIMS, ...claims } }, { ...ISSUER, ...issuer }, NOW)

describe('a token has no fault', () => {
  test.each<[string, object, Partial<TokenIssuer>, object]>([
    ['as providers issue it', {}, {}, { typ: 'JWT' }],
    ['with one of several audiences', { aud: ['x', 'app'] }, {}, {}],
    ['at the very end of its life', { iat: NOW - 86_400, exp: NOW }, {}, {}],
    ['issued at the very end of the leeway', { iat: NOW + 5 }, {}, {}],
    ['with times that have fractions', { iat: NOW - 0.5, exp: NOW + 60.5 }, {}, {}],
    ['without iat, if it ends within the lifetime', { iat: undefined, exp: NOW + 86_405 }, {}, {}],
    ['with clients that are all listed', { azp: 'a', client_id: 'b' }, { clients: ['a', 'b'] }, {}],
    ['of a user, as Entra ID says it', { idtyp: 'user', oid: 'a' }, BY_OID, {}],
    ['without sub, if another claim has the id', { sub: undefined, oid: 'a' }, BY_OID, {}],
    ['with a sentence as sub, if another claim has the id', { sub: 'Use oid.', oid: 'a' }, BY_OID, {}],
    ['with a type that the issuer invented', {}, { types: ['vnd.example+jwt'] }, { typ: 'VND.Example+jwt' }],
  ])('%s', (_, claims, issuer, header) => {
    expect(faultOf(claims, issuer, header)).toBeUndefined()
  })
})

describe('a token has a fault', () => {
  test.each<[string, object, Partial<TokenIssuer>, object, string]>([
    ['of its kind before that of its recipient', { aud: 'x', cnf: {} }, {}, {}, 'has cnf'],
    ['a second after the leeway', { iat: NOW + 6 }, {}, {}, 'iat is missing or invalid'],
    ['a second beyond the lifetime', { iat: NOW, exp: NOW + 86_401 }, {}, {}, 'valid for too long'],
    ['a second beyond the lifetime, without iat', { iat: undefined, exp: NOW + 86_406 }, {}, {}, 'too long'],
    ['without a type, if one is required', {}, { types: ['JWT'] }, {}, 'typ is not accepted'],
    ['with a type, if none is allowed', {}, { types: ['absent'] }, { typ: 'JWT' }, 'typ is not accepted'],
    ['with no audience', { aud: undefined }, {}, {}, 'aud is missing or invalid'],
    ['with an empty list of audiences', { aud: [] }, {}, {}, 'aud is missing or invalid'],
    ['with an audience of another type', { aud: { web: 'web' } }, {}, {}, 'aud is missing or invalid'],
    ['with an audience in a list of another type', { aud: ['web', 5] }, {}, {}, 'aud is missing or invalid'],
    ['of an application, as Entra ID says it', { idtyp: 'app', oid: 'a' }, BY_OID, {}, 'for an application'],
    ['with a number for sub', { sub: 20731 }, {}, {}, 'sub is missing or invalid'],
    ['with null for sub', { sub: null }, {}, {}, 'sub is missing or invalid'],
    [
      'with a list for sub, although another claim has the id',
      { sub: ['20731'], oid: 'a' },
      BY_OID,
      {},
      'sub is missing or invalid',
    ],
  ])('%s', (_, claims, issuer, header, fault) => {
    expect(faultOf(claims, issuer, header)).toContain(fault)
  })
})

describe('a consumer id with white space in it', () => {
  const hint =
    'has white space in it, so it may be the same for everybody. Set consumerId.claim of its issuer to a claim' +
    ' that identifies a person, such as oid with Azure AD B2C.'

  test.each<[string, string]>([
    ['a sentence', 'This claim is not supported.'],
    ['a space before it', ' 20731'],
    ['a space behind it', '20731 '],
    ['a tab', 'a\tb'],
    ['a line break', 'a\r\nb'],
    ['nothing but a space', ' '],
    ['a no-break space', 'a\u00a0b'],
    ['an ideographic space', 'a\u3000b'],
    ['a next-line character', 'a\u0085b'],
    ['a paragraph separator', 'a\u2029b'],
  ])('has a fault that names the setting: %s', (_, id) => {
    expect(faultOf({ sub: id })).toBe(`The consumer token's sub ${hint}`)
    expect(faultOf({ oid: id }, BY_OID)).toBe(`The consumer token's oid ${hint}`)
    expect(faultOf({ sub: id, oid: 'a' }, BY_OID)).toBeUndefined()
  })

  test('has a fault wherever the white space is, and no other id has this one', () => {
    const white = fc.constantFrom(
      ...' \t\n\v\f\r\u0085\u00a0\u1680\u2003\u2028\u2029\u202f\u205f\u3000\ufeff',
    )
    const black = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !/[\s\u0085]/u.test(text))
    fc.assert(
      fc.property(black, white, black, fc.boolean(), (start, space, end, hasSpace) => {
        const fault = faultOf({ sub: hasSpace ? `${start}${space}${end}` : `${start}${end}` })
        expect(fault).toBe(hasSpace ? `The consumer token's sub ${hint}` : undefined)
      }),
      { numRuns: 1000 },
    )
  })
})

const anyValue = fc.oneof(fc.jsonValue(), fc.constantFrom(Number.POSITIVE_INFINITY, undefined))

test('a fault says nothing of the token’s values', () => {
  const names = ['aud', 'azp', 'client_id', 'token_use', 'sub', 'cnf', 'events', 'email_verified', 'iat']
  const anyClaims = fc.dictionary(fc.constantFrom(...names), fc.oneof(anyValue, fc.constant('secret-words')))
  fc.assert(
    fc.property(anyClaims, anyValue, fc.boolean(), (claims, typ, cognitoAccessTokens) => {
      const fault = faultOf(claims, { cognitoAccessTokens }, typ === undefined ? {} : { typ })
      expect(fault ?? '').not.toContain('secret-words')
      expect(fault ?? 'The consumer token').toMatch(/^The consumer token/)
    }),
    { numRuns: 1000 },
  )
})

test('a token without a listed audience always has a fault', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.boolean(), (aud, cognitoAccessTokens) => {
      const list = Array.isArray(aud) ? aud : [aud]
      const isListed =
        list.every((item) => typeof item === 'string') &&
        list.some((item) => item === 'web' || item === 'app')
      expect(faultOf({ aud }, { cognitoAccessTokens }) === undefined).toBe(isListed)
    }),
  )
})

describe('a claim is verified', () => {
  test.each<[unknown, boolean]>([
    [undefined, true],
    [null, true],
    [true, true],
    ['true', true],
    ['TRUE', true],
    [false, false],
    ['false', false],
    ['FALSE', false],
    ['', false],
    [0, false],
    [1, false],
    [[], false],
    [{}, false],
  ])('if the statement about it is %j: %s', (statement, expected) => {
    expect(isVerified({ email_verified: statement }, 'email')).toBe(expected)
    expect(isVerified({ phone_number_verified: statement }, 'phone_number')).toBe(expected)
    expect(isVerified({ email_verified: statement, sub_verified: statement }, 'sub')).toBe(true)
  })
})
