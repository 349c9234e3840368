import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { createClock } from '../../../../local/liveperson/state/clock.ts'
import { createJournal } from '../../../../local/liveperson/state/journal.ts'
import { defaultSettings } from '../../../../local/liveperson/state/settings.ts'

const requestTo = (url: string) => Object.assign(new IncomingMessage(new Socket()), { method: 'POST', url })

test.each([
  ['/api/account/1/service/idp/baseURI.json?version=1.0', 'domain', '1'],
  ['/sentinel/api/account/1/app/token?v=1.0', 'sentinel', '1'],
  ['/sentinel/api/v2/account/1/app/token', 'sentinel', '1'],
  ['/sentinel/well-known/jwks', 'sentinel', undefined],
  ['/api/account/1/consumer', 'idp', '1'],
  ['/api/account/1/messaging/consumer/conversation?v=3', 'conversation', '1'],
  ['/api/account/1/messaging/consumer/conversation/send?v=3', 'send', '1'],
  ['/api/account/1/app/token', 'unknown', '1'],
  ['/sentinel/api/account/1/consumer', 'unknown', '1'],
  ['/', 'unknown', undefined],
])('%s is a request to the service %s', (url, service, accountId) => {
  const journal = createJournal(createClock(), defaultSettings('strict'))
  const { service: found, accountId: account } = journal.receive(requestTo(url))
  expect([found, account]).toEqual([service, accountId])
  expect(journal.counts()).toMatchObject({ [service]: 1 })
})

test('the older half is dropped once the limit is reached', () => {
  const settings = { ...defaultSettings('strict'), rememberedRequests: 4 }
  const journal = createJournal(createClock(), settings)
  for (let index = 0; index < 5; index++) journal.receive(requestTo(`/${index}`))
  expect(journal.list().map(({ path }) => path)).toEqual(['/2', '/3', '/4'])
  expect(journal.counts().unknown).toBe(5)
})

test('clear forgets requests and counts', () => {
  const journal = createJournal(createClock(), defaultSettings('strict'))
  journal.receive(requestTo('/'))
  journal.clear()
  expect([journal.list(), journal.counts().unknown]).toEqual([[], 0])
})
