import { setTimeout as sleep } from 'node:timers/promises'
import { readStageNames } from '../../tools/serverless-yml.ts'
import { startEventSourceMapping } from '../aws/event-source-mapping.ts'
import { invokeByApi } from '../aws/invoke.ts'
import { readResources } from '../aws/resources.ts'
import { startHttpApi } from './http-api.ts'
import { readLocalStage } from './local-stage.ts'
import { startOffline } from './offline.ts'
import { createStateStream, startOutcomes } from './outcomes.ts'
import { type StandInName, startStandIns } from './stand-ins.ts'

/** The whole service on this machine, with everything that it calls. */
export type Stack = Awaited<ReturnType<typeof startStack>>

/** The parts that listen on a port. */
export type PortName = 'api' | 'lambda' | StandInName

/**
 * Starts the stand-ins, Lambda and the schedule (`serverless offline`), the event source mappings from the
 * queues and from the table's stream to their functions, and the HTTP API. Several stacks can run at once.
 * LivePerson has every account and campaign of config/local.json.
 *
 * @param options.ports Default: free ones.
 * @param options.watch Whether to rebuild when a file in functions/ or lib/ changes. Default: no.
 * @param options.environment More variables for the handlers. serverless.yml must read them from outside, as
 *   it does LOG_LEVEL.
 * @param options.log Called with each line that the functions and the mappings print.
 * @param options.signal Aborts the start.
 * @throws {Error} config/local.json has mistakes, or a part didn't start. Those that had started are stopped.
 */
export async function startStack(
  options: {
    readonly ports?: Readonly<Partial<Record<PortName, number>>>
    readonly watch?: boolean
    readonly environment?: Readonly<Record<string, string>>
    readonly log?: (line: string) => void
    /** Called with each item of the state table that is written, as DynamoDB stores it. */
    readonly onWrite?: (image: unknown) => void
    readonly signal?: AbortSignal
  } = {},
) {
  const { ports = {}, log, onWrite } = options
  const stops: (() => unknown)[] = []
  async function close(): Promise<void> {
    for (const stop of stops.splice(0).reverse()) await stop()
  }

  try {
    const stage = readLocalStage(log ?? (() => undefined))
    const { secretIdPrefix } = readStageNames('local')
    const stateStream = createStateStream()
    const stream: typeof stateStream = {
      ...stateStream,
      push: (write) => {
        onWrite?.(write.newImage)
        stateStream.push(write)
      },
    }
    const standIns = await startStandIns({ secretIdPrefix, configured: stage.accounts, stream, ports })
    stops.push(standIns.close)
    const { livePerson, sqs, dynamoDb, secretsManager, eventBridge } = standIns

    const offline = await startOffline({
      environment: {
        ...standIns.awsEnvironment,
        ...standIns.serviceEnvironment,
        ...options.environment,
      },
      lambdaPort: ports.lambda,
      watch: options.watch,
      log,
      signal: options.signal,
    })
    stops.push(offline.close)

    /** While the containers are replaced, Lambda makes callers wait. */
    const invokerOf = (functionName: string) => {
      const invoke = invokeByApi({ url: offline.lambdaUrl, functionName })
      return Object.assign(
        async (event: object) => {
          await offline.ready()
          return invoke(event)
        },
        { close: invoke.close },
      )
    }

    const { eventSources, httpApi } = readResources()
    for (const { functionName, queueArn, ...source } of eventSources) {
      const invoke = invokerOf(functionName)
      const mapping = startEventSourceMapping({
        ...source,
        queueArn,
        queueUrl: sqs.urlOf(queueArn),
        invoke,
        ...(log ? { log } : {}),
      })
      stops.push(async () => {
        const stopped = mapping.stop()
        // A hanging batch must not block the stop. Without `serverless offline`, its invocation fails.
        await Promise.race([stopped, sleep(2_000, undefined, { ref: false })])
        await offline.close()
        await stopped
        invoke.close()
      })
    }

    const invokes: ReturnType<typeof invokerOf>[] = []
    const outcomes = startOutcomes({
      stream,
      sqs,
      log,
      invoke: (functionName) => {
        const invoke = invokerOf(functionName)
        invokes.push(invoke)
        return invoke
      },
    })
    stops.push(async () => {
      const stopped = outcomes.stop()
      await Promise.race([stopped, sleep(2_000, undefined, { ref: false })])
      await offline.close()
      await stopped
      for (const invoke of invokes) invoke.close()
    })

    const routes = httpApi.routes.map(({ functionName, ...route }) => ({
      ...route,
      invoke: invokerOf(functionName),
    }))
    stops.push(() => {
      for (const { invoke } of routes) invoke.close()
    })
    const api = await startHttpApi({ routes, cors: httpApi.cors, port: ports.api })
    stops.push(api.close)
    livePerson.settings.pushUrl = api.url

    return {
      stage,
      apiUrl: api.url,
      lambdaUrl: offline.lambdaUrl,
      livePerson,
      sqs,
      dynamoDb,
      secretsManager,
      eventBridge,
      accounts: standIns.accounts,
      /** Kills the containers of all functions, and what they are doing. */
      kill: offline.kill,

      /** Stops everything. No process, port or temporary file is left. */
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
