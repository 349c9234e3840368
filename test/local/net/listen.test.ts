import { createServer } from 'node:http'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import {
  closeServer,
  ensureFreePort,
  findFreePorts,
  listen,
  PortTakenError,
} from '../../../local/net/listen.ts'

test('a port that is in use is refused until its server is closed', async () => {
  const server = createServer()
  const port = await listen(server)
  await expect(listen(createServer(), port)).rejects.toThrow(new PortTakenError(port))
  await expect(ensureFreePort(port)).rejects.toThrow(`Port ${port} on 127.0.0.1 is already in use.`)
  await closeServer(server)
  await ensureFreePort(port)
})

test('closing a server closes its open connections', async () => {
  const server = createServer()
  const port = await listen(server)
  const socket = connect(port, '127.0.0.1').on('error', () => undefined)
  const closed = new Promise((resolve) => socket.once('close', () => resolve('closed')))
  await new Promise((resolve) => socket.once('connect', resolve))
  await closeServer(server)
  expect(await closed).toBe('closed')
})

test('closing a server that is not listening does nothing', async () => {
  await closeServer(createServer())
})

test('free ports are different, and below the ephemeral range', async () => {
  const ports = await findFreePorts(20)
  expect(new Set(ports).size).toBe(20)
  expect(Math.max(...ports)).toBeLessThan(32_768)
  await Promise.all(ports.map(ensureFreePort))
})
