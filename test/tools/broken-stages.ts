/** A valid stage file. The rows of {@link BROKEN} change parts of it. */
export const STAGE = `{
  "$schema": "./schema.json",
  "origins": ["https://www.example.com"],
  "allowedHeaders": [],
  "giveUpAfterHours": 72,
  "accounts": [
    {
      "accountId": "70123456",
      "default": true,
      "form": {
        "consumers": "both",
        "campaigns": "listed",
        "tokens": [
          {
            "issuer": "https://id.example.com/",
            "audience": ["web"],
            "jwksUrl": "https://id.example.com/jwks.json",
            "algorithms": ["RS256"],
            "consumerId": { "claim": "sub", "prefix": "web-" }
          }
        ],
        "botCheck": { "verifyUrl": "https://bots.example.com/verify", "hostnames": ["www.example.com"] }
      },
      "routes": {
        "order-help": {
          "campaignId": "3120045610",
          "engagementId": 3120047710,
          "doors": ["form", "queue"],
          "engagementAttributes": [{ "type": "ctmrinfo", "info": { "ctype": "web" } }]
        }
      }
    },
    {
      "accountId": "70999999",
      "routes": { "support": { "campaignId": 4120045610, "engagementId": 4120047710, "doors": ["form"] } }
    }
  ]
}
`

/** A change of {@link STAGE}, and the line that the check prints about it: place, path and what to do. */
export interface BrokenStage {
  readonly name: string
  /** Texts of the file, and what stands in their place. */
  readonly changes: readonly (readonly [string, string])[]
  readonly severity?: 'warning'
  /** Every finding, in the order of the file. */
  readonly found: readonly string[]
}

const change = (name: string, from: string, to: string, ...found: readonly string[]): BrokenStage => ({
  name,
  changes: [[from, to]],
  found,
})

/** A member as it is written in the file, with the comma and the line end after it. */
const line = (member: string) => `${member},\n`

