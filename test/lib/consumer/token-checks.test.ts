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
  ])('%s', (_, claims, issuer, header, fault) => {
    expect(faultOf(claims, issuer, header)).toContain(fault)
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
      const isListed = [aud].flat().some((item) => item === 'web' || item === 'app')
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
