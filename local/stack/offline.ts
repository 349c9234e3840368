import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findFreePorts } from '../net/listen.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))

/** A running `serverless offline`: Lambda and the schedule. */
export interface Offline {
  /** The address of Lambda's invoke API. */
  readonly lambdaUrl: string
  /** Kills the containers of all functions, and what they are doing. Resolves when there are new ones. */
  kill(): Promise<void>
  /** Resolves when Lambda can be invoked. */
  ready(): Promise<void>
  close(): Promise<void>
}

/** One process of it. */
interface Running {
  readonly lambdaPort: number
  close(options?: { readonly signal: 'SIGKILL' }): Promise<void>
}

/**
 * Starts `serverless offline` for the stage `local` as a child process with its own build folder, and waits
 * until it answers. Its own HTTP API isn't used.
 *
 * @param options.environment Variables for the child process. Its handlers get `AWS_*`, and what
 *   serverless.yml reads.
 * @param options.lambdaPort Default: a free one.
 * @param options.watch Whether to rebuild when a file in functions/ or lib/ changes.
 * @param options.log Called with each line that the child process prints.
 * @param options.signal Aborts the start.
 * @throws {Error} The child process exited early. The message shows what it printed.
 */
export async function startOffline(options: OfflineOptions): Promise<Offline> {
  const first = await start(options)
  const { lambdaPort } = first
  let running = Promise.resolve(first)
  return {
    lambdaUrl: `http://127.0.0.1:${lambdaPort}`,
    async kill() {
      running = running.then(async (old) => {
        await old.close({ signal: 'SIGKILL' })
        return start({ ...options, lambdaPort })
      })
      await running
    },
    async ready() {
      await running
    },
    async close() {
      // A restart that failed has left nothing.
      await running.then(
        (last) => last.close(),
        () => undefined,
      )
    },
  }
}

async function start(options: OfflineOptions): Promise<Running> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(options)
    } catch (error) {
      // Another stack that is starting may have taken a port that was free a moment ago.
      const isPortTaken = error instanceof Error && error.message.includes('EADDRINUSE')
      if (!isPortTaken || attempt === 3 || options.lambdaPort !== undefined) throw error
    }
  }
}

interface OfflineOptions {
  readonly environment: Readonly<Record<string, string>>
  readonly lambdaPort?: number | undefined
  readonly watch?: boolean | undefined
  readonly log?: ((line: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

async function startOnce(options: OfflineOptions): Promise<Running> {
  const [httpPort, freeLambdaPort = 0] = await findFreePorts(2)
  const lambdaPort = options.lambdaPort ?? freeLambdaPort
  const buildFolder = await mkdtemp(join(tmpdir(), 'campaign-conversations-'))
  const child = spawn(
    process.execPath,
    [
      ...['--import', new URL('./end-with-parent.ts', import.meta.url).href],
      ...[join(project, 'node_modules/serverless/bin/serverless.js'), 'offline', 'start', '--stage', 'local'],
      ...['--httpPort', String(httpPort), '--lambdaPort', String(lambdaPort)],
    ],
    {
      cwd: project,
      env: {
        ...withoutAws(process.env),
        ...options.environment,
        ESBUILD_WORK_FOLDER: relative(project, buildFolder),
        ...(options.watch ? { ESBUILD_WATCH: '{functions,lib}/**/*.ts' } : {}),
      },
      // Makes it the leader of a process group, so that killing the group ends its own child processes too.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  )

  const printed: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n').filter((part) => part.trim() !== '')) {
        printed.push(line)
        options.log?.(line)
      }
      printed.splice(0, printed.length - 40)
    })
  }
  let hasExited = false
  const exited = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    child.once('error', () => resolve())
  }).then(() => {
    hasExited = true
  })

  async function close({ signal = 'SIGTERM' }: { readonly signal?: NodeJS.Signals } = {}): Promise<void> {
    killGroup(child.pid, signal)
    await Promise.race([exited, sleep(500, undefined, { ref: false })])
    killGroup(child.pid, 'SIGKILL')
    await exited
    await rm(buildFolder, { recursive: true, force: true })
  }

  try {
    const deadline = Date.now() + 60_000
    // It starts Lambda first.
    while (!(await answers(`http://127.0.0.1:${httpPort}`))) {
      options.signal?.throwIfAborted()
      if (hasExited) throw new Error(`serverless offline exited while starting:\n${printed.join('\n')}`)
      if (Date.now() > deadline)
        throw new Error(`serverless offline didn't start within 60 s:\n${printed.join('\n')}`)
      await sleep(50)
    }
  } catch (error) {
    await close()
    throw error
  }
  return { lambdaPort, close }
}

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url, { headers: { connection: 'close' } })
    return true
  } catch {
    return false
  }
}

/** Keeps the developer's own AWS credentials from the handlers. */
function withoutAws(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('AWS_')))
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // The group has already exited.
  }
}
