import { type Grant, readGrants } from './iam.ts'
import { resolveTemplate, type Template } from './template.ts'

const START = '<!-- iam:start -->'
const END = '<!-- iam:end -->'

const INTRO = `\
"Keys" are prefixes of items in the state table. Rows that are marked with † exist only with the parameter
\`kmsKeyArn\`. Rows that are marked with λ are what Lambda itself does with the role: it writes the log, polls
the queues, and reads the stream. Every other row is a call of the function's own code.`

/** What Lambda itself does with a function's role. */
export const USED_BY_LAMBDA: ReadonlySet<string> = new Set([
  'logs:CreateLogStream',
  'logs:PutLogEvents',
  'sqs:ReceiveMessage',
  'sqs:DeleteMessage',
  'sqs:GetQueueAttributes',
  'dynamodb:DescribeStream',
  'dynamodb:GetRecords',
  'dynamodb:GetShardIterator',
  'dynamodb:ListStreams',
])

/**
 * Returns a page with the table of IAM statements between its two markers.
 *
 * @param template As it was packaged, with its conditions.
 * @throws {Error} The page doesn't have both markers.
 */
export const withIamTable = (page: string, template: Template): string => {
  const start = page.indexOf(START)
  const end = page.indexOf(END)
  if (start < 0 || end < start) throw new Error(`The page must contain ${START} and, after it, ${END}`)
  return [page.slice(0, start + START.length), INTRO, toIamTable(template), page.slice(end)].join('\n\n')
}

const toIamTable = (template: Template): string => {
  const always = readGrants(resolveTemplate(template, { HasCustomerKey: false })).map(toText)
  const grants = readGrants(resolveTemplate(template, { HasCustomerKey: true }))
  const rows = Map.groupBy(grants, (grant) => {
    const denied = grant.effect === 'Deny' ? '**denied:** ' : ''
    const mark = `${always.includes(toText(grant)) ? '' : ' †'}${isOfLambda(grant) ? ' λ' : ''}`
    return [grant.holder, denied, mark, describeResource(grant), describeLimit(grant)].join('\n')
  })
  const lines = [...rows].map(([key, grouped]) => {
    const [holder, denied, mark, resource, limit] = key.split('\n')
    const actions = grouped.map(({ action }) => `\`${action}\``).join(', ')
    return `| \`${holder}\` | ${denied}${actions}${mark} | ${resource} | ${limit} |`
  })
  return ['| role or policy | actions | on | limited to |', '| --- | --- | --- | --- |', ...lines].join('\n')
}

const toText = (grant: Grant) => JSON.stringify(grant)

/** Operators use the same actions by hand. */
const isOfLambda = ({ holder, action }: Grant) => holder.endsWith('Role') && USED_BY_LAMBDA.has(action)

const describeResource = ({ action, resource }: Grant): string => {
  if (action.startsWith('kms:')) return "the customer's key"
  const [, route] = resource.split('/$default/')
  if (route !== undefined) return `\`${route.replace('/', ' /')}\` of \`HttpApi\``
  const [, secret] = resource.split(':secret:')
  return secret === undefined ? `\`${resource}\`` : `secrets \`${secret.replace('/dev/', '/<stage>/')}\``
}

const describeLimit = ({ keys, via }: Grant): string => {
  if (keys) return `keys ${keys.map((key) => `\`${key}\``).join(', ')}`
  return via ? `through ${via.map((service) => `\`${service.split('.')[0]}\``).join(', ')}` : '–'
}
