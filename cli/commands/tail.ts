import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { describeOutcome, OUTCOME_SOURCE, readOutcomeEvent } from '../../lib/conversation/outcome-event.ts'
import { findOutcomeStage, OUTCOME_FLAGS, OUTCOME_OPTIONS } from '../outcome-stage.ts'
import { subscribe } from '../outcome-subscription.ts'
import type { Command, ExitCode } from './command.ts'

const HELP = `npm run ops -- tail [--account <id>] [--stage <stage>] [--json]

Prints the outcomes of a stage as they happen, until Ctrl-C. It creates a temporary queue and a rule on the bus,
both named <service>-<stage>-tail-…, and deletes them at the end. Other consumers of the bus are not affected.
Events may come twice or out of order: the number behind # counts the outcomes of a request.

${OUTCOME_FLAGS}
  --json           print each event's detail-type and detail as one line of JSON

Exits with 0 after Ctrl-C, 1 if something failed. If the process is killed, delete the queue and the rule by
hand. The AWS credentials need the policy in docs/outcomes.md.`

/** `tail`: prints outcomes as they happen. */
export const tail: Command = {
  summary: 'prints outcomes as they happen',
  help: HELP,
  run: async (args, { env, print, printError, signal }): Promise<ExitCode> => {
    const { values: flags } = parseArgs({ args: [...args], options: OUTCOME_OPTIONS })
    const { stage, service, region, stateTable, eventBus } = findOutcomeStage(flags, env)
    const name = `${service}-${stage}-tail-${randomUUID().slice(0, 8)}`
    const subscription = await subscribe({
      ...{ name, region, eventBus },
      pattern: {
        source: [OUTCOME_SOURCE],
        // Several stages may share a bus.
        resources: [{ suffix: `:table/${stateTable}` }],
        ...(flags.account !== undefined && { detail: { accountId: [flags.account] } }),
      },
    })
    let left: readonly string[]
    try {
      printError(`Waiting for outcomes of stage ${stage}. Press Ctrl-C to stop.`)
      while (!signal.aborted)
        for (const event of await subscription.receive(signal)) {
          const outcome = readOutcomeEvent(event)
          if (!outcome) printError('An event has another version and was skipped.')
          else if (flags.json)
            print(JSON.stringify({ 'detail-type': outcome.detailType, detail: outcome.detail }))
          else print(describeOutcome(outcome))
        }
    } finally {
      left = await subscription.remove()
      for (const what of left) printError(`Could not remove the ${what}. Delete it by hand.`)
    }
    return left.length === 0 ? 0 : 1
  },
}
