import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import type { StandInOptions } from './stand-in/server.ts'

const Calls = z.record(z.string(), z.number())

const Started = z.object({ importMs: z.number(), loadsUndici: z.boolean() })

const Work = z.object({
  /** Of each event, in milliseconds. */
  durationsMs: z.array(z.number()),
  /** Of all events, in milliseconds. */
  wallMs: z.number(),
  cpuMs: z.number(),
  failures: z.array(z.string()),
  /** The most memory that the process has had so far. */
  peakRssMb: z.number(),
  /** After the work. Garbage is collected first if Node.js was started with `--expose-gc`. */
  heapMb: z.number(),
  rssMb: z.number(),
})

/** What a container did for some events. */
export type Work = z.infer<typeof Work>

export type Container = Awaited<ReturnType<typeof startContainer>>

/** Starts the process that stands in for LivePerson, DynamoDB and Secrets Manager. */
export const startStandIn = async (options: z.infer<typeof StandInOptions>) => {
  const file = fileURLToPath(new URL('stand-in/server.ts', import.meta.url))
  const child = fork(file, [JSON.stringify(options)])
  const { port } = z.object({ port: z.number() }).parse(await hear(child))
  return {
    port,
    /** Returns how often each service was called since the last call of this function. */
    calls: async (): Promise<Readonly<Record<string, number>>> => {
      child.send({})
      return z.object({ calls: Calls }).parse(await hear(child)).calls
    },
    stop: () => stop(child),
  }
}

/**
 * Starts a process that loads a handler.
 *
 * @param options.harness The bundled `container.ts`.
 * @param options.handler The packaged handler.
 * @param options.nodeOptions Such as `--expose-gc`. Default: none.
 */
export const startContainer = async ({
  harness,
  handler,
  env,
  nodeOptions = [],
}: {
  readonly harness: string
  readonly handler: string
  readonly env: Readonly<Record<string, string>>
  readonly nodeOptions?: readonly string[]
}) => {
  const child = fork(harness, [handler], {
    env: { ...env },
    execArgv: [...nodeOptions],
    // The log costs what it costs, and goes nowhere.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const { importMs, loadsUndici } = Started.parse(await hear(child))
  return {
    importMs,
    loadsUndici,
    /**
     * Invokes the handler with one event after another.
     *
     * @param pauseMs The pause after each event, in milliseconds. Default: none.
     * @throws {Error} A form or a record was not opened.
     */
    invoke: async (events: readonly object[], pauseMs = 0): Promise<Work> => {
      child.send({ events, pauseMs })
      const work = Work.parse(await hear(child))
      const [failure] = work.failures
      if (failure !== undefined)
        throw new Error(`${work.failures.length} of ${events.length} failed: ${failure}`)
      return work
    },
    stop: () => stop(child),
  }
}

/** Returns the next message of a process. */
const hear = (child: ChildProcess): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const onExit = (code: number | null) => reject(new Error(`A process of the benchmark ended with ${code}`))
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message)
    })
  })

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null) return
  const exit = once(child, 'exit')
  child.disconnect()
  await exit
}
