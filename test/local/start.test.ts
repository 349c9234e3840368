import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test, vi } from 'vitest'
import { closeServer, findFreePorts, listen } from '../../local/net/listen.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))
const variables = [
  'API_PORT',
  'LAMBDA_PORT',
  'SQS_PORT',
  'LIVEPERSON_PORT',
  'SECRETS_MANAGER_PORT',
  'DYNAMODB_PORT',
  'CONSOLE_PORT',
  'EVENT_BRIDGE_PORT',
]
let child: ChildProcess | undefined

afterEach(() => {
  child?.kill('SIGKILL')
})

async function start(): Promise<{
  ports: Record<string, number>
  printed: () => string
  exit: Promise<unknown[]>
}> {
  const free = await findFreePorts(variables.length)
  const ports = Object.fromEntries(variables.map((name, index) => [name, free[index] ?? 0]))
  return { ports, ...run(ports) }
}

function run(ports: Record<string, number>) {
  const env = Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)]))
  child = spawn(process.execPath, ['local/start.ts'], { cwd: project, env: { ...process.env, ...env } })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
  }
  return { printed: () => text, exit: once(child, 'close') }
}

const isOpen = (port: number | undefined) =>
  fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  )

test('npm start prints every address and three commands, accepts a form, and stops cleanly on SIGTERM', async () => {
  const { ports, printed, exit } = await start()
  await vi.waitFor(() => expect(printed()).toContain('Press Ctrl-C to stop.'), { timeout: 30_000 })
  for (const port of Object.values(ports)) expect(printed()).toContain(`http://127.0.0.1:${port}`)
  expect(printed()).toContain('npx node local/send-event.ts local/examples/crm-event.json')
  expect(printed().match(/curl -i/g)).toHaveLength(2)

  const api = `http://127.0.0.1:${ports.API_PORT}`
  const form = { route: 'order-help', requestId: 'npm-start-1', consumer: { firstName: 'Ada' } }
  const headers = { 'content-type': 'application/json', origin: 'http://localhost:5173' }
  const submit = await fetch(`${api}/conversations`, { method: 'POST', headers, body: JSON.stringify(form) })
  expect([submit.status, await submit.json()]).toEqual([
    201,
    expect.objectContaining({
      requestId: 'npm-start-1',
      status: 'opened',
      conversationId: expect.any(String),
    }),
  ])
  expect(submit.headers.get('access-control-allow-origin')).toBe('http://localhost:5173')
  await vi.waitFor(
    () =>
      expect(printed()).toMatch(
        /Outcome: \S+Z {2}Conversation Opened {2}70123456 form npm-start-1 #1: opened/,
      ),
    { timeout: 20_000 },
  )

  child?.kill('SIGTERM')
  expect(await exit).toEqual([0, null])
  expect(await Promise.all(Object.values(ports).map(isOpen))).toEqual(variables.map(() => false))
}, 60_000)

test('a port that is in use is reported in one line that names its variable', async () => {
  const holder = createServer()
  const taken = await listen(holder)
  const free = await findFreePorts(variables.length)
  const { printed, exit } = run({
    ...Object.fromEntries(variables.map((name, index) => [name, free[index] ?? 0])),
    SQS_PORT: taken,
  })
  expect(await exit).toEqual([1, null])
  await closeServer(holder)
  expect(printed()).toBe(
    `Port ${taken} on 127.0.0.1 is already in use. Choose another one: SQS_PORT=… npm start\n`,
  )
}, 20_000)
