import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'
import dynalite from 'dynalite'

/**
 * dynalite in a thread of its own. It throws out of a request whose client died, and on some input, where nobody can catch it:
 * here that costs the one connection, not the process or the data.
 */
const server = dynalite({ createTableMs: 0 })
const current = new AsyncLocalStorage<ServerResponse>()
const open = new Set<ServerResponse>()

const handlers = server.listeners('request')
server.removeAllListeners('request')
server.on('request', (request: IncomingMessage, response: ServerResponse) => {
  open.add(response)
  response.once('close', () => open.delete(response))
  current.run(response, () => {
    for (const handle of handlers) handle.call(server, request, response)
  })
})

process.on('uncaughtException', () => {
  const response = current.getStore()
  // Which request it was is not always known; a cut connection is tried again by the SDK, a silent one would hang.
  for (const cut of response ? [response] : open) cut.destroy()
})

server.once('error', (error: NodeJS.ErrnoException) =>
  parentPort?.postMessage({ error: error.message, code: error.code }),
)
server.listen(workerData.port, '127.0.0.1', () => {
  const address = server.address()
  parentPort?.postMessage({ port: typeof address === 'object' ? address?.port : undefined })
})
