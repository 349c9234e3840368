import { createServer, type RequestListener } from 'node:http'

/**
 * Listens on 127.0.0.1.
 *
 * @param port 0: a free one.
 * @throws {Error} The port is taken.
 */
export const listen = async (port: number, listener: RequestListener): Promise<Listener> => {
  const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 0 }, listener)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host: '127.0.0.1', backlog: 4096 }, resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    host: `127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** One port that is listened on. */
export interface Listener {
  /** Host with port. */
  readonly host: string
  /** Destroys all connections; resolves when the port is free. */
  close(): Promise<void>
}
