import { afterAll, beforeEach, expect, test } from 'vitest'
import { createSwitches } from '../../../local/console/switches.ts'
import { startLivePerson } from '../../../local/liveperson/server.ts'
import { loadFixture } from '../../../local/liveperson/state/account.ts'

const accounts = loadFixture()
const secrets = accounts.map(({ clientSecrets }) => clientSecrets)
const livePerson = await startLivePerson({ accounts })
const switches = createSwitches({ livePerson, accounts })
afterAll(() => livePerson.close())
beforeEach(() => {
  for (const { name } of switches.list()) switches.set(name, false)
})

const on = () => switches.list().flatMap(({ name, isOn }) => (isOn ? [name] : []))

test('each switch adds its fault, and takes only that one away', () => {
  switches.set('slow', true)
  switches.set('down', true)
  expect(on()).toEqual(['slow', 'down'])
  expect(livePerson.faults.active()).toMatchObject([
    { kind: 'latency', ms: 8000 },
    { kind: 'status', status: 503 },
  ])
  switches.set('slow', false)
  expect(livePerson.faults.active()).toMatchObject([{ kind: 'status' }])
})

test('the lost answer switches itself off once it has struck', () => {
  expect(switches.set('lost', true)).toContain('Switched on')
  expect(switches.set('lost', true)).toBeUndefined()
  livePerson.faults.strike({
    at: 0,
    service: 'conversation',
    method: 'POST',
    path: '',
    headers: {},
    body: '',
  })
  expect(on()).toEqual([])
  expect(switches.set('lost', true)).toContain('Switched on')
  expect(on()).toEqual(['lost'])
})

test('refused secrets come back', () => {
  switches.set('refused', true)
  expect(accounts.map(({ clientSecrets }) => clientSecrets)).toEqual(accounts.map(() => []))
  switches.set('refused', false)
  expect(accounts.map(({ clientSecrets }) => clientSecrets)).toEqual(secrets)
})
