import { once } from 'node:events'
import { answerHelp } from '../tools/help.ts'
import { startWatchedStack } from './console/watched-stack.ts'
import { ensureFreePort, PortTakenError } from './net/listen.ts'
import { listenForStop } from './stack/stop-signal.ts'

/** The variable for the port of each part, and its default. */
const PORTS = {
  api: ['API_PORT', 3000],
  lambda: ['LAMBDA_PORT', 3002],
  sqs: ['SQS_PORT', 4566],
  livePerson: ['LIVEPERSON_PORT', 4570],
  secretsManager: ['SECRETS_MANAGER_PORT', 4584],
  dynamoDb: ['DYNAMODB_PORT', 8000],
  eventBridge: ['EVENT_BRIDGE_PORT', 4587],
  console: ['CONSOLE_PORT', 3010],
} as const

const HELP = `npm start

Runs the whole service on this machine until Ctrl-C: functions, queues, table, secrets, EventBridge, the LivePerson
simulator and the console, with config/local.json. Needs no AWS account.

Variables for the ports:
${Object.values(PORTS)
  .map(([variable, port]) => `  ${variable.padEnd(22)} default ${port}`)
  .join('\n')}`

/** `npm start`: runs the local stack on fixed ports until Ctrl-C or SIGTERM. */
async function main(): Promise<void> {
  const signal = listenForStop()
  const ports = {
    api: await pickPort(PORTS.api),
    lambda: await pickPort(PORTS.lambda),
    sqs: await pickPort(PORTS.sqs),
    livePerson: await pickPort(PORTS.livePerson),
    secretsManager: await pickPort(PORTS.secretsManager),
    dynamoDb: await pickPort(PORTS.dynamoDb),
    eventBridge: await pickPort(PORTS.eventBridge),
    console: await pickPort(PORTS.console),
  }
  const stack = await startWatchedStack({ ports, print: (line) => console.log(line), signal })
  console.log(introduce(stack))
  if (!signal.aborted) await once(signal, 'abort')
  console.log('Stopping.')
  await stack.close()
}

async function pickPort([variable, fallback]: readonly [string, number]): Promise<number> {
  const wanted = process.env[variable] ?? String(fallback)
  const port = Number(wanted)
  if (!/^\d+$/.test(wanted) || port < 1 || port > 65_535)
    throw new Error(`${variable} isn't a port: ${wanted}`)
  await ensureFreePort(port).catch((error: unknown) => {
    if (error instanceof PortTakenError)
      throw new Error(`${error.message} Choose another one: ${variable}=… npm start`)
    throw error
  })
  return port
}

function introduce({
  consoleUrl,
  apiUrl,
  lambdaUrl,
  livePerson,
  sqs,
  ...aws
}: Awaited<ReturnType<typeof startWatchedStack>>): string {
  const { dynamoDb, secretsManager, eventBridge } = aws
  return `
  Console               ${consoleUrl}
  HTTP API              ${apiUrl}
  Lambda invoke API     ${lambdaUrl}
  LivePerson simulator  ${livePerson.url}
  Events queue          ${sqs.eventsQueueUrl}
  Hand-over queue       ${sqs.handOverQueueUrl}
  Quarantine queue      ${sqs.quarantineQueueUrl}
  DynamoDB              ${dynamoDb.url}, table ${dynamoDb.stateTable}
  Secrets Manager       ${secretsManager.url}
  EventBridge           ${eventBridge.url}

  Open the console in a browser to submit a form and to answer as an agent. Or submit one here:
    curl -i ${apiUrl}/conversations -H 'content-type: application/json' -d @local/examples/form-request.json
  Send a CRM event:
    npx node local/send-event.ts local/examples/crm-event.json ${sqs.eventsQueueUrl}
  Get the status of the form:
    curl -i ${apiUrl}/conversations/$(npx node -p "require('./local/examples/form-request.json').requestId")

  The same requestId always returns the same conversation. Press Ctrl-C to stop.
`
}

answerHelp(HELP)

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
