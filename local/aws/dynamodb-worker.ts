import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { parentPort, workerData } from 'node:worker_threads'
import dynalite from 'dynalite'
import database, { type ItemDb } from 'dynalite/db/index.js'

if (workerData.captures) captureWrites()

// dynalite throws uncatchable errors on some input, and if a client disconnects in the middle of a request.
// In a thread of its own, such an error costs one connection instead of the process and the data.
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
  // The failed request isn't always known. The SDK retries a closed connection, but would wait for a silent
  // one.
  for (const failed of response ? [response] : open) failed.destroy()
})

server.once('error', (error: NodeJS.ErrnoException) =>
  parentPort?.postMessage({ error: error.message, code: error.code }),
)
server.listen(workerData.port, '127.0.0.1', () => {
  const address = server.address()
  parentPort?.postMessage({ port: typeof address === 'object' ? address?.port : undefined })
})

/**
 * Reports each write of an item to the main thread, with its images before and after. dynalite has no
 * streams. It holds a lock on the item's key while it writes, so the writes of one item are reported in
 * order.
 */
function captureWrites(): void {
  const { create } = database
  database.create = (options) => {
    const store = create(options)
    const captured = new Set<ItemDb>()
    const { getItemDb } = store
    store.getItemDb = (table) => {
      const items = getItemDb(table)
      if (captured.has(items)) return items
      captured.add(items)
      const { put, del } = items
      items.put = (key, newImage, done) =>
        items.get(key, (_, oldImage) =>
          put(key, newImage, (error) => {
            if (!error) parentPort?.postMessage({ table, oldImage, newImage })
            done(error)
          }),
        )
      items.del = (key, done) =>
        items.get(key, (_, oldImage) =>
          del(key, (error) => {
            if (!error) parentPort?.postMessage({ table, oldImage })
            done(error)
          }),
        )
      return items
    }
    return store
  }
}
