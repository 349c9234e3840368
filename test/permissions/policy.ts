import { z } from 'zod'
import { readResources } from '../../local/aws/resources.ts'
import { AWS_ACCOUNT_ID, REGION } from '../../local/aws/sdk.ts'
import { readDeclaration } from '../../tools/serverless-yml.ts'

/** One action on one resource that a role may perform. */
export interface Permission {
  /** The role's name in infrastructure/roles.yml. */
  readonly role: string
  readonly action: string
  /** An ARN. `*` stands for any text. */
  readonly resource: string
  /** Patterns of the partition keys that the action is limited to. Undefined: any key. */
  readonly leadingKeys?: readonly string[] | undefined
}

/** A call to AWS, as IAM sees it. */
export interface Call {
  readonly role: string
  readonly action: string
  readonly resource: string
  /** The partition keys that the call names. */
  readonly leadingKeys: readonly string[]
}

/** The prefix of secret names in the tests. */
export const SECRET_ID_PREFIX = 'campaign-conversations/test'

/**
 * Returns every permission of every role in infrastructure/roles.yml: one per action, resource and partition
 * key pattern.
 *
 * @throws {Error} A statement has a part that isn't understood here.
 */
export const readPermissions = (): readonly Permission[] => {
  const { Resources } = Template.parse(readDeclaration('infrastructure/roles.yml', 'local'))
  return Object.entries(Resources).flatMap(([role, { Type, Properties }]) =>
    Type === 'AWS::IAM::Role'
      ? Role.parse(Properties)
          .Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
          .flatMap((statement) => permissionsIn(role, statement))
      : [],
  )
}

/** Returns whether a role may make a call. */
export const isAllowed = (permissions: readonly Permission[], call: Call): boolean => {
  const applying = permissions.filter(
    ({ role, action, resource }) =>
      role === call.role && action === call.action && matches(resource, call.resource),
  )
  if (applying.some(({ leadingKeys }) => leadingKeys === undefined)) return true
  // One statement has to allow all the keys. Each of its patterns is a permission here, so they are joined.
  const patterns = applying.flatMap(({ leadingKeys = [] }) => leadingKeys)
  return patterns.length > 0 && call.leadingKeys.every((key) => patterns.some((one) => matches(one, key)))
}

/** Returns a short name of a permission, for the titles of tests. */
export const nameOf = ({ role, action, resource, leadingKeys }: Permission): string =>
  [
    role,
    action,
    resource
      .split(/[:/]/)
      .filter((part) => part !== '*')
      .at(-1),
    ...(leadingKeys ?? []),
  ].join(' ')

const matches = (pattern: string, text: string): boolean =>
  new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`).test(text)

const OneOrMore = z.union([z.string().transform((one) => [one]), z.array(z.string())])
const Reference = z.union([
  z.strictObject({ 'Fn::GetAtt': z.tuple([z.string(), z.literal('Arn')]) }),
  z.strictObject({ 'Fn::Sub': z.string() }),
])
const Statement = z.strictObject({
  Effect: z.literal('Allow'),
  Action: OneOrMore,
  Resource: z.union([Reference.transform((one) => [one]), z.array(Reference)]),
  Condition: z
    .strictObject({
      'ForAllValues:StringLike': z.strictObject({ 'dynamodb:LeadingKeys': OneOrMore }),
    })
    .optional(),
})
const Role = z.object({
  Policies: z.array(z.object({ PolicyDocument: z.object({ Statement: z.array(Statement) }) })),
})
const Template = z.object({
  Resources: z.record(z.string(), z.object({ Type: z.string(), Properties: z.unknown() })),
})

const permissionsIn = (
  role: string,
  { Action, Resource, Condition }: z.infer<typeof Statement>,
): readonly Permission[] => {
  const keys = Condition?.['ForAllValues:StringLike']['dynamodb:LeadingKeys']
  const limits = keys?.map((key) => [key]) ?? [undefined]
  return Action.flatMap((action) =>
    Resource.flatMap((reference) =>
      limits.map((leadingKeys) => ({ role, action, resource: toArn(reference), leadingKeys })),
    ),
  )
}

const RESOURCES = readResources()

const ARNS: Readonly<Record<string, string>> = {
  StateTable: `arn:aws:dynamodb:${REGION}:${AWS_ACCOUNT_ID}:table/${RESOURCES.stateTable.TableName}`,
  EventsQueue: RESOURCES.events.arn,
  HandOverQueue: RESOURCES.handOver.arn,
  QuarantineQueue: RESOURCES.quarantine.arn,
}

const VARIABLES: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': REGION,
  'AWS::AccountId': AWS_ACCOUNT_ID,
  'self:provider.environment.SECRET_ID_PREFIX': SECRET_ID_PREFIX,
}

const toArn = (reference: z.infer<typeof Reference>): string => {
  if ('Fn::Sub' in reference)
    return reference['Fn::Sub'].replaceAll(/\$\{([^}]+)\}/g, (_, name: string) => {
      const value = VARIABLES[name]
      if (value === undefined) throw new Error(`The variable ${name} is unknown`)
      return value
    })
  const [logicalId] = reference['Fn::GetAtt']
  return ARNS[logicalId] ?? `arn:aws:logs:${REGION}:${AWS_ACCOUNT_ID}:log-group:${logicalId}`
}
