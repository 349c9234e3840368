import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseStageConfig } from '../../../lib/config/stage.ts'
import { InvalidConfigError } from '../../../lib/errors/errors.ts'
import { DOORS } from '../../../lib/request/conversation-request.ts'
import { anyJson } from '../../support/requests.ts'

const tokens = {
  issuer: 'https://id.example.com/',
  audience: 'campaign-conversations',
  jwksUrl: 'https://id.example.com/jwks.json',
  algorithms: ['RS256'],
}
const route = { campaignId: '3120045610', engagementId: 3120047710 }
const at = { name: 'config/x.json', loopback: false }

describe('parseStageConfig', () => {
  test('missing members get their safe defaults', () => {
    expect(parseStageConfig({ accounts: [{ accountId: '70123456', routes: { help: route } }] }, at)).toEqual({
      origins: [],
      giveUpAfterHours: 72,
      accounts: [
        {
          accountId: '70123456',
          form: { consumers: 'anonymous', campaigns: 'listed' },
          queue: { campaigns: 'any' },
          onLostAnswer: 'repeat',
          routes: {
            help: {
              campaignId: '3120045610',
              engagementId: '3120047710',
              ttr: 'NORMAL',
              doors: ['form', 'queue'],
              engagementAttributes: [],
            },
          },
        },
      ],
    })
  })

  test('an error lists every mistake', () => {
    const config = {
      origins: ['*', 'www.example.com'],
      acounts: [],
      accounts: [
        {
          accountId: '',
          form: { consumers: 'everybody' },
          routes: { a: { campaignId: 'x', engagementId: 1 } },
        },
      ],
    }
    expect(() => parseStageConfig(config, at)).toThrow(
      'config/x.json: origins.1 must be an origin such as https://www.example.com;' +
        ' accounts.0.accountId must be a LivePerson account id of 1 to 32 letters or digits;' +
        ' accounts.0.form.consumers must be one of anonymous, token, both;' +
        ' accounts.0.routes.a.campaignId must be a decimal id: a string of 1 to 19 digits, or a safe integer;' +
        ' acounts is an unknown key.',
    )
  })

  test.each([
    ['a file that is not an object', [], 'the file must be an object.'],
    ['no accounts', {}, 'accounts is missing.'],
    [
      'a route name with a space',
      { accounts: [{ accountId: '7', routes: { 'order help': route } }] },
      'accounts.0.routes.order help must be 1 to 64 letters, digits, _ or -.',
    ],
    [
      'a route without doors',
      { accounts: [{ accountId: '7', routes: { a: { ...route, doors: [] } } }] },
      'accounts.0.routes.a.doors must have at least 1 item.',
    ],
    [
      'a route with an unknown door',
      { accounts: [{ accountId: '7', routes: { a: { ...route, doors: ['chat'] } } }] },
      'accounts.0.routes.a.doors.0 must be one of form, queue.',
    ],
    [
      'tokens with an empty issuer and no URL',
      {
        accounts: [
          { accountId: '7', form: { consumers: 'both', tokens: { ...tokens, issuer: '', jwksUrl: 'jwks' } } },
        ],
      },
      'tokens.issuer must have at least 1 character; accounts.0.form.tokens.jwksUrl must be a URL.',
    ],
    ['an empty list of accounts', { accounts: [] }, 'accounts must have at least 1 item.'],
    [
      'an account twice',
      { accounts: [{ accountId: '7' }, { accountId: '7' }] },
      'accounts.1.accountId is a duplicate',
    ],
    [
      'a second default account',
      {
        accounts: [
          { accountId: '7', default: true },
          { accountId: '8', default: false },
          { accountId: '9', default: true },
        ],
      },
      'accounts.2.default is true, but another account is the default already.',
    ],
    [
      'a default that is not a boolean',
      { accounts: [{ accountId: '7', default: 'yes' }] },
      'accounts.0.default must be a boolean.',
    ],
    [
      'a give-up age of no hours',
      { giveUpAfterHours: 0, accounts: [{ accountId: '7' }] },
      'giveUpAfterHours must be at least 1.',
    ],
    [
      'a give-up age of more than a week',
      { giveUpAfterHours: 169, accounts: [{ accountId: '7' }] },
      'giveUpAfterHours must be at most 168.',
    ],
    [
      'a give-up age of half an hour',
      { giveUpAfterHours: 0.5, accounts: [{ accountId: '7' }] },
      'giveUpAfterHours must be an integer.',
    ],
    [
      'a route name in two accounts',
      {
        accounts: [
          { accountId: '7', routes: { a: route } },
          { accountId: '8', routes: { a: route } },
        ],
      },
      'accounts.1.routes.a is already a route of account 7',
    ],
    [
      'consumer tokens that are required but not configured',
      { accounts: [{ accountId: '7', form: { consumers: 'token' } }] },
      'accounts.0.form.tokens is missing, but consumers is token',
    ],
    [
      '* and tokens',
      { origins: ['*'], accounts: [{ accountId: '7', form: { consumers: 'both', tokens } }] },
      'origins must not contain *',
    ],
    [
      'a JWKS by http',
      {
        accounts: [
          {
            accountId: '7',
            form: { consumers: 'both', tokens: { ...tokens, jwksUrl: 'http://id.example.com/' } },
          },
        ],
      },
      'jwksUrl must be an https URL',
    ],
    [
      'a bot check by http',
      {
        accounts: [{ accountId: '7', form: { botCheck: { verifyUrl: 'http://challenges.example.com/' } } }],
      },
      'accounts.0.form.botCheck.verifyUrl must be an https URL',
    ],
    [
      'a bot check without anonymous forms',
      {
        accounts: [
          {
            accountId: '7',
            form: { consumers: 'token', tokens, botCheck: { verifyUrl: 'https://challenges.example.com/' } },
          },
        ],
      },
      'accounts.0.form.botCheck applies to anonymous forms only',
    ],
    [
      'an origin in upper case',
      { origins: ['https://www.Example.com'], accounts: [{ accountId: '7' }] },
      'origins.0 must be written as browsers send it',
    ],
    [
      'an origin with the default port',
      { origins: ['https://www.example.com:443'], accounts: [{ accountId: '7' }] },
      'origins.0 must be written as browsers send it',
    ],
    [
      'HS256',
      {
        accounts: [
          { accountId: '7', form: { consumers: 'both', tokens: { ...tokens, algorithms: ['HS256'] } } },
        ],
      },
      'algorithms.0 must be one of',
    ],
  ])('%s is refused', (_, config, message) => {
    expect(() => parseStageConfig(config, at)).toThrow(message)
  })

  test.each([1, 168])('the service may give up after %i hours', (giveUpAfterHours) => {
    const config = { giveUpAfterHours, accounts: [{ accountId: '7' }] }
    expect(parseStageConfig(config, at).giveUpAfterHours).toBe(giveUpAfterHours)
  })

  test.each<[string, readonly object[]]>([
    ['no account', [{ accountId: '7' }, { accountId: '8' }]],
    ['one account', [{ accountId: '7' }, { accountId: '8', default: true }]],
    ['the only account', [{ accountId: '7', default: true }]],
  ])('%s may be marked as the default', (_, accounts) => {
    expect(parseStageConfig({ accounts }, at).accounts).toMatchObject(accounts)
  })

  test('a JWKS may be on this machine only if the Domain API is', () => {
    const config = {
      accounts: [
        {
          accountId: '7',
          form: { consumers: 'both', tokens: { ...tokens, jwksUrl: 'http://127.0.0.1:4000/jwks' } },
        },
      ],
    }
    expect(parseStageConfig(config, { ...at, loopback: true }).accounts).toHaveLength(1)
    expect(() => parseStageConfig(config, at)).toThrow('must be an https URL')
  })
})

