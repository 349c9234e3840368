import { createServer, type Server } from 'node:net'

/**
 * Listens on loopback and gives the port.
 *
 * @param port Default: a free one.
 * @throws {Error} The port is taken, in one line that names it.
 */
export function listen(server: Server, port = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      reject(error.code === 'EADDRINUSE' ? new PortTakenError(port) : error)
    }
    server.once('error', fail)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', fail)
      const address = server.address()
      if (address === null || typeof address === 'string') reject(new Error('The server has no port.'))
      else resolve(address.port)
    })
  })
}

/** Another process listens on the port already. */
export class PortTakenError extends Error {
  readonly port: number

  constructor(port: number) {
    super(`Port ${port} on 127.0.0.1 is taken by another process.`)
    this.port = port
  }
}

/** Stops listening and cuts the connections that are open; quietly does nothing if the server does not listen. */
export function closeServer(server: Server & { closeAllConnections?: () => void }): Promise<void> {
  return new Promise((resolve) => {
    if (!server.listening) return resolve()
    server.close(() => resolve())
    server.closeAllConnections?.()
  })
}

/** Finds ports that are free now, for a process that cannot pick its own: all different, none promised. */
export async function findFreePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(servers.map((server) => listen(server)))
  await Promise.all(servers.map(closeServer))
  return ports
}

/** Checks that a port is free. @throws {PortTakenError} */
export async function ensureFreePort(port: number): Promise<void> {
  const server = createServer()
  await listen(server, port)
  await closeServer(server)
}
