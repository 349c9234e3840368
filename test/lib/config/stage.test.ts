import { describe, expect, test } from 'vitest'
import { parseStageConfig } from '../../../lib/config/stage.ts'

const tokens = {
  issuer: 'https://id.example.com/',
  audience: 'campaign-conversations',
  jwksUrl: 'https://id.example.com/jwks.json',
  algorithms: ['RS256'],
}
const route = { campaignId: '3120045610', engagementId: 3120047710 }
const at = { name: 'config/x.json', loopback: false }

describe('parseStageConfig', () => {
  test('what is left out gets its default, the safe one', () => {
    expect(parseStageConfig({ accounts: [{ accountId: '70123456', routes: { help: route } }] }, at)).toEqual({
      origins: [],
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

  test('all mistakes are told at once', () => {
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
        ' accounts.0.accountId must be a LivePerson account id;' +
        ' accounts.0.form.consumers must be one of anonymous, token, both;' +
        ' accounts.0.routes.a.campaignId must be a decimal id, a string or a safe integer;' +
        ' acounts is not a known member.',
    )
  })

  test.each([
    ['no account', { accounts: [] }, 'accounts must have at least 1'],
    [
      'an account twice',
      { accounts: [{ accountId: '7' }, { accountId: '7' }] },
      'accounts.1.accountId stands twice',
    ],
    [
      'a route of two accounts',
      {
        accounts: [
          { accountId: '7', routes: { a: route } },
          { accountId: '8', routes: { a: route } },
        ],
      },
      'accounts.1.routes.a is the name of a route of account 7 already',
    ],
    [
      'tokens asked for, none configured',
      { accounts: [{ accountId: '7', form: { consumers: 'token' } }] },
      'accounts.0.form.tokens is needed',
    ],
    [
      '* beside tokens',
      { origins: ['*'], accounts: [{ accountId: '7', form: { consumers: 'both', tokens } }] },
      'origins must not be *',
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
      'jwksUrl must be an https address',
    ],
    [
      'a bot check by http',
      {
        accounts: [{ accountId: '7', form: { botCheck: { verifyUrl: 'http://challenges.example.com/' } } }],
      },
      'accounts.0.form.botCheck.verifyUrl must be an https address',
    ],
    [
      'a bot check where nobody is anonymous',
      {
        accounts: [
          {
            accountId: '7',
            form: { consumers: 'token', tokens, botCheck: { verifyUrl: 'https://challenges.example.com/' } },
          },
        ],
      },
      'accounts.0.form.botCheck is for anonymous forms',
    ],
    [
      'an origin that no browser sends',
      { origins: ['https://www.Example.com'], accounts: [{ accountId: '7' }] },
      'origins.0 must be written as browsers send it',
    ],
    [
      'an origin with its usual port',
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

  test('a JWKS on this machine is taken beside a Domain API on this machine only', () => {
    const config = {
      accounts: [
        {
          accountId: '7',
          form: { consumers: 'both', tokens: { ...tokens, jwksUrl: 'http://127.0.0.1:4000/jwks' } },
        },
      ],
    }
    expect(parseStageConfig(config, { ...at, loopback: true }).accounts).toHaveLength(1)
    expect(() => parseStageConfig(config, at)).toThrow('must be an https address')
  })
})