test('any JSON is a stage configuration or refused with an InvalidConfigError', () => {
  const orAny = (valid: unknown) =>
    fc.oneof({ weight: 9, arbitrary: fc.constant(valid) }, { weight: 1, arbitrary: anyJson })
  const account = fc.record(
    {
      accountId: fc.constantFrom('7', '8', '9'),
      form: orAny({ campaigns: 'any' }),
      queue: orAny({ campaigns: 'listed' }),
      routes: orAny({ a: route }),
    },
    { requiredKeys: ['accountId'] },
  )
  const near = fc.record(
    { origins: orAny(['https://www.example.com']), accounts: fc.array(account, { maxLength: 2 }) },
    { requiredKeys: ['accounts'] },
  )
  const outcomes = new Set<string>()
  fc.assert(
    fc.property(fc.oneof(anyJson, near), (value) => {
      try {
        expect(parseStageConfig(value, at).accounts.length).toBeGreaterThan(0)
        outcomes.add('accepted')
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidConfigError)
        outcomes.add('refused')
      }
    }),
    { numRuns: 500 },
  )
  expect(outcomes).toEqual(new Set(['accepted', 'refused']))
})

test('every door may use a route by default, and has settings in every account', () => {
  const [account] = parseStageConfig({ accounts: [{ accountId: '7', routes: { a: route } }] }, at).accounts
  expect(account?.routes.a?.doors).toEqual(DOORS)
  for (const door of DOORS) expect(account?.[door].campaigns).toBeDefined()
})
