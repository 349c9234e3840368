import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { LOCAL_STACK } from '../../../cli/commands/local-stack.ts'

test('the local stack is reached at the ports that npm start uses by default', async () => {
  const source = await readFile(new URL('../../../local/start.ts', import.meta.url), 'utf8')
  const ports = Object.fromEntries(
    [...source.matchAll(/\['([A-Z_]+)_PORT', (\d+)\]/g)].map(([, name, port]) => [name, port]),
  )
  const portOf = (variable: string) => new URL(LOCAL_STACK[variable] ?? '').port
  expect(portOf('AWS_ENDPOINT_URL_DYNAMODB')).toBe(ports.DYNAMODB)
  expect(portOf('AWS_ENDPOINT_URL_SECRETS_MANAGER')).toBe(ports.SECRETS_MANAGER)
  expect(portOf('LIVEPERSON_DOMAIN_API_URL')).toBe(ports.LIVEPERSON)
})
