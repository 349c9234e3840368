import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import * as z from 'zod'
import { createEventBus } from '../../lib/aws/event-bus.ts'
import { type Item, scanTable } from '../../lib/aws/state-table.ts'
import {
  OUTCOME_KEYS,
  type OutcomeItem,
  outcomeItem,
  toOutcomeEvent,
} from '../../lib/conversation/outcome-event.ts'
import { publishInOrder } from '../../lib/conversation/publish.ts'
import { ServiceUnavailableError } from '../../lib/errors/errors.ts'
import { readSince } from '../arguments.ts'
import { AWS } from '../aws.ts'
import { findOutcomeStage, OUTCOME_FLAGS, OUTCOME_OPTIONS, type OutcomeStage } from '../outcome-stage.ts'
import { type Command, type CommandContext, type CommandGroup, type ExitCode, UsageError } from './command.ts'

const HELP = `npm run ops -- outcomes republish --since <time> [--account <id>] [--dry-run] [--stage <stage>] [--json]

Publishes outcome events again, from the state table: one event for each request whose outcome changed since
then, with its current outcome and its current number. Consumers recognize an event that they already have by
accountId, door, requestId and sequence. Use it after publishing failed, or for a new consumer. It reads the
whole table, which costs 1 read unit per 4 KB.

  --since          a time such as 2026-11-26T09:00:00Z, or 90m, 24h, 7d. Required. Items are kept for 30 days
  --dry-run        only say how many events there are
${OUTCOME_FLAGS}
  --json           print one JSON object: {stage, since, found, published, unreadable, dryRun}

Exits with 0 if everything was published, 1 if something was not, 130 after Ctrl-C. Running it again publishes
everything again. The AWS credentials need dynamodb:Scan and dynamodb:DescribeTable on the state table, and
events:PutEvents on the bus. docs/outcomes.md has the policy.`

const OPTIONS = { ...OUTCOME_OPTIONS, since: { type: 'string' }, 'dry-run': { type: 'boolean' } } as const

/** How many events are put before progress is shown. */
const CHUNK = 100

const republish: Command = {
  summary: 'publishes outcome events again, from the state table',
  help: HELP,
  run: async (args, context): Promise<ExitCode> => {
    const { values: flags } = parseArgs({ args: [...args], options: OPTIONS })
    if (flags.since === undefined)
      throw new UsageError('Say since when: --since 2026-11-26T09:00:00Z, or --since 24h.')
    const since = readSince(flags.since, context.now())
    const stage = findOutcomeStage(flags, context.env)
    const { items, unreadable } = await find(stage, since, flags.account)
    const dryRun = flags['dry-run'] ?? false
    const published = dryRun ? 0 : await publish(stage, items, context)
    const found = items.length
    const { print } = context
    if (flags.json)
      print(
        JSON.stringify({
          ...{ stage: stage.stage, since: new Date(since).toISOString(), found, published },
          ...{ unreadable, dryRun },
        }),
      )
    else {
      print(
        dryRun ? `${found} events would be published.` : `${published} of ${found} events were published.`,
      )
      if (unreadable > 0)
        print(`${unreadable} items could not be read. The log of publishOutcomes has the reason.`)
    }
    if (context.signal.aborted && published < found) return 130
    return unreadable === 0 && (dryRun || published === found) ? 0 : 1
  },
}

const FINAL: readonly string[] = outcomeItem.shape.status.options

/** Returns the items with an outcome since a time, the oldest outcome first. */
const find = async (
  { stateTable }: OutcomeStage,
  since: number,
  accountId: string | undefined,
): Promise<{ readonly items: readonly OutcomeItem[]; readonly unreadable: number }> => {
  const [requests, refused] = OUTCOME_KEYS
  const names = [
    'pk',
    'outcomeNumber',
    'outcomeAt',
    'updatedAt',
    ...(accountId === undefined ? [] : ['accountId']),
  ]
  const found = await scanTable(
    { name: stateTable, aws: AWS },
    {
      expression: `(begins_with(#pk, :requests) OR begins_with(#pk, :refused)) AND #outcomeNumber > :zero AND (#outcomeAt >= :since OR (attribute_not_exists(#outcomeAt) AND #updatedAt >= :since))${accountId === undefined ? '' : ' AND #accountId = :accountId'}`,
      names: Object.fromEntries(names.map((name) => [name, name])),
      values: { requests, refused, zero: 0, since, ...(accountId !== undefined && { accountId }) },
    },
  )
  // A request that was given up, and is being attempted again, has no outcome at present.
  const read = found.filter(({ status }) => FINAL.includes(String(status))).map(readItem)
  const items = read.filter((item) => item !== undefined)
  const timeOf = ({ outcomeAt, updatedAt }: OutcomeItem) => outcomeAt ?? updatedAt
  return { items: items.toSorted((a, b) => timeOf(a) - timeOf(b)), unreadable: read.length - items.length }
}

const readItem = (item: Item): OutcomeItem | undefined => {
  const { data } = z.safeParse(outcomeItem, item)
  return data
}

/** Returns how many events the bus has. */
const publish = async (
  { region, stateTable, eventBus }: OutcomeStage,
  items: readonly OutcomeItem[],
  { progress, printError, signal }: CommandContext,
): Promise<number> => {
  if (items.length === 0) return 0
  const tableArn = await findTableArn(region, stateTable)
  const bus = createEventBus({ name: eventBus, aws: AWS })
  let published = 0
  for (let start = 0; start < items.length; start += CHUNK) {
    const publications = items
      .slice(start, start + CHUNK)
      .map((item) => ({ key: item.pk, event: toOutcomeEvent(item) }))
    const { left, error } = await publishInOrder({
      ...{ bus, publications, tableArn, sleep, random: Math.random },
      hasTime: () => !signal.aborted,
    })
    published += publications.length - left.length
    if (left.length > 0) {
      printError(
        `The bus ${eventBus} does not take more: ${error instanceof Error ? error.message : 'stopped'}`,
      )
      return published
    }
    progress(`${published} of ${items.length} events`)
  }
  return published
}

const findTableArn = async (region: string, stateTable: string): Promise<string> => {
  const client = new DynamoDBClient({ region, maxAttempts: 3 })
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: stateTable }))
    return Table?.TableArn ?? ''
  } catch (cause) {
    throw new ServiceUnavailableError({ detail: `DynamoDB DescribeTable of ${stateTable} failed.`, cause })
  } finally {
    client.destroy()
  }
}

/** `outcomes`: the outcome events. */
export const outcomes: CommandGroup = {
  summary: 'publishes outcome events again, from the state table',
  notes: 'npm run ops -- tail prints outcomes as they happen.',
  verbs: new Map([['republish', republish]]),
}