export const BROKEN: readonly BrokenStage[] = [
  // How the JSON is written.
  { name: 'an empty file', changes: [[STAGE, '\n']], found: ['1:1: the file is empty'] },
  change(
    'a comma too many',
    '"doors": ["form"] }',
    '"doors": ["form"], }',
    '35:105: the file has a trailing comma before this: remove it',
  ),
  change(
    'a comma that is missing',
    '"default": true,',
    '"default": true',
    '10:7: the file is missing a comma before this: add it',
  ),
  change(
    'a comment',
    '"default": true,',
    '"default": true, // of two',
    '9:24: the file has a comment here, which JSON does not allow: remove it',
  ),
  change(
    'single quotes',
    '"70123456"',
    "'70123456'",
    '8:20: the file has a value here that is not JSON: write text in double quotes, a number, true, false or null',
  ),
  change(
    'a name without quotes',
    '"giveUpAfterHours"',
    'giveUpAfterHours',
    '5:3: the file has a value here that is not JSON: write text in double quotes, a number, true, false or null',
  ),
  change(
    'a line break in a text',
    '"70999999"',
    '"70999\n999"',
    '34:20: the file has a text here without a closing quotation mark: add it',
  ),
  change('a brace that is missing', '  ]\n}\n', '  ]\n', '38:1: the file is missing a } here: add it'),
  change('text after the end', '  ]\n}\n', '  ]\n}\n}\n', '39:1: the file has text after its end: remove it'),
  change(
    'a name twice in an account',
    '"default": true,',
    '"default": true,\n      "default": true,',
    '10:7: accounts.0.default is written twice, first on line 9: keep one of them',
  ),
  change(
    'a name twice at the top',
    '"allowedHeaders": []',
    '"origins": ["https://www.example.com"]',
    '4:3: origins is written twice, first on line 3: keep one of them',
  ),
  change(
    'a route twice',
    '"routes": { "support"',
    '"routes": { "support": { "campaignId": 1, "engagementId": 2, "doors": ["form"] }, "support"',
    '35:89: accounts.1.routes.support is written twice, first on line 35: keep one of them',
  ),
  change(
    '__proto__',
    '"default": true',
    '"default": true, "__proto__": {}',
    '9:24: accounts.0.__proto__ is an unknown member: remove it. Allowed here: …',
  ),
  { name: 'a list', changes: [[STAGE, '[]\n']], found: ['1:1: the file must be an object in { }'] },

  // What is missing.
  change(
    'no account id',
    line('"accountId": "70123456"'),
    '',
    '7:5: accounts.0.accountId is missing: write the LivePerson account id as text, such as "70123456"',
  ),
  change(
    'no campaign id',
    line('"campaignId": "3120045610"'),
    '\n',
    '25:9: accounts.0.routes.order-help.campaignId is missing: write the id of the campaign in LivePerson as text, such as "3120045610"',
  ),
  change(
    'no doors',
    line('"doors": ["form", "queue"]'),
    '\n',
    '25:9: accounts.0.routes.order-help.doors is missing: list the doors that may use it, of form, queue',
  ),
  change(
    'no keys of an issuer',
    line('"jwksUrl": "https://id.example.com/jwks.json"'),
    '\n',
    '14:11: accounts.0.form.tokens.0.jwksUrl is missing: write the https URL of the keys, such as "https://id.example.com/jwks.json"',
  ),
  change(
    'no prefix',
    ', "prefix": "web-"',
    '',
    '19:13: accounts.0.form.tokens.0.consumerId.prefix is missing: choose one such as web-, or "" if tokens and the CRM share their ids',
  ),
  change(
    'no pages of a bot check',
    ', "hostnames": ["www.example.com"]',
    '',
    '22:9: accounts.0.form.botCheck.hostnames is missing: list the hosts of the pages with the form',
  ),
  change(
    'no issuers, although tokens are accepted',
    STAGE.slice(STAGE.indexOf('"tokens"'), STAGE.indexOf('"botCheck"')),
    '',
    '10:7: accounts.0.form.tokens is missing, but consumers is both: add the issuers, or set consumers to anonymous',
  ),
  {
    name: 'no accounts',
    changes: [[STAGE, '{ "accounts": [] }']],
    found: [
      '1:3: accounts must have at least 1 item: list at least one account, such as [{ "accountId": "70123456" }]',
    ],
  },

  // What has the wrong type.
  change(
    'an account id that is a number',
    '"70999999"',
    '70999999',
    '34:20: accounts.1.accountId is a number: write it as text, in quotes',
  ),
  change(
    'a campaign id that JavaScript rounds',
    '"3120045610"',
    '3120045610312004561',
    '26:25: accounts.0.routes.order-help.campaignId is a number that JSON readers round, so digits are lost: write it as text, in quotes',
  ),
  change(
    'a campaign id with a decimal point',
    '"3120045610"',
    '3120045610.5',
    '26:25: accounts.0.routes.order-help.campaignId must be an id of 1 to 19 digits: write it as text, such as "3120045610"',
  ),
  change(
    'a campaign that has a name',
    '"3120045610"',
    '"spring sale"',
    '26:25: accounts.0.routes.order-help.campaignId must be an id of 1 to 19 digits: write it as text, such as "3120045610"',
  ),
  change(
    'an account id with a space',
    '"70999999"',
    '"70 999 999"',
    '34:20: accounts.1.accountId must be a LivePerson account id of 1 to 32 letters or digits',
  ),
  change(
    'null',
    '"3120045610"',
    'null',
    '26:25: accounts.0.routes.order-help.campaignId is null: write the id of the campaign in LivePerson as text, such as "3120045610"',
  ),
  change(
    'true in quotes',
    '"default": true',
    '"default": "true"',
    '9:18: accounts.0.default must be true or false, without quotes',
  ),
  change(
    'a number in quotes',
    '"giveUpAfterHours": 72',
    '"giveUpAfterHours": "72"',
    '5:23: giveUpAfterHours must be a number, without quotes',
  ),
  change(
    'a text in place of a list',
    '["form", "queue"]',
    '"form"',
    '28:20: accounts.0.routes.order-help.doors must be a list in [ ]: list the doors that may use the route, such as ["form", "queue"]',
  ),
  change(
    'routes in a list',
    '"routes": { "support": { "campaignId": 4120045610, "engagementId": 4120047710, "doors": ["form"] } }',
    '"routes": []',
    '35:7: accounts.1.routes must be an object in { }',
  ),

  // What is not allowed.
  change(
    'a member that is spelled wrongly',
    '"campaignId": 4120045610',
    '"campaign_id": 4120045610',
    '35:19: accounts.1.routes.support.campaignId is missing: write the id of the campaign in LivePerson as text, such as "3120045610"',
    '35:47: accounts.1.routes.support.campaign_id is an unknown member: write campaignId. Allowed here: …',
  ),
  change(
    'a member that does not exist',
    '"allowedHeaders": []',
    '"region": "eu-west-1"',
    '4:13: region is an unknown member: remove it. Allowed here: …',
  ),
  change(
    'a door that does not exist',
    '["form", "queue"]',
    '["form", "chat"]',
    '28:29: accounts.0.routes.order-help.doors.1 must be one of form, queue',
  ),
  change('an age that is too high', '72', '720', '5:23: giveUpAfterHours must be at most 168'),
  change(
    'an origin without its scheme',
    '"https://www.example.com"',
    '"www.example.com"',
    '3:15: origins.0 must be an origin such as https://www.example.com',
  ),
  change(
    'a name of a route with a space',
    '"order-help"',
    '"order help"',
    '25:9: accounts.0.routes.order help must be 1 to 64 letters, digits, _ or -',
  ),
  change(
    'another kind of attribute',
    '"ctmrinfo", "info"',
    '"cart", "info"',
    '29:46: accounts.0.routes.order-help.engagementAttributes.0.type must be one of ctmrinfo, personal',
  ),

  // What contradicts something else.
  change(
    'an attribute twice',
    '{ "ctype": "web" } }]',
    '{ "ctype": "web" } }, { "type": "ctmrinfo", "info": { "cstatus": "gold" } }]',
    '29:98: accounts.0.routes.order-help.engagementAttributes.1.type is in the list twice: write one attribute per type, with all its members',
  ),
  change(
    'an account twice',
    '"70999999"',
    '"70123456"',
    '34:20: accounts.1.accountId is listed twice: write one entry per account',
  ),
  change(
    'two defaults',
    '"accountId": "70999999",',
    '"accountId": "70999999", "default": true,',
    '34:43: accounts.1.default is true, but another account is the default already: mark one of them only',
  ),
  change(
    'a route of two accounts',
    '"support"',
    '"order-help"',
    '35:19: accounts.1.routes.order-help is already a route of account 70123456: choose another name',
  ),
  change(
    'an algorithm with a shared secret, and keys on http',
    '"https://id.example.com/jwks.json",\n            "algorithms": ["RS256"]',
    '"http://id.example.com/jwks.json",\n            "algorithms": ["HS256"]',
    '17:24: accounts.0.form.tokens.0.jwksUrl must be an https URL with the name of a host (no IP address), without user or password',
    '18:28: accounts.0.form.tokens.0.algorithms.0 must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA',
  ),
  {
    name: 'seven mistakes at once',
    changes: [
      ['"https://www.example.com"', '"*"'],
      ['"giveUpAfterHours"', '"giveUpAfter"'],
      [line('"accountId": "70123456"'), ''],
      ['["RS256"]', '["none"]'],
      ['"doors": ["form", "queue"]', '"doors": ["form", "queue"], "consumers": "all"'],
      ['"70999999"', '""'],
      ['"doors": ["form"]', '"doors": []'],
    ],
    found: [
      '3:3: origins must not contain * if an account accepts tokens: list the sites',
      '5:18: giveUpAfter is an unknown member: remove it. Allowed here: …',
      '7:5: accounts.0.accountId is missing: write the LivePerson account id as text, such as "70123456"',
      '17:28: accounts.0.form.tokens.0.algorithms.0 must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA',
      '27:52: accounts.0.routes.order-help.consumers must be one of anonymous, token, both',
      '33:20: accounts.1.accountId must be a LivePerson account id of 1 to 32 letters or digits',
      '34:86: accounts.1.routes.support.doors must have at least 1 item: list the doors that may use the route, such as ["form", "queue"]',
    ],
  },

  // What is valid, and probably not meant.
  {
    ...change(
      'no origins',
      '["https://www.example.com"]',
      '[]',
      '3:3: origins is empty, so forms on web pages are refused. List the sites that have them, such as https://www.example.com',
    ),
    severity: 'warning',
  },
  {
    ...change(
      'several accounts without a default',
      line('      "default": true'),
      '',
      '6:3: accounts has several accounts and no default, so a request without a route is refused unless it names its account. Mark one account with "default": true if that is not wanted',
    ),
    severity: 'warning',
  },
  {
    ...change(
      'an account that nobody can use',
      '"routes": { "support": { "campaignId": 4120045610, "engagementId": 4120047710, "doors": ["form"] } }',
      '"queue": { "campaigns": "listed" }',
      '33:5: accounts.1 can not be used: it has no route, and neither forms nor events can use it without one. Add a route, or set queue.campaigns to any',
    ),
    severity: 'warning',
  },
]

/** Returns a line without the list of names that are allowed, which grows with the schema. */
export const withoutNames = (text: string): string =>
  text.replace(/Allowed here: [\w$, ]+/, 'Allowed here: …')

/** Returns the text of a broken file. Throws if the file doesn't have what is to be changed. */
export const textOf = ({ name, changes }: Pick<BrokenStage, 'name' | 'changes'>): string =>
  changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`${name}: the file has no ${from}`)
    return text.replace(from, () => to)
  }, STAGE)
