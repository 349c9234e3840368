import { readResources } from '../../local/aws/resources.ts'
import { AWS_ACCOUNT_ID, REGION } from '../../local/aws/sdk.ts'
import type { Grant } from '../../tools/iam.ts'

/** One action on one resource, and at most one range of partition keys, that a role may or may not perform. */
export interface Permission {
  /** The role's logical id. */
  readonly role: string
  readonly effect: 'Allow' | 'Deny'
  readonly action: string
  /** An ARN. `*` stands for any text. */
  readonly resource: string
  /** The pattern of the partition keys that the action is limited to. Undefined: any key. */
  readonly leadingKey?: string | undefined
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
 * Returns the permissions of the template's roles, with the names of the local resources: one per action,
 * resource and key pattern.
 */
export const toPermissions = (grants: readonly Grant[]): readonly Permission[] =>
  grants
    .filter(({ holder }) => holder.endsWith('Role'))
    .flatMap(({ holder: role, effect, action, resource, keys = [undefined] }) =>
      keys.map((leadingKey) => ({ role, effect, action, resource: toArn(resource), leadingKey })),
    )

/** Returns whether a role may make a call. */
export const isAllowed = (permissions: readonly Permission[], call: Call): boolean => {
  const applying = permissions.filter(
    ({ role, action, resource }) =>
      role === call.role && matches(action, call.action) && matches(resource, call.resource),
  )
  if (applying.some(({ effect }) => effect === 'Deny')) return false
  if (applying.some(({ leadingKey }) => leadingKey === undefined)) return true
  // One statement has to allow all the keys. Each of its patterns is a permission here, so they are joined.
  const patterns = applying.map(({ leadingKey = '' }) => leadingKey)
  return patterns.length > 0 && call.leadingKeys.every((key) => patterns.some((one) => matches(one, key)))
}

/** Returns a short name of a permission: the role, the action, and what is left to choose. */
export const nameOf = ({ role, effect, action, resource, leadingKey }: Permission): string =>
  [
    role,
    ...(effect === 'Deny' ? ['denied'] : []),
    action,
    leadingKey ?? LABELS[resource] ?? lastOf(resource),
  ].join(' ')

const lastOf = (arn: string) => arn.split(':').at(-1)

const matches = (pattern: string, text: string): boolean =>
  new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`).test(text)

const RESOURCES = readResources()

/** The ARNs of the local resources, by logical id. */
export const ARNS = {
  StateTable: `arn:aws:dynamodb:${REGION}:${AWS_ACCOUNT_ID}:table/${RESOURCES.stateTable.TableName}`,
  EventsQueue: RESOURCES.events.arn,
  HandOverQueue: RESOURCES.handOver.arn,
  QuarantineQueue: RESOURCES.quarantine.arn,
  'StateTable/stream': RESOURCES.streamArn,
  OutcomeBus: `arn:aws:events:${REGION}:${AWS_ACCOUNT_ID}:event-bus/${RESOURCES.outcomeBus}`,
  OutcomesFailedQueue: RESOURCES.outcomesFailed.arn,
} as const

const LABELS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(ARNS).map(([id, arn]) => [arn, id]),
)

/** Returns the ARN of a secret, by what follows the prefix in its name. */
export const secretArnOf = (name: string): string =>
  // Secrets Manager appends six random characters.
  `arn:aws:secretsmanager:${REGION}:${AWS_ACCOUNT_ID}:secret:${SECRET_ID_PREFIX}/${name}-aB3dE6`

const toArn = (resource: string): string => {
  if (!resource.startsWith('arn:'))
    return (
      Object.entries(ARNS).find(([id]) => id === resource)?.[1] ??
      `arn:aws:logs:${REGION}:${AWS_ACCOUNT_ID}:log-group:${resource}`
    )
  return resource
    .replace(`\${AWS::Partition}`, 'aws')
    .replace(`\${AWS::Region}`, REGION)
    .replace(`\${AWS::AccountId}`, AWS_ACCOUNT_ID)
    .replace('campaign-conversations/dev', SECRET_ID_PREFIX)
}
