import { z } from 'zod'
import type { Template } from './template.ts'

/** One action on one resource that a policy of the template allows or denies. */
export interface Grant {
  /** The logical id of the role or of the managed policy. */
  readonly holder: string
  readonly effect: 'Allow' | 'Deny'
  readonly action: string
  /** The resource's logical id, or an ARN that may contain pseudo parameters and `*`. */
  readonly resource: string
  /** Patterns of the partition keys that the action is limited to. Undefined: any key. */
  readonly keys?: readonly string[] | undefined
  /** The AWS services through which a KMS key may be used. Undefined: any. */
  readonly via?: readonly string[] | undefined
}

const oneOrMore = <T extends z.ZodType>(item: T) => z.union([z.array(item), item.transform((one) => [one])])

const substituted = z.strictObject({ 'Fn::Sub': z.string() }).transform((value) => value['Fn::Sub'])

const resource = z.union([
  z.string(),
  substituted,
  z
    .strictObject({ 'Fn::GetAtt': z.tuple([z.string(), z.literal('Arn')]) })
    .transform((value) => value['Fn::GetAtt'][0]),
  z
    .strictObject({ 'Fn::GetAtt': z.tuple([z.string(), z.literal('StreamArn')]) })
    .transform((value) => `${value['Fn::GetAtt'][0]}/stream`),
])

const statement = z.strictObject({
  Effect: z.enum(['Allow', 'Deny']),
  Action: oneOrMore(z.string()),
  Resource: oneOrMore(resource),
  Condition: z
    .union([
      z.strictObject({
        'ForAllValues:StringLike': z.strictObject({ 'dynamodb:LeadingKeys': z.array(z.string()) }),
      }),
      z.strictObject({ StringEquals: z.strictObject({ 'kms:ViaService': z.array(substituted) }) }),
    ])
    .optional(),
})

const document = z.object({ Statement: z.array(statement) })
const role = z.object({ Policies: z.array(z.object({ PolicyDocument: document })) })
const managedPolicy = z.object({ PolicyDocument: document })

/**
 * Returns what each role and each managed policy of a template allows and denies.
 *
 * @param template Without conditions, see `resolveTemplate`.
 * @throws {z.ZodError} A statement has a part that isn't understood here.
 */
export const readGrants = ({ Resources }: Template): readonly Grant[] =>
  Object.entries(Resources).flatMap(([holder, { Type, Properties }]) => {
    const statements =
      Type === 'AWS::IAM::Role'
        ? role.parse(Properties).Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
        : Type === 'AWS::IAM::ManagedPolicy'
          ? managedPolicy.parse(Properties).PolicyDocument.Statement
          : []
    return statements.flatMap((one) => toGrants(holder, one))
  })

const toGrants = (holder: string, given: z.infer<typeof statement>): readonly Grant[] => {
  const { Effect: effect, Action, Resource, Condition } = given
  const keys =
    Condition && 'ForAllValues:StringLike' in Condition
      ? Condition['ForAllValues:StringLike']['dynamodb:LeadingKeys']
      : undefined
  const via = Condition && 'StringEquals' in Condition ? Condition.StringEquals['kms:ViaService'] : undefined
  return Action.flatMap((action) =>
    Resource.map((one) => ({ holder, effect, action, resource: one, keys, via })),
  )
}
