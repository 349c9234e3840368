import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod/mini'
import { conflictsOf, NO_TYPE, tokenIssuer, tokenWarnings } from '../../../lib/config/tokens.ts'

// stage.test.ts has the rules of a whole file.

const entry = {
  issuer: 'https://id.example.com/',
  audience: ['campaign-conversations'],
  jwksUrl: 'https://id.example.com/jwks.json',
  algorithms: ['RS256'],
  consumerId: { claim: 'sub', prefix: 'web-' },
}
const pathsOf = (findings: readonly { readonly path: string }[]) => findings.map(({ path }) => path)

test('an entry accepts tokens without a type by default', () => {
  expect(z.parse(tokenIssuer, entry).types).toEqual(['JWT', 'at+jwt', NO_TYPE])
})

describe('conflicts of entries', () => {
  const prefixes = fc.array(fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 3 }), { maxLength: 5 })
  const toEntries = (list: readonly (string | undefined)[]) =>
    list.map((prefix, index) => ({ issuer: `https://id-${index}.example.com/`, prefix }))

  test('are found if and only if one prefix starts another', () => {
    fc.assert(
      fc.property(prefixes, (list) => {
        const clashes = list.some((one, index) => list.slice(index + 1).some((other) => isStart(one, other)))
        expect(conflictsOf(toEntries(list), 'at').length > 0).toBe(clashes)
      }),
    )
  })

  const isStart = (one: string, other: string) => one.startsWith(other) || other.startsWith(one)

  test('name the later entry, and each entry once', () => {
    expect(pathsOf(conflictsOf(toEntries(['a-', 'b-', '', 'a-']), 'at'))).toEqual([
      'at.2.consumerId.prefix',
      'at.3.consumerId.prefix',
    ])
    const twice = { issuer: entry.issuer, prefix: undefined }
    expect(pathsOf(conflictsOf([twice, twice, twice], 'at'))).toEqual(['at.1.issuer', 'at.2.issuer'])
  })

  test('don’t include entries that are invalid in themselves', () => {
    const invalid = { issuer: undefined, prefix: undefined }
    expect(conflictsOf([invalid, invalid], 'at')).toEqual([])
  })
})

test('an entry can have several warnings', () => {
  const members = { audience: ['web', 'app'], consumerId: { claim: 'phone_number', prefix: '' } }
  expect(pathsOf(tokenWarnings(z.parse(tokenIssuer, { ...entry, ...members }), 'at'))).toEqual([
    'at.audience',
    'at.consumerId.prefix',
    'at.consumerId.claim',
  ])
  expect(tokenWarnings(z.parse(tokenIssuer, entry), 'at')).toEqual([])
})

describe('the claim with the consumer id', () => {
  test.each(['iss', 'tid', 'cid', 'scp', 'amr', 'session_state', 'at_hash'])('can’t be %s', (claim) => {
    const consumerId = { claim, prefix: '' }
    expect(z.safeParse(tokenIssuer, { ...entry, consumerId }).success).toBe(false)
  })

  test.each(['sub', 'oid', 'uid', 'user_id', 'cognito:username', 'https://example.com/customer'])(
    'can be %s',
    (claim) => {
      const parsed = z.parse(tokenIssuer, { ...entry, consumerId: { claim, prefix: 'web-' } })
      expect(tokenWarnings(parsed, 'at')).toEqual([])
    },
  )

  test.each([
    ['https://login.microsoftonline.com/33333333-3333-4333-8333-333333333333/v2.0', true],
    ['https://login.microsoftonline.us/33333333-3333-4333-8333-333333333333/v2.0', true],
    ['https://login.partner.microsoftonline.cn/33333333-3333-4333-8333-333333333333/v2.0', true],
    ['https://sts.windows.net/33333333-3333-4333-8333-333333333333/', true],
    ['https://nord.b2clogin.com/33333333-3333-4333-8333-333333333333/v2.0/', true],
    ['https://nord.ciamlogin.com/33333333-3333-4333-8333-333333333333/v2.0', true],
    ['https://login.microsoftonline.com.example.com/', false],
    ['https://id.example.com/sts.windows.net', false],
    ['nord.b2clogin.com', false],
  ])('should be oid if the issuer is %s: %s', (issuer, isMicrosoft) => {
    const warnings = (claim: string) =>
      pathsOf(
        tokenWarnings(z.parse(tokenIssuer, { ...entry, issuer, consumerId: { claim, prefix: 'a-' } }), 'at'),
      )
    expect(warnings('sub')).toEqual(isMicrosoft ? ['at.consumerId.claim'] : [])
    expect(warnings('oid')).toEqual([])
  })
})
