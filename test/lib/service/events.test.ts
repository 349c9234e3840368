import { expect, test, vi } from 'vitest'
import { createEventsService } from '../../../lib/service/events.ts'
import { createMemoryTable } from '../../simulation/state-table.ts'
import { configOf } from '../../support/unreachable-config.ts'

const NOW = 1_800_000_000_000

const createService = () =>
  createEventsService(configOf([{ accountId: '70123456', default: true }, { accountId: '70999999' }]), {
    table: createMemoryTable(),
    now: () => NOW,
    // Each account has a secret of its own.
    readSecret: async (secretId, stage) =>
      stage === 'AWSCURRENT' ? JSON.stringify({ clientId: 'id', clientSecret: secretId }) : undefined,
  })

test('each account has its own secret: a push of one is none of another', async () => {
  const service = createService()
  const body = Buffer.from('{}')
  // openssl dgst -sha1 -hmac prefix/70123456 -binary body.json | openssl base64 -A
  const signature = 'sha1=E1Hvjueri/vVFzAz2gHZVEtZJTw='
  expect(await service.isGenuine('70123456', body, signature)).toBe(true)
  expect(await service.isGenuine('70999999', body, signature)).toBe(false)
  expect(await service.isGenuine('70000000', body, signature)).toBe(false)
  expect(service.hasAccount('70999999')).toBe(true)
  expect(service.hasAccount('70000000')).toBe(false)
})

test('only what requests learn is logged, without ids of consumers', async () => {
  const info = vi.spyOn(console, 'info').mockImplementation(() => undefined)
  await createService().tell('70123456', Buffer.from('{"type":"x"}'))
  expect(info).not.toHaveBeenCalled()
})
