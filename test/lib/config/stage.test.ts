import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseStageConfig, type StageConfig, warningsOf } from '../../../lib/config/stage.ts'
import { InvalidConfigError } from '../../../lib/errors/errors.ts'
import { DOORS } from '../../../lib/request/conversation-request.ts'
import { anyJson } from '../../support/requests.ts'

const issuer = {
  issuer: 'https://id.example.com/',
  audience: ['campaign-conversations'],
  jwksUrl: 'https://id.example.com/jwks.json',
  algorithms: ['RS256'],
  consumerId: { claim: 'sub', prefix: 'web-' },
}
const tokens = [issuer]
const route = { campaignId: '3120045610', engagementId: 3120047710, doors: ['form', 'queue'] }
const botCheck = { verifyUrl: 'https://challenges.example.com/', hostnames: ['www.example.com'] }
/** A stage with one account, whose form has these members. */
const withForm = (form: object, account: object = {}) => ({
  accounts: [{ accountId: '7', form, ...account }],
})
const withIssuer = (members: object) => withForm({ consumers: 'both', tokens: [{ ...issuer, ...members }] })
const at = { name: 'config/x.json', loopback: false }

describe('parseStageConfig', () => {
  test('missing members get their safe defaults', () => {
    expect(parseStageConfig({ accounts: [{ accountId: '70123456', routes: { help: route } }] }, at)).toEqual({
      origins: [],
      allowedHeaders: [],
      giveUpAfterHours: 72,
      accounts: [
        {
          accountId: '70123456',
          form: { consumers: 'anonymous', campaigns: 'listed', anonymousAttributes: 'rejected' },
          queue: { campaigns: 'any' },
          onLostAnswer: 'repeat',
          routes: {
            help: {
              campaignId: '3120045610',
              engagementId: '3120047710',
              ttr: 'NORMAL',
              ttrAllowed: [],
              doors: ['form', 'queue'],
              engagementAttributes: [],
            },
          },
        },
      ],
    })
  })

  test('pages of listed sites, and where a consumer goes on', () => {
    const pages = { thanks: 'https://www.example.com/thanks?a=1#b', problem: 'http://localhost:8080/problem' }
    const listed = { ...route, ...pages }
    for (const origins of [['https://www.example.com', 'http://localhost:8080'], ['*']]) {
      const account = { accountId: '7', continue: 'https://m.example.com/', routes: { a: listed } }
      const [parsed] = parseStageConfig({ origins, accounts: [account] }, at).accounts
      expect(parsed?.continue).toBe('https://m.example.com/')
      expect(parsed?.routes.a).toMatchObject(pages)
    }
  })

  test.each([
    [
      'https://www.example.com/danke-schön/日本?ü=ü#ü',
      'danke-sch%C3%B6n/%E6%97%A5%E6%9C%AC?%C3%BC=%C3%BC#%C3%BC',
    ],
    ['https://www.example.com/a\r\nX: y', 'aX:%20y'],
    [' https://WWW.example.com:443/a/../b ', 'b'],
    ['https://www.example.com\\evil.example', 'evil.example'],
    ['https://www.example.com', ''],
  ])('an address is kept as browsers write it, so that a header can have it: %j', (written, path) => {
    const account = {
      accountId: '7',
      continue: written,
      routes: { a: { ...route, thanks: written, problem: written } },
    }
    const address = `https://www.example.com/${path}`
    const [parsed] = parseStageConfig(
      { origins: ['https://www.example.com'], accounts: [account] },
      at,
    ).accounts
    expect(parsed).toMatchObject({
      continue: address,
      routes: { a: { thanks: address, problem: address } },
    })
  })

  test('a page of a host in another alphabet is compared in Punycode, as browsers send the origin', () => {
    const a = { ...route, thanks: 'https://bücher.example/danke' }
    const config = {
      origins: ['https://xn--bcher-kva.example'],
      accounts: [{ accountId: '7', routes: { a } }],
    }
    const [parsed] = parseStageConfig(config, at).accounts
    expect(parsed?.routes.a?.thanks).toBe('https://xn--bcher-kva.example/danke')
  })

  test('an error lists every mistake', () => {
    const config = {
      origins: ['*', 'www.example.com'],
      acounts: [],
      accounts: [
        {
          accountId: '',
          form: { consumers: 'everybody' },
          routes: { a: { campaignId: 'x', engagementId: 1, doors: ['form'] } },
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
      'a route that doesn’t say its doors',
      { accounts: [{ accountId: '7', routes: { a: { ...route, doors: undefined } } }] },
      'accounts.0.routes.a.doors is missing: list the doors that may use it, of form, queue.',
    ],
    [
      'pages of other sites',
      {
        origins: ['https://www.example.com', 'null'],
        accounts: [
          {
            accountId: '7',
            continue: 'http://www.example.com/messages',
            routes: {
              a: {
                ...route,
                thanks: 'https://www.example.com.evil.example/',
                problem: 'javascript:alert(1)',
              },
              b: {
                ...route,
                thanks: 'https://www.example.com@evil.example/',
                problem: 'http://www.example.com/',
              },
            },
          },
        ],
      },
      'accounts.0.continue must be an https URL;' +
        ' accounts.0.routes.a.problem must be the address of a page;' +
        ' accounts.0.routes.a.thanks must be a page of a site that origins lists;' +
        ' accounts.0.routes.b.thanks must be a page of a site that origins lists;' +
        ' accounts.0.routes.b.problem must be a page of a site that origins lists.',
    ],
    [
      'an unsafe page, although all origins are listed',
      {
        origins: ['*'],
        accounts: [{ accountId: '7', routes: { a: { ...route, thanks: 'http://www.example.com/' } } }],
      },
      'accounts.0.routes.a.thanks must be a page of a site that origins lists.',
    ],
    ['an empty list of accounts', { accounts: [] }, 'accounts must have at least 1 item.'],
    [
      'an account twice',
      { accounts: [{ accountId: '7' }, { accountId: '7' }] },
      'accounts.1.accountId is listed twice: write one entry per account.',
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
      'accounts.2.default is true, but another account is the default already: mark one of them only.',
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
      'accounts.1.routes.a is already a route of account 7: choose another name.',
    ],
    [
      'an attribute twice in a route',
      {
        accounts: [
          {
            accountId: '7',
            routes: {
              a: {
                ...route,
                engagementAttributes: [
                  { type: 'ctmrinfo', info: { ctype: 'web' } },
                  { type: 'personal', personal: {} },
                  { type: 'ctmrinfo', info: { cstatus: 'gold' } },
                ],
              },
            },
          },
        ],
      },
      'accounts.0.routes.a.engagementAttributes.2.type is in the list twice: write one attribute per type',
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
      'null and tokens',
      {
        origins: ['https://www.example.com', 'null'],
        accounts: [{ accountId: '7', form: { consumers: 'both', tokens } }],
      },
      'origins must not contain null',
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
      'an origin on http',
      { origins: ['http://www.example.com'], accounts: [{ accountId: '7' }] },
      'origins.0 must use https: only pages on this machine (localhost, 127.0.0.1) may use http.',
    ],
    [
      'an origin with a password',
      { origins: ['https://:secret@www.example.com'], accounts: [{ accountId: '7' }] },
      'origins.0 must be written as browsers send it',
    ],
    [
      'a bot check without anonymous forms',
      withForm({ consumers: 'token', tokens, botCheck }),
      'accounts.0.form.botCheck applies to anonymous forms only, but consumers is token: remove one of them.',
    ],
    [
      'a bot check for any site',
      withForm({ botCheck: { verifyUrl: botCheck.verifyUrl } }),
      'accounts.0.form.botCheck.hostnames is missing: list the hosts of the pages with the form.',
    ],
    [
      'a bot check for no site',
      withForm({ botCheck: { ...botCheck, hostnames: [] } }),
      'accounts.0.form.botCheck.hostnames must have at least 1 item.',
    ],
    ...[
      'https://www.example.com',
      'www.example.com/',
      'www.example.com:443',
      'WWW.example.com',
      '*',
      ' ',
    ].map((hostname): [string, object, string] => [
      `a bot check for the host ${hostname}`,
      withForm({ botCheck: { ...botCheck, hostnames: [hostname] } }),
      'accounts.0.form.botCheck.hostnames.0 must be the name of a host in lower case, such as www.example.com',
    ]),
    [
      'anonymous attributes that are neither rejected nor allowed',
      withForm({ anonymousAttributes: true }),
      'accounts.0.form.anonymousAttributes must be one of rejected, allowed.',
    ],
    [
      'a ttr that LivePerson doesn’t know',
      { accounts: [{ accountId: '7', routes: { a: { ...route, ttrAllowed: ['SOON'] } } }] },
      'accounts.0.routes.a.ttrAllowed.0 must be one of URGENT, NORMAL, PRIORITIZED, CUSTOM.',
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

  test.each([
    ['of hybrid apps', ['capacitor://localhost', 'ionic://localhost', 'https://localhost', 'app://shop']],
    ['of Cordova on Android', ['file://']],
    ['of Tauri', ['http://tauri.localhost', 'https://tauri.localhost', 'tauri://localhost']],
    ['of hosts under localhost', ['http://wails.localhost:34115', 'http://a.b.localhost']],
    ['of browser extensions', ['chrome-extension://abcdefghijklmnopabcdefghijklmnop']],
    ['of pages whose browser sends none', ['https://www.example.com', 'null']],
  ])('origins may be those %s', (_, origins) => {
    expect(parseStageConfig({ origins, accounts: [{ accountId: '7' }] }, at).origins).toEqual(origins)
  })

  test.each([
    'Capacitor://localhost',
    'capacitor://Localhost',
    'capacitor://localhost/',
    'capacitor://me@localhost',
    'file://localhost',
    'file:///',
    'file:',
    'FILE://',
    'http://localhost.example.com',
    'http://tauri-localhost',
    'http://evillocalhost',
    'http://tauri.localhost.',
    'http://tauri.localhost/',
    'ws://localhost',
    'data://localhost',
    'blob://localhost',
    'javascript://localhost',
    'about://localhost',
    'NULL',
    'null, https://www.example.com',
  ])('%s is no origin', (origin) => {
    expect(() => parseStageConfig({ origins: [origin], accounts: [{ accountId: '7' }] }, at)).toThrow(
      /^config\/x\.json: origins\.0 must /,
    )
  })

  test.each(['X-Trace', 'x trace', '*', '', 'x-trace:'])('%j is no name of a header', (name) => {
    expect(() => parseStageConfig({ allowedHeaders: [name], accounts: [{ accountId: '7' }] }, at)).toThrow(
      'allowedHeaders.0 must be the name of a header in lower case, such as x-datadog-trace-id',
    )
  })

  test('pages on this machine may use http', () => {
    const origins = ['http://localhost:5173', 'http://127.0.0.1:5173', 'http://[::1]:5173']
    expect(parseStageConfig({ origins, accounts: [{ accountId: '7' }] }, at).origins).toEqual(origins)
  })

  test('mistakes in one part don’t hide those between the others', () => {
    const config = {
      origins: ['*', 'ftp://www.example.com'],
      accounts: [
        {
          accountId: '7',
          default: true,
          form: {
            consumers: 'token',
            campaigns: 'some',
            tokens: [
              { ...issuer, algorithms: ['HS256'] },
              { ...issuer, jwksUrl: 'https://10.0.0.1/', consumerId: { claim: '', prefix: 'web-2' } },
            ],
            botCheck: { verifyUrl: 'https://localhost/' },
          },
          routes: { a: { ...route, doors: [], consumers: 'both' } },
        },
        { accountId: '7', default: true, queue: [], routes: { a: {} } },
      ],
    }
    let message = ''
    try {
      parseStageConfig(config, at)
    } catch (error) {
      message = String(error)
    }
    const paths = message
      .split('; ')
      .map((finding) => finding.replace('Error: config/x.json: ', '').split(' ')[0])
    expect(paths.sort()).toEqual(
      [
        'origins',
        'origins.1',
        'accounts.0.form.campaigns',
        'accounts.0.form.tokens.0.algorithms.0',
        'accounts.0.form.tokens.1.issuer',
        'accounts.0.form.tokens.1.jwksUrl',
        'accounts.0.form.tokens.1.consumerId.claim',
        'accounts.0.form.tokens.1.consumerId.prefix',
        'accounts.0.form.botCheck',
        'accounts.0.form.botCheck.verifyUrl',
        'accounts.0.form.botCheck.hostnames',
        'accounts.0.routes.a.doors',
        'accounts.0.routes.a.consumers',
        'accounts.1.accountId',
        'accounts.1.default',
        'accounts.1.queue',
        'accounts.1.routes.a',
        'accounts.1.routes.a.campaignId',
        'accounts.1.routes.a.doors',
        'accounts.1.routes.a.engagementId',
      ].sort(),
    )
  })
})

describe('a route’s consumers', () => {
  const stageOf = (account: string, consumers: string) =>
    withForm(
      { consumers: account, ...(account !== 'anonymous' && { tokens }) },
      { routes: { a: { ...route, consumers } } },
    )

  test.each([
    ['anonymous', 'anonymous'],
    ['token', 'token'],
    ['both', 'anonymous'],
    ['both', 'token'],
    ['both', 'both'],
  ])('of an account for %s may be %s', (account, consumers) => {
    const [parsed] = parseStageConfig(stageOf(account, consumers), at).accounts
    expect(parsed?.routes.a?.consumers).toBe(consumers)
  })

  test.each([
    ['anonymous', 'token'],
    ['anonymous', 'both'],
    ['token', 'anonymous'],
    ['token', 'both'],
  ])('of an account for %s may not be %s', (account, consumers) => {
    expect(() => parseStageConfig(stageOf(account, consumers), at)).toThrow(
      `accounts.0.routes.a.consumers must not be wider than the account's consumers, which is ${account}: `,
    )
  })
})

describe('an address that the service calls is refused:', () => {
  const refused = 'must be an https URL with the name of a host (no IP address), without user or password'

  test.each([
    ['http', 'http://id.example.com/'],
    ['a password', 'https://:secret@id.example.com/'],
    ['a user', 'https://user@id.example.com/'],
    ['10/8', 'https://10.1.2.3/'],
    ['172.16/12', 'https://172.16.0.1/'],
    ['192.168/16', 'https://192.168.1.1/'],
    ['this machine', 'https://127.0.0.1/'],
    ['the metadata service', 'https://169.254.169.254/latest/meta-data'],
    ['any address', 'https://0.0.0.0/'],
    ['IPv6 loopback', 'https://[::1]/'],
    ['fc00::/7', 'https://[fd00:ec2::254]/'],
    ['fe80::/10', 'https://[fe80::1]/'],
    ['an IPv4-mapped address', 'https://[::ffff:10.0.0.1]/'],
    ['a decimal address', 'https://2130706433/'],
    ['a hexadecimal address', 'https://0x7f.0.0.1/'],
    ['an octal address', 'https://0177.0.0.1/'],
    ['localhost', 'https://localhost/'],
    ['this machine by http', 'http://127.0.0.1:4000/'],
  ])('%s', (_, url) => {
    expect(() => parseStageConfig(withIssuer({ jwksUrl: url }), at)).toThrow(
      `accounts.0.form.tokens.0.jwksUrl ${refused}`,
    )
    expect(() => parseStageConfig(withForm({ botCheck: { ...botCheck, verifyUrl: url } }), at)).toThrow(
      `accounts.0.form.botCheck.verifyUrl ${refused}`,
    )
  })

  test('unless it is on this machine, as the Domain API is', () => {
    const local = { ...at, loopback: true }
    for (const jwksUrl of ['http://127.0.0.1:4000/jwks', 'https://localhost/jwks', 'http://[::1]/jwks'])
      expect(parseStageConfig(withIssuer({ jwksUrl }), local).accounts).toHaveLength(1)
    for (const jwksUrl of ['http://id.example.com/', 'https://10.0.0.1/', 'http://u:p@127.0.0.1/'])
      expect(() => parseStageConfig(withIssuer({ jwksUrl }), local)).toThrow(refused)
  })
})

const entries = (stage: StageConfig) => stage.accounts.flatMap(({ form }) => form.tokens ?? [])

describe('tokens', () => {
  test('have safe defaults', () => {
    expect(entries(parseStageConfig(withIssuer({}), at))).toEqual([
      {
        ...issuer,
        types: ['JWT', 'at+jwt', 'absent'],
        leewaySeconds: 5,
        maxLifetimeHours: 24,
        cognitoAccessTokens: false,
      },
    ])
  })

  test('may have any value in the limits', () => {
    const given = {
      ...issuer,
      audience: ['web', 'app'],
      clients: ['spa'],
      types: ['application/at+jwt', 'vnd.example.v1+jwt'],
      consumerId: { claim: 'https://example.com/customer', prefix: '' },
      leewaySeconds: 120,
      maxLifetimeHours: 8760,
      cognitoAccessTokens: true,
    }
    expect(entries(parseStageConfig(withIssuer(given), at))).toEqual([given])
    expect(
      entries(parseStageConfig(withIssuer({ leewaySeconds: 0, maxLifetimeHours: 1 }), at)),
    ).toMatchObject([{ leewaySeconds: 0, maxLifetimeHours: 1 }])
  })

  test.each<[string, object, string]>([
    ['an empty issuer', { issuer: '' }, 'issuer must have at least 1 character'],
    ['one audience as text', { audience: 'web' }, 'audience must be an array'],
    ['no audience', { audience: [] }, 'audience must have at least 1 item'],
    ['no client', { clients: [] }, 'clients must have at least 1 item'],
    ['an address that is no URL', { jwksUrl: 'jwks' }, 'jwksUrl must be a URL'],
    ['HS256', { algorithms: ['HS256'] }, 'algorithms.0 must be one of RS256'],
    ['none', { algorithms: ['none'] }, 'algorithms.0 must be one of RS256'],
    ['no type', { types: [] }, 'types must have at least 1 item'],
    ['a type with a space', { types: ['at jwt'] }, 'types.0 must be a type such as at+jwt, or absent'],
    ['no consumerId', { consumerId: undefined }, 'consumerId is missing: name the claim that holds'],
    ['no claim', { consumerId: { prefix: '' } }, 'consumerId.claim is missing'],
    ['an empty claim', { consumerId: { claim: '', prefix: '' } }, 'consumerId.claim must have at least 1'],
    [
      'a claim that all tokens share',
      { consumerId: { claim: 'aud', prefix: '' } },
      'consumerId.claim must be a claim that differs from person to person, such as sub',
    ],
    ['no prefix', { consumerId: { claim: 'sub' } }, 'consumerId.prefix is missing: choose one such as web-'],
    [
      'a prefix with a space',
      { consumerId: { claim: 'sub', prefix: 'web ' } },
      'consumerId.prefix must be at most 64 letters, digits or . _ : -',
    ],
    [
      'a prefix of 65 characters',
      { consumerId: { claim: 'sub', prefix: 'x'.repeat(65) } },
      'consumerId.prefix must be at most 64',
    ],
    [
      'the prefix of derived ids',
      { consumerId: { claim: 'sub', prefix: 'request-' } },
      'consumerId.prefix must not start with request-, as the ids that the service makes do',
    ],
    ['a leeway of 121 seconds', { leewaySeconds: 121 }, 'leewaySeconds must be at most 120'],
    ['a negative leeway', { leewaySeconds: -1 }, 'leewaySeconds must be at least 0'],
    ['a lifetime of no hours', { maxLifetimeHours: 0 }, 'maxLifetimeHours must be at least 1'],
    ['a lifetime of more than a year', { maxLifetimeHours: 8761 }, 'maxLifetimeHours must be at most 8760'],
    ['an unknown member', { audiences: ['web'] }, 'audiences is an unknown key'],
  ])('with %s are refused', (_, members, message) => {
    expect(() => parseStageConfig(withIssuer(members), at)).toThrow(`accounts.0.form.tokens.0.${message}`)
  })

  test('must be a list with at least one issuer', () => {
    for (const [given, message] of [
      [issuer, 'must be an array'],
      [[], 'must have at least 1 item'],
    ] as const)
      expect(() => parseStageConfig(withForm({ consumers: 'both', tokens: given }), at)).toThrow(
        `accounts.0.form.tokens ${message}`,
      )
  })

  const withPrefixes = (...prefixes: readonly string[]) =>
    withForm({
      consumers: 'both',
      tokens: prefixes.map((prefix, index) => ({
        ...issuer,
        issuer: `https://id-${index}.example.com/`,
        consumerId: { claim: 'sub', prefix },
      })),
    })

  test.each([
    ['the same', 'web-', 'web-'],
    ['one that begins with the first', 'web-', 'web-2'],
    ['one with which the first begins', 'web-2', 'web-'],
    ['an empty one', 'web-', ''],
    ['any, if the first is empty', '', 'web-'],
    ['the same in capitals', 'web-', 'WEB-'],
    ['one that begins with the first in capitals', 'App', 'app-2'],
  ])('of two issuers can’t have prefixes that make the same id: %s', (_, first, second) => {
    expect(() => parseStageConfig(withPrefixes(first, second), at)).toThrow(
      'accounts.0.form.tokens.1.consumerId.prefix must neither start with the prefix of entry 0 nor be its start',
    )
  })

  test('of several issuers have prefixes that keep them apart, in each account', () => {
    const [account] = withPrefixes('web-', 'app-', 'we').accounts
    expect(() => parseStageConfig({ accounts: [account] }, at)).toThrow('tokens.2.consumerId.prefix')
    const [good] = withPrefixes('web-', 'app-').accounts
    const accounts = [good, { ...good, accountId: '8' }]
    expect(parseStageConfig({ accounts }, at).accounts).toHaveLength(2)
  })

  test('of accepted prefixes never make the same id', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 3 })
    let accepted = 0
    fc.assert(
      fc.property(letters, letters, letters, letters, (first, second, one, other) => {
        try {
          parseStageConfig(withPrefixes(first, second), at)
        } catch {
          return
        }
        accepted++
        expect(`${first}${one}`).not.toBe(`${second}${other}`)
      }),
      { numRuns: 2000 },
    )
    expect(accepted).toBeGreaterThan(100)
  })

  test('of one issuer are one entry', () => {
    const second = { ...issuer, audience: ['app'], consumerId: { claim: 'sub', prefix: 'app-' } }
    expect(() => parseStageConfig(withForm({ consumers: 'both', tokens: [issuer, second] }), at)).toThrow(
      'accounts.0.form.tokens.1.issuer is listed twice: write one entry per issuer, with all its audiences.',
    )
  })
})

describe('a valid configuration has a warning for', () => {
  const warnings = (config: object) =>
    warningsOf(parseStageConfig(config, at)).map(({ path, message }) => `${path} ${message}`)

  test('nothing, if it is as recommended', () => {
    const routes = { a: { ...route, consumers: 'token', ttrAllowed: ['URGENT'] } }
    const origins = ['https://www.example.com']
    const form = { consumers: 'both', tokens, botCheck }
    expect(warnings({ ...withForm(form, { routes }), origins })).toEqual([])
    expect(warnings({ ...withIssuer({ audience: ['web', 'app'], clients: ['spa'] }), origins })).toEqual([])
  })

  test('nothing, if no form can come in', () => {
    expect(warnings({ origins: [], accounts: [{ accountId: '7' }] })).toEqual([])
    const accounts = [{ accountId: '7', form: { campaigns: 'any' } }, { accountId: '8' }]
    expect(warnings({ origins: [], accounts })).toEqual([expect.stringMatching(/^accounts has several/)])
  })

  test.each<[string, object, string]>([
    [
      'an empty prefix',
      withIssuer({ consumerId: { claim: 'sub', prefix: '' } }),
      'accounts.0.form.tokens.0.consumerId.prefix is empty: tokens and the CRM share their ids',
    ],
    [
      'several audiences without clients',
      withIssuer({ audience: ['web', 'app'] }),
      'accounts.0.form.tokens.0.audience has several items, and clients is not set',
    ],
    [
      'an id that can pass to somebody else',
      withIssuer({ consumerId: { claim: 'email', prefix: 'web-' } }),
      'accounts.0.form.tokens.0.consumerId.claim can change and can then belong to somebody else.',
    ],
    [
      'tokens that no form can use',
      withForm({ consumers: 'anonymous', tokens }),
      'accounts.0.form.tokens is not used, because consumers is anonymous.',
    ],
    [
      'no origins, although there is a route for forms',
      { origins: [], accounts: [{ accountId: '7', routes: { a: route } }] },
      'origins is empty, so forms on web pages are refused.',
    ],
    [
      'no origins, although forms may name campaigns',
      withForm({ campaigns: 'any' }),
      'origins is empty, so forms on web pages are refused.',
    ],
    [
      'several accounts without a default',
      { accounts: [{ accountId: '7' }, { accountId: '8', default: false }] },
      'accounts has several accounts and no default, so a request without a route is refused',
    ],
    [
      'an account without routes that no event can name',
      { accounts: [{ accountId: '7', queue: { campaigns: 'listed' } }] },
      'accounts.0 can not be used: it has no route',
    ],
    [
      'an account whose only way is for forms, which can not name it',
      {
        accounts: [
          { accountId: '7', default: true },
          { accountId: '8', form: { campaigns: 'any' }, queue: { campaigns: 'listed' } },
        ],
      },
      'accounts.1 can not be used: it has no route',
    ],
    [
      'consumers of a route for the queue',
      withForm({}, { routes: { a: { ...route, doors: ['queue'], consumers: 'anonymous' } } }),
      'accounts.0.routes.a.consumers is not used, because doors has no form.',
    ],
    [
      'a page of a route for the queue',
      {
        origins: ['https://www.example.com'],
        ...withForm(
          {},
          { routes: { a: { ...route, doors: ['queue'], thanks: 'https://www.example.com/' } } },
        ),
      },
      'accounts.0.routes.a.thanks is not used, because doors has no form.',
    ],
    [
      'ttrAllowed of a route for the queue',
      withForm({}, { routes: { a: { ...route, doors: ['queue'], ttrAllowed: ['URGENT'] } } }),
      'accounts.0.routes.a.ttrAllowed is not used, because doors has no form.',
    ],
  ])('%s', (_, config, expected) => {
    const [warning, ...others] = warnings(config)
    expect(warning).toContain(expected)
    expect(others).toEqual([])
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

test('every door may be listed in a route, and has settings in every account', () => {
  const [account] = parseStageConfig({ accounts: [{ accountId: '7', routes: { a: route } }] }, at).accounts
  expect(account?.routes.a?.doors).toEqual(DOORS)
  for (const door of DOORS) expect(account?.[door].campaigns).toBeDefined()
})
