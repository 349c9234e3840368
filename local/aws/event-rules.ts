import { z } from 'zod'
import { matchesPattern, PatternError } from './event-pattern.ts'
import { AWS_ACCOUNT_ID, REGION } from './sdk.ts'

/** An error that EventBridge answers with. */
export class EventRuleError extends Error {
  readonly type: string

  constructor(type: string, message: string) {
    super(message)
    this.type = type
  }
}

interface Rule {
  readonly name: string
  readonly bus: string
  readonly pattern: unknown
  /** ARNs by target id. */
  readonly targets: Map<string, string>
}

/**
 * Returns the rules of all buses, and the operations of EventBridge that change them.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
 */
export function createEventRules() {
  const rules = new Map<string, Rule>()

  const find = ({ Name, Rule: rule, EventBusName }: z.infer<typeof Named>): Rule => {
    const found = rules.get(keyOf(EventBusName, Name ?? rule ?? ''))
    if (found) return found
    throw new EventRuleError('ResourceNotFoundException', `Rule ${Name ?? rule} does not exist.`)
  }

  return {
    /** Performs an operation, and returns the answer's members. @throws {EventRuleError} */
    perform(action: string, input: unknown): object {
      switch (action) {
        case 'PutRule': {
          const { Name, EventBusName, EventPattern } = PutRule.parse(input)
          const bus = toBusName(EventBusName)
          const pattern = readPattern(EventPattern)
          const targets = rules.get(keyOf(EventBusName, Name))?.targets ?? new Map<string, string>()
          rules.set(keyOf(EventBusName, Name), { name: Name, bus, pattern, targets })
          return { RuleArn: `arn:aws:events:${REGION}:${AWS_ACCOUNT_ID}:rule/${bus}/${Name}` }
        }
        case 'PutTargets': {
          const { Targets, ...rule } = PutTargets.parse(input)
          for (const { Id, Arn } of Targets) find(rule).targets.set(Id, Arn)
          return { FailedEntryCount: 0, FailedEntries: [] }
        }
        case 'RemoveTargets': {
          const { Ids, ...rule } = RemoveTargets.parse(input)
          for (const id of Ids) find(rule).targets.delete(id)
          return { FailedEntryCount: 0, FailedEntries: [] }
        }
        case 'DeleteRule': {
          const { Name, EventBusName } = DeleteRule.parse(input)
          if ((rules.get(keyOf(EventBusName, Name))?.targets.size ?? 0) > 0)
            throw new EventRuleError('ValidationException', "Rule can't be deleted since it has targets.")
          rules.delete(keyOf(EventBusName, Name))
          return {}
        }
        default:
          throw new EventRuleError(
            'UnknownOperationException',
            action ? `The action ${action} isn't supported.` : 'The X-Amz-Target header is missing.',
          )
      }
    },

    /** Returns the ARNs of the targets of all rules that match an event. */
    targetsOf: (bus: string, event: object): readonly string[] =>
      [...rules.values()]
        .filter((rule) => rule.bus === bus && matchesPattern(rule.pattern, event))
        .flatMap(({ targets }) => [...targets.values()]),

    /** Returns the names of all rules. */
    names: (): readonly string[] => [...rules.values()].map(({ name }) => name),
  }
}

const bus = z.string().default('default')
const Named = z.object({ Name: z.string().optional(), Rule: z.string().optional(), EventBusName: bus })
const PutRule = z.object({ Name: z.string().min(1).max(64), EventBusName: bus, EventPattern: z.string() })
const DeleteRule = z.object({ Name: z.string(), EventBusName: bus })
const PutTargets = z.object({
  Rule: z.string(),
  EventBusName: bus,
  Targets: z.array(z.object({ Id: z.string(), Arn: z.string() })).min(1),
})
const RemoveTargets = z.object({ Rule: z.string(), EventBusName: bus, Ids: z.array(z.string()).min(1) })

/** A bus is named by its name or its ARN. */
const toBusName = (name: string): string => name.replace(/^.*event-bus\//, '')

const keyOf = (eventBus: string, rule: string): string => `${toBusName(eventBus)}/${rule}`

const readPattern = (text: string): unknown => {
  try {
    const pattern: unknown = JSON.parse(text)
    // A pattern that isn't supported here fails now, and not with the first event.
    matchesPattern(pattern, {})
    return pattern
  } catch (error) {
    if (error instanceof PatternError || error instanceof SyntaxError)
      throw new EventRuleError('InvalidEventPatternException', `Event pattern is not valid. ${error.message}`)
    throw error
  }
}
