import { createServer, type RequestListener } from 'node:http'
import { closeServer, listen } from '../../net/listen.ts'

/** A port that a listener is bound to. */
export interface Listener {
  /** Host and port, such as `127.0.0.1:4570`. */
  readonly host: string
  /** Destroys all connections. Resolves when the port is free. */
  close(): Promise<void>
}

/**
 * Serves HTTP on 127.0.0.1.
 *
 * @param port 0: a free one.
 * @throws {PortTakenError}
 */
export const startListener = async (port: number, listener: RequestListener): Promise<Listener> => {
  const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 0 }, listener)
  const host = `127.0.0.1:${await listen(server, port)}`
  return { host, close: () => closeServer(server) }
}
