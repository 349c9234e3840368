import { describe, expect, test } from 'vitest'
import { createEventsService } from '../../../lib/service/events.ts'
import { createMemoryTable } from '../../simulation/state-table.ts'
import { configOf } from '../../support/unreachable-config.ts'
import { captureOutput } from '../telemetry/output.ts'

const takeOutput = captureOutput()

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

describe('a change that can’t be used is logged', () => {
  const details = { participants: [{ id: 'lp-1', role: 'CONSUMER' }], state: 'OPEN', startTs: NOW }
  const pushOf = (...changes: readonly unknown[]) => ({
    type: 'cqm.ExConversationChangeNotification',
    body: { sentTs: NOW, changes },
  })
  const changeOf = (changed: object, convId: unknown = 'c-1') => ({
    result: { convId, conversationDetails: { ...details, ...changed } },
  })
  const linesOf = async (json: unknown) => {
    await createService().tell('70123456', Buffer.from(JSON.stringify(json) ?? ''))
    return takeOutput()
  }
  const two = { participants: ['lp-1', 'lp-2'].map((id) => ({ id, role: 'CONSUMER' })) }

  test.each<[string, unknown, string]>([
    ['can’t be read', undefined, "A push, or a change in it, was ignored: it can't be read"],
    [
      'names another account',
      pushOf(changeOf({ brandId: '7' })),
      'A change in a push was ignored: it is about another account',
    ],
    [
      'has no conversation id',
      pushOf(changeOf({}, 5)),
      'A change in a push was ignored: it has no valid conversation id',
    ],
    ['has no state', pushOf(changeOf({ state: null })), 'A change in a push was ignored: it has no state'],
    [
      'has no consumer',
      pushOf(changeOf({ participants: null })),
      'A change in a push was ignored: it has no valid consumer id',
    ],
    [
      'has two consumers',
      pushOf(changeOf(two)),
      'A change in a push was ignored: it names several consumers',
    ],
    [
      'has no time',
      pushOf(changeOf({ startTs: 'x' })),
      'A change in a push was ignored: it has no start time',
    ],
  ])('if it %s', async (_, json, message) => {
    const lines = await linesOf(json)
    expect(lines).toMatchObject([{ level: 'WARN', message, accountId: '70123456' }])
    expect(JSON.stringify(lines)).not.toMatch(/lp-[12]/)
  })

  test('once per push, although the others in it are used', async () => {
    const unusable = [null, changeOf(two), changeOf({ state: 5 })]
    expect(await linesOf(pushOf(...unusable, changeOf({})))).toHaveLength(1)
  })

  test('not if the push is usable, too old, or about something else', async () => {
    expect(await linesOf(pushOf(changeOf({})))).toEqual([])
    expect(await linesOf({ type: 'x' })).toEqual([])
    const old = pushOf(changeOf(two))
    expect(await linesOf({ ...old, body: { ...old.body, sentTs: NOW - 5 * 24 * 3600 * 1000 } })).toEqual([])
    const dialogs = [{ channelType: 'COBROWSE', participantsDetails: null }]
    expect(await linesOf(pushOf(changeOf({ dialogs, participants: null })))).toEqual([])
  })
})
