import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { routeTlsTo } from './tls-route.ts'

interface Invocations {
  readonly events: readonly unknown[]
  /** The pause after each event, in milliseconds. */
  readonly pauseMs: number
}

/**
 * A container: a process that has loaded one packaged handler. It is bundled to plain JavaScript, so that
 * Node.js loads nothing in it to strip types. It loads nothing that a handler would load.
 *
 * Its parent sends events, and learns what they cost.
 */
const main = async (file: string): Promise<void> => {
  const { BENCH_TLS_PORT } = process.env
  if (BENCH_TLS_PORT !== undefined) routeTlsTo(Number(BENCH_TLS_PORT))
  const startedAt = performance.now()
  const { handler } = await import(pathToFileURL(file).href)
  const importMs = performance.now() - startedAt

  process.on('message', async ({ events, pauseMs }: Invocations) => {
    const durationsMs: number[] = []
    const failures: string[] = []
    globalThis.gc?.()
    const startedAt = performance.now()
    const before = process.cpuUsage()
    for (const event of events) {
      const begunAt = performance.now()
      const result = await handler(event, createContext())
      durationsMs.push(performance.now() - begunAt)
      if (!isGood(result)) failures.push(JSON.stringify(result))
      if (pauseMs > 0) await sleep(pauseMs)
    }
    const { user, system } = process.cpuUsage(before)
    const wallMs = performance.now() - startedAt
    globalThis.gc?.()
    process.send?.({
      durationsMs,
      wallMs,
      cpuMs: (user + system) / 1000,
      failures,
      peakRssMb: process.resourceUsage().maxRSS / 1000,
      heapMb: process.memoryUsage().heapUsed / 1e6,
      rssMb: process.memoryUsage().rss / 1e6,
    })
  })
  process.on('disconnect', () => process.exit())
  process.send?.({ importMs, loadsUndici: loadsUndici() })
}

/** Whether a form was answered with 201, or a batch without failures. */
const isGood = (result: { readonly statusCode?: number; readonly batchItemFailures?: readonly unknown[] }) =>
  result.statusCode === 201 || result.batchItemFailures?.length === 0

const createContext = () => {
  const endsAt = Date.now() + 15_000
  return {
    functionName: 'bench',
    functionVersion: '$LATEST',
    invokedFunctionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:bench',
    memoryLimitInMB: '1024',
    awsRequestId: randomUUID(),
    logGroupName: '/aws/lambda/bench',
    logStreamName: 'bench',
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => endsAt - Date.now(),
  }
}

/** `process.moduleLoadList` has the names of Node.js's own modules that were loaded. It isn't documented. */
const loadsUndici = (): boolean =>
  'moduleLoadList' in process &&
  Array.isArray(process.moduleLoadList) &&
  process.moduleLoadList.includes('NativeModule internal/deps/undici/undici')

const [, , file] = process.argv
if (file !== undefined) await main(file)
