import { createServer, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'

/**
 * A server in a thread of its own, so that it goes on while the test blocks its event loop.
 *
 * `full` blocks its own thread instead. The kernel then completes as many connections as its backlog has room
 * for, and drops the others without an answer, as a black hole does.
 *
 * `answering` answers each request with 200. Once the flag is raised, it does something to all its connections,
 * and answers requests on new ones only.
 */
const { kind, flag, act } = workerData

const block = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)

if (kind === 'full') {
  const server = createServer()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort?.postMessage(server.address())
    block()
  })
} else {
  const raised = new Int32Array(flag)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      if (!data.includes('\r\n\r\n')) return
      Atomics.add(raised, 1, 1)
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok')
    })
  })
  server.listen({ port: 0, host: '127.0.0.1' }, () => parentPort?.postMessage(server.address()))
  setInterval(() => {
    if (Atomics.exchange(raised, 0, 0) === 0) return
    for (const socket of sockets) {
      if (act === 'reset') socket.resetAndDestroy()
      else if (act === 'end') socket.end()
      else socket.write('HTTP/1.1 408 Request Timeout\r\ncontent-length: 3\r\n\r\nold')
    }
  }, 5)
}
