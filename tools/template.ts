import { z } from 'zod'

const resource = z.looseObject({
  Type: z.string(),
  Condition: z.string().optional(),
  Properties: z.record(z.string(), z.unknown()).default({}),
})
const output = z.looseObject({ Condition: z.string().optional(), Value: z.unknown() })

const parameter = z.looseObject({
  Type: z.string(),
  Default: z.union([z.string(), z.number()]),
  Description: z.string(),
})

const template = z.object({
  Parameters: z.record(z.string(), parameter).default({}),
  Conditions: z.record(z.string(), z.unknown()).default({}),
  Resources: z.record(z.string(), resource),
  Outputs: z.record(z.string(), output),
})

/** A CloudFormation template. */
export type Template = z.infer<typeof template>

/** A resource of the CloudFormation template. */
export type Resource = z.infer<typeof resource>

/** Parses a CloudFormation template. @throws {z.ZodError} */
export const parseTemplate = (input: unknown): Template => template.parse(input)

/**
 * Returns a template as CloudFormation sees it if it gets no parameters: with every `Fn::If` decided, and
 * without the properties, resources and outputs whose condition is not met. Texts are joined. Other functions
 * stay as they are.
 *
 * @param decided Conditions to decide otherwise, by name.
 * @throws {Error} The template uses a condition that isn't declared, or in a way that isn't known here.
 */
export const resolveTemplate = (
  { Parameters, Conditions, Resources, Outputs }: Template,
  decided: Readonly<Record<string, boolean>> = {},
): Template => {
  const isMet = (name: unknown): boolean => {
    const known = decided[String(name)]
    if (known !== undefined) return known
    if (typeof name === 'string' && Object.hasOwn(Conditions, name)) return evaluate(Conditions[name])
    throw new Error(`The condition ${String(name)} isn't declared`)
  }

  const evaluate = (condition: unknown): boolean => {
    const [[name, argument] = ['', undefined]] = Object.entries(Object(condition))
    const parts: readonly unknown[] = Array.isArray(argument) ? argument : []
    switch (name) {
      case 'Condition':
        return isMet(argument)
      case 'Fn::Equals':
        return String(resolve(parts[0])) === String(resolve(parts[1]))
      case 'Fn::Not':
        return !evaluate(parts[0])
      case 'Fn::And':
        return parts.every(evaluate)
      case 'Fn::Or':
        return parts.some(evaluate)
      default:
        throw new Error(`The condition function ${name} isn't known here`)
    }
  }

  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve).filter((item) => item !== undefined)
    if (typeof value !== 'object' || value === null) return value
    if ('Fn::If' in value && Array.isArray(value['Fn::If'])) {
      const [name, met, otherwise] = value['Fn::If']
      return resolve(isMet(name) ? met : otherwise)
    }
    if ('Ref' in value && value.Ref === 'AWS::NoValue') return undefined
    const given = 'Ref' in value ? Parameters[String(value.Ref)] : undefined
    if (given) return given.Default
    const resolved = Object.fromEntries(
      Object.entries(value)
        .map(([name, item]) => [name, resolve(item)] as const)
        .filter(([, item]) => item !== undefined),
    )
    return joined(resolved['Fn::Join']) ?? resolved
  }

  /** Returns what `Fn::Join` makes of texts. */
  const joined = (argument: unknown): string | undefined => {
    const [separator, parts] = Array.isArray(argument) ? argument : []
    const isText = Array.isArray(parts) && parts.every((part) => typeof part === 'string')
    return isText && typeof separator === 'string' ? parts.join(separator) : undefined
  }

  const among = <T extends { readonly Condition?: string | undefined }>(all: Readonly<Record<string, T>>) =>
    Object.fromEntries(
      Object.entries(all).filter(([, { Condition }]) => Condition === undefined || isMet(Condition)),
    )

  return parseTemplate({
    Parameters,
    Conditions,
    Resources: resolve(among(Resources)),
    Outputs: resolve(among(Outputs)),
  })
}
