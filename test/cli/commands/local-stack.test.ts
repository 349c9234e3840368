import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { UsageError } from '../../../cli/commands/command.ts'
import { chooseStage, LOCAL_STACK } from '../../../cli/commands/local-stack.ts'

test('the local stack is reached at the ports that npm start uses by default', async () => {
  const source = await readFile(new URL('../../../local/start.ts', import.meta.url), 'utf8')
  const ports = Object.fromEntries(
    [...source.matchAll(/\['([A-Z_]+)_PORT', (\d+)\]/g)].map(([, name, port]) => [name, port]),
  )
  const portOf = (variable: string) => new URL(LOCAL_STACK[variable] ?? '').port
  expect(portOf('AWS_ENDPOINT_URL_DYNAMODB')).toBe(ports.DYNAMODB)
  expect(portOf('AWS_ENDPOINT_URL_SECRETS_MANAGER')).toBe(ports.SECRETS_MANAGER)
  expect(portOf('AWS_ENDPOINT_URL_SQS')).toBe(ports.SQS)
  expect(portOf('AWS_ENDPOINT_URL_EVENTBRIDGE')).toBe(ports.EVENT_BRIDGE)
  expect(portOf('LIVEPERSON_DOMAIN_API_URL')).toBe(ports.LIVEPERSON)
})

test('--local chooses the stage, and sets only the variables that are not set', () => {
  const env = { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:8001' }
  expect(chooseStage({ local: true }, env)).toBe('local')
  expect(env).toEqual({ ...LOCAL_STACK, AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:8001' })
})

test('without --local, nothing is set, and the stage is dev by default', () => {
  const env = {}
  expect([chooseStage({}, env), chooseStage({ stage: 'prod' }, env)]).toEqual(['dev', 'prod'])
  expect(env).toEqual({})
})

test('--local and --stage exclude each other', () => {
  expect(() => chooseStage({ local: true, stage: 'dev' }, {})).toThrow(UsageError)
})
