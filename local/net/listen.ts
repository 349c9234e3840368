import { randomInt } from 'node:crypto'
import { createServer, type Server } from 'node:net'

/**
 * Listens on 127.0.0.1 and returns the port.
 *
 * @param port Default: a free one.
 * @throws {PortTakenError}
 */
export function listen(server: Server, port = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      reject(error.code === 'EADDRINUSE' ? new PortTakenError(port) : error)
    }
    server.once('error', fail)
    // Tests open a thousand connections at once, more than the default backlog of 511.
    server.listen({ port, host: '127.0.0.1', backlog: 4096 }, () => {
      server.off('error', fail)
      const address = server.address()
      if (address === null || typeof address === 'string') reject(new Error('The server has no port.'))
      else resolve(address.port)
    })
  })
}

/** Another process is already listening on the port. */
export class PortTakenError extends Error {
  readonly port: number

  constructor(port: number) {
    super(`Port ${port} on 127.0.0.1 is already in use.`)
    this.port = port
  }
}

/** Stops listening and closes all connections. Does nothing if the server isn't listening. */
export function closeServer(server: Server & { closeAllConnections?: () => void }): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve()
    server.close(() => resolve())
    server.closeAllConnections?.()
  })
}

/**
 * Returns different ports that are free now, for a process that can't choose its own. Another process may
 * take one at any time. They are below the ephemeral ranges of Linux and macOS, so at least no outgoing
 * connection does.
 */
export async function findFreePorts(count: number): Promise<number[]> {
  const held = new Map<number, Server>()
  while (held.size < count) {
    const server = createServer()
    const port = randomInt(10_000, 32_768)
    await listen(server, port).then(
      () => held.set(port, server),
      (error: unknown) => {
        if (!(error instanceof PortTakenError)) throw error
      },
    )
  }
  await Promise.all([...held.values()].map(closeServer))
  return [...held.keys()]
}

/** @throws {PortTakenError} */
export async function ensureFreePort(port: number): Promise<void> {
  const server = createServer()
  await listen(server, port)
  await closeServer(server)
}
