import { describeOutcome, readOutcomeEvent } from '../../lib/conversation/outcome-event.ts'
import { toReadable } from '../stack/log-line.ts'
import { type PortName, type Stack, startStack } from '../stack/stack.ts'
import { startConsole } from './console.ts'
import { createSwitches } from './switches.ts'
import { createTimeline } from './timeline.ts'

/**
 * Starts the local stack with its console. Functions are built again after a change.
 *
 * @param options.print Called with each line of the log and each outcome, as a person reads them.
 * @throws {Error} As `startStack` does.
 */
export const startWatchedStack = async ({
  ports = {},
  print,
  signal,
}: {
  readonly ports?: Readonly<Partial<Record<PortName | 'console', number>>>
  readonly print: (line: string) => void
  readonly signal?: AbortSignal
}) => {
  let stack: Stack | undefined
  const timeline = createTimeline({
    calls: () => stack?.livePerson.requests() ?? [],
    consumers: () => stack?.livePerson.consumers() ?? [],
  })
  const log = (line: string) => {
    timeline.addLine(line)
    const readable = toReadable(line)
    if (readable !== undefined) print(readable)
  }
  const { console: consolePort, ...others } = ports
  stack = await startStack({
    ports: others,
    watch: true,
    log,
    onWrite: timeline.addWrite,
    ...(signal && { signal }),
  })
  const { apiUrl, stage, livePerson, accounts, sqs, kill, eventBridge, close } = stack
  eventBridge.subscribe((event) => {
    timeline.addOutcome(event)
    const outcome = readOutcomeEvent(event)
    if (outcome) print(`Outcome: ${describeOutcome(outcome)}`)
  })
  const switches = createSwitches({ livePerson, accounts })
  const parts = { apiUrl, stage, livePerson, depth: sqs.depth, timeline, switches, kill }
  try {
    const console = await startConsole({ ...parts, port: consolePort })
    return {
      ...stack,
      consoleUrl: console.url,
      close: async () => {
        await console.close()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}
