import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

/** An address on loopback that drops all packets, as a host behind a broken route does. */
export interface BlackHole {
  /** Host and port. */
  readonly host: string
  close(): Promise<void>
}

/** Starts a server that never accepts a connection, and fills its backlog. */
export const startBlackHole = async (): Promise<BlackHole> => {
  const worker = new Worker(new URL('../lib/net/other-thread.ts', import.meta.url), {
    workerData: { kind: 'full' },
  })
  const [{ port }] = await once(worker, 'message')
  const fillers: Socket[] = Array.from({ length: 4 }, () => connect({ port, host: '127.0.0.1' }))
  for (const filler of fillers) filler.on('error', () => undefined)
  await sleep(100)
  return {
    host: `127.0.0.1:${port}`,
    close: async () => {
      for (const filler of fillers) filler.destroy()
      await worker.terminate()
    },
  }
}
