import { z } from 'zod'

/** An `aws` command. */
export interface AwsCommand {
  /** Such as `sqs`. */
  readonly service: string
  /** Such as `send-message`. */
  readonly operation: string
  /** The values of each option, by its name without dashes. */
  readonly options: ReadonlyMap<string, readonly string[]>
  readonly positionals: readonly string[]
}

/** The clients of AWS's SDK, which have the shape of each operation. */
const CLIENTS: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = {
  cloudformation: () => import('@aws-sdk/client-cloudformation'),
  dynamodb: () => import('@aws-sdk/client-dynamodb'),
  lambda: () => import('@aws-sdk/client-lambda'),
  secretsmanager: () => import('@aws-sdk/client-secrets-manager'),
  sns: () => import('@aws-sdk/client-sns'),
  sqs: () => import('@aws-sdk/client-sqs'),
}

/**
 * Options of the AWS CLI itself.
 *
 * @see https://docs.aws.amazon.com/cli/latest/reference/#global-options
 */
const GLOBAL = ['region', 'query', 'output', 'profile', 'cli-binary-format']

/**
 * Options that are named otherwise than the member of the operation.
 *
 * @see https://docs.aws.amazon.com/cli/latest/reference/sns/subscribe.html
 */
const RENAMED: Readonly<Record<string, string>> = { 'sns subscribe notification-endpoint': 'Endpoint' }

/**
 * Commands that are no operations, with the options that they have.
 *
 * @see https://docs.aws.amazon.com/cli/latest/reference/cloudformation/deploy/
 */
const CUSTOM: Readonly<Record<string, readonly string[]>> = {
  'cloudformation deploy': [
    'stack-name',
    'template-file',
    's3-bucket',
    'parameter-overrides',
    'capabilities',
    'no-execute-changeset',
    'tags',
  ],
}

/** Commands with an argument that is no option. https://docs.aws.amazon.com/cli/latest/reference/lambda/invoke.html */
const POSITIONALS: Readonly<Record<string, number>> = { 'lambda invoke': 1 }

/** Returns the parts of a command. Its first word is `aws`. */
export const parseAwsCommand = ([, service = '', operation = '', ...rest]: readonly string[]): AwsCommand => {
  const options = new Map<string, string[]>()
  const positionals: string[] = []
  let values: string[] | undefined
  const isSingle = (name: string) => !/-(names|overrides)$|^(capabilities|tags)$/.test(name)
  for (const word of rest) {
    const last = [...options.keys()].at(-1) ?? ''
    if (word.startsWith('--')) {
      values = []
      options.set(word.slice(2), values)
    } else if (values && (values.length === 0 || !isSingle(last))) values.push(word)
    else positionals.push(word)
  }
  return { service, operation, options, positionals }
}

const Operation = z.tuple([z.literal(9), z.string(), z.string(), z.unknown(), z.unknown()], z.unknown())
const Structure = z.tuple(
  [z.literal(3), z.string(), z.string(), z.unknown(), z.array(z.string()), z.array(z.unknown())],
  z.unknown(),
)

/** What the SDK knows about an operation. */
export interface Shape {
  /** The members of its input, by name. */
  readonly members: ReadonlyMap<string, unknown>
  readonly Command: new (input: object) => object
  readonly Client: new (options: object) => { send(command: object): Promise<unknown>; destroy(): void }
}

/** Returns the shape of an operation, or `undefined` if AWS has none of that name. */
export const shapeOf = async ({ service, operation }: AwsCommand): Promise<Shape | undefined> => {
  const module = await CLIENTS[service]?.()
  if (module === undefined) return undefined
  const pascal = toPascal(operation)
  const Command = module[`${pascal}Command`]
  const Client = Object.entries(module).find(
    ([key]) => /^[A-Z]\w*Client$/.test(key) && !key.startsWith('__'),
  )?.[1]
  if (!isConstructor(Command) || !isClient(Client)) return undefined
  const command: { schema?: unknown } = new Command({})
  const [, , , , input] = Operation.parse(command.schema)
  const [, , , , names, schemas] = Structure.parse(resolve(input))
  return { members: new Map(names.map((member, index) => [member, schemas[index]])), Command, Client }
}

const isConstructor = (value: unknown): value is Shape['Command'] => typeof value === 'function'
const isClient = (value: unknown): value is Shape['Client'] => typeof value === 'function'
const toPascal = (name: string) =>
  name.replaceAll(/(^|-)(\w)/g, (_, __, letter: string) => letter.toUpperCase())
const toPlain = (name: string) => name.replaceAll('-', '').toLowerCase()
const resolve = (schema: unknown): unknown => (typeof schema === 'function' ? resolve(schema()) : schema)

const memberOf = ({ service, operation }: AwsCommand, { members }: Shape, option: string) => {
  const command = `${service} ${operation}`
  const renamed = RENAMED[`${command} ${option}`]
  if (renamed !== undefined) return [...members].find(([name]) => name === renamed)
  const others = Object.entries(RENAMED).flatMap(([key, name]) => (key.startsWith(`${command} `) ? name : []))
  return [...members].find(([name]) => toPlain(name) === toPlain(option) && !others.includes(name))
}

/** Returns a sentence for everything that the AWS CLI would refuse. */
export const findWrongArguments = async (command: AwsCommand): Promise<readonly string[]> => {
  const { service, operation, options, positionals } = command
  const name = `${service} ${operation}`
  const custom = CUSTOM[name]
  const shape = custom ? undefined : await shapeOf(command)
  if (!custom && !shape) return [`aws has no ${name}`]
  const extra = positionals.slice(POSITIONALS[name] ?? 0)
  return [
    ...extra.map((word) => `${name} takes no ${word}`),
    ...[...options].flatMap(([option, values]) => {
      const isKnown =
        GLOBAL.includes(option) || custom?.includes(option) || (shape && memberOf(command, shape, option))
      if (!isKnown) return [`${name} has no --${option}`]
      return values.length === 0 && !option.startsWith('no-') ? [`${name} --${option} has no value`] : []
    }),
  ]
}

/**
 * Returns the input of the operation, with `file://` values replaced.
 *
 * @param readFile Returns the content of a file by its name.
 */
export const toInput = (command: AwsCommand, shape: Shape, readFile: (name: string) => string): object => {
  const entries = [...command.options].flatMap(([option, values]) => {
    const member = memberOf(command, shape, option)
    if (!member) return []
    const [name, schema] = member
    const texts = values.map((text) => (text.startsWith('file://') ? readFile(text.slice(7)) : text))
    return [[name, toValue(schema, texts)] as const]
  })
  return Object.fromEntries(entries)
}

/** SDK: 1 is a number, 2 a boolean, 21 a blob; 64 and more are lists, 128 and more maps. */
const toValue = (given: unknown, [first = '', ...rest]: readonly string[]): unknown => {
  const schema = resolve(given)
  if (!Array.isArray(schema)) {
    if (schema === 1) return Number(first)
    if (typeof schema === 'number' && schema >= 64 && schema < 128) return [first, ...rest]
    return typeof schema === 'number' && schema >= 128 ? JSON.parse(first) : first
  }
  // [schema, traits] is a member with traits, [0, namespace, name, traits, schema] a simple type with a name.
  if (schema.length === 2) return toValue(schema[0], [first, ...rest])
  if (schema[0] === 0) return schema[4] === 21 ? Buffer.from(first) : toValue(schema[4], [first, ...rest])
  return JSON.parse(first)
}
