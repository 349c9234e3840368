import { describe, expect, test } from 'vitest'
import { readGrants } from '../../tools/iam.ts'
import { withIamTable } from '../../tools/iam-docs.ts'
import { parseTemplate } from '../../tools/template.ts'

const templateOf = (...Statement: readonly object[]) =>
  parseTemplate({
    Conditions: { HasCustomerKey: { 'Fn::Equals': ['', 'key'] } },
    Resources: {
      DoorRole: { Type: 'AWS::IAM::Role', Properties: { Policies: [{ PolicyDocument: { Statement } }] } },
      People: { Type: 'AWS::IAM::ManagedPolicy', Properties: { PolicyDocument: { Statement: [send] } } },
      Table: { Type: 'AWS::DynamoDB::Table' },
    },
    Outputs: {},
  })

const send = { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: { 'Fn::GetAtt': ['Queue', 'Arn'] } }
const receive = { ...send, Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage'] }
const get = {
  Effect: 'Allow',
  Action: ['dynamodb:GetItem'],
  Resource: { 'Fn::GetAtt': ['Table', 'Arn'] },
  Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['a#*', 'b#*'] } },
}
const secret = (path: string) => ({ 'Fn::Sub': `arn:aws:secretsmanager:eu-west-1:1:secret:app/dev/${path}` })
const decrypt = {
  Effect: 'Allow',
  Action: 'kms:Decrypt',
  Resource: 'arn:aws:kms:eu-west-1:1:key/1',
  Condition: { StringEquals: { 'kms:ViaService': [{ 'Fn::Sub': 'sqs.eu-west-1.amazonaws.com' }] } },
}

describe('the grants of a template', () => {
  test('are one per action and resource, of roles and managed policies', () => {
    const twice = { ...receive, Resource: [receive.Resource, secret('*')] }
    expect(
      readGrants(templateOf(twice)).map(({ holder, action, resource }) => [holder, action, resource]),
    ).toEqual([
      ['DoorRole', 'sqs:ReceiveMessage', 'Queue'],
      ['DoorRole', 'sqs:ReceiveMessage', secret('*')['Fn::Sub']],
      ['DoorRole', 'sqs:DeleteMessage', 'Queue'],
      ['DoorRole', 'sqs:DeleteMessage', secret('*')['Fn::Sub']],
      ['People', 'sqs:SendMessage', 'Queue'],
    ])
  })

  test('have their limits', () => {
    expect(readGrants(templateOf(get, decrypt, { ...send, Effect: 'Deny' }))).toMatchObject([
      { effect: 'Allow', keys: ['a#*', 'b#*'], via: undefined },
      { effect: 'Allow', keys: undefined, via: ['sqs.eu-west-1.amazonaws.com'] },
      { effect: 'Deny' },
      { effect: 'Allow' },
    ])
  })

  test.each<[string, object]>([
    ['NotAction', { ...send, NotAction: 'sqs:DeleteQueue' }],
    ['NotResource', { Effect: 'Allow', Action: 'sqs:SendMessage', NotResource: '*' }],
    ['another condition', { ...get, Condition: { Bool: { 'aws:SecureTransport': 'true' } } }],
    ['a second condition', { ...get, Condition: { ...get.Condition, ...decrypt.Condition } }],
  ])('are refused if a statement has %s', (_, statement) => {
    expect(() => readGrants(templateOf(statement))).toThrow()
  })
})

describe('the table of IAM statements', () => {
  const PAGE = '# Page\n\n<!-- iam:start -->\nold\n<!-- iam:end -->\n\nEnd\n'
  const rowsOf = (...statements: readonly object[]) =>
    withIamTable(PAGE, templateOf(...statements))
      .split('\n')
      .filter((line) => line.startsWith('| `DoorRole`'))

  test.each<[string, object, string]>([
    ['key ranges', get, '| `DoorRole` | `dynamodb:GetItem` | `Table` | keys `a#*`, `b#*` |'],
    [
      'what Lambda does',
      receive,
      '| `DoorRole` | `sqs:ReceiveMessage`, `sqs:DeleteMessage` λ | `Queue` | – |',
    ],
    [
      'secrets of any stage',
      { ...send, Effect: 'Deny', Action: 'secretsmanager:GetSecretValue', Resource: secret('*/*') },
      '| `DoorRole` | **denied:** `secretsmanager:GetSecretValue` | secrets `app/<stage>/*/*` | – |',
    ],
    [
      'what is only granted with a key',
      { 'Fn::If': ['HasCustomerKey', decrypt, { Ref: 'AWS::NoValue' }] },
      "| `DoorRole` | `kms:Decrypt` † | the customer's key | through `sqs` |",
    ],
  ])('shows %s', (_, statement, row) => {
    expect(rowsOf(statement)).toEqual([row])
  })

  test('leaves the rest of the page alone', () => {
    const written = withIamTable(PAGE, templateOf(get))
    expect(written.startsWith('# Page\n\n<!-- iam:start -->\n\n')).toBe(true)
    expect(written.endsWith(' |\n\n<!-- iam:end -->\n\nEnd\n')).toBe(true)
    expect(withIamTable(written, templateOf(get))).toBe(written)
  })

  test.each(['', '<!-- iam:start -->', '<!-- iam:end --><!-- iam:start -->'])(
    'needs both markers, in order: %j',
    (page) => {
      expect(() => withIamTable(page, templateOf())).toThrow('The page must contain <!-- iam:start -->')
    },
  )
})
