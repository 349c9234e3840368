import { expect, test } from 'vitest'
import { readBody } from '../../functions/http/event.ts'
import { parseStageConfig } from '../../lib/config/stage.ts'
import { parseForm } from '../../lib/request/form.ts'
import { isPlaceholder } from '../../lib/request/placeholder.ts'
import { toOneSpelling } from '../../lib/request/spelling.ts'
import { formEvent, jobOf, STAGE, toRecord } from '../support/world.ts'
import { isHandled } from './handled.ts'

// The inputs are so large that exponential or quadratic work would take many times this limit on any machine, and
// linear work a small part of it. growth.test.ts measures the growth itself.
const LIMIT_MS = 1000

/** Returns the processor time that the work takes, in milliseconds. */
const costOf = (work: () => void): number => {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

const marks = (n: number) => `a${'\u0301'.repeat(n / 2)}${'\u0316'.repeat(n / 2)}`

test.each(['application/json', 'application/x-www-form-urlencoded'])(
  'byte order marks before a body of %s cost nothing',
  (type) => {
    // Exponential work would double with each of them.
    const event = formEvent(`${'\ufeff'.repeat(28)}x`, { headers: { 'content-type': type } })
    expect(costOf(() => void isHandled(() => parseForm(readBody(event))))).toBeLessThan(LIMIT_MS)
  },
)

test.each(['{{', '${', '#{', '[[', '{!', '{$', '<%', '%%x', '*|', '${{{!<%%%[[*|', '<a ', '%a', '{a.'])(
  'an id of many times %s is read once',
  (part) => {
    expect(costOf(() => void isPlaceholder(part.repeat(200_000 / part.length)))).toBeLessThan(LIMIT_MS)
  },
)

test('combining marks in a text are put in order only where a person could have written them', () => {
  expect(costOf(() => void toOneSpelling(marks(250_000)))).toBeLessThan(LIMIT_MS)
})

test.each<[string, object]>([
  ['message', { message: marks(60_000) }],
  ['description', { consumer: { description: marks(60_000) } }],
  ['context id', { context: { visitorId: marks(60_000) } }],
  ['id', { consumer: { id: '{{'.repeat(60_000) } }],
  ['request id', { requestId: '{{'.repeat(60_000) }],
  [
    'attribute',
    { engagementAttributes: [{ type: 'ctmrinfo', info: { userName: marks(60_000), imei: marks(60_000) } }] },
  ],
])('no %s costs more than its length, at either door', (_, members) => {
  const stage = parseStageConfig(STAGE, { name: 'the test', loopback: true })
  const body = JSON.stringify({ route: 'vip', ...members })
  expect(costOf(() => void isHandled(() => parseForm(readBody(formEvent(body)))))).toBeLessThan(LIMIT_MS)
  expect(costOf(() => void isHandled(() => jobOf(stage, toRecord(body))))).toBeLessThan(LIMIT_MS)
})

test('no id of an envelope costs more than its length', () => {
  const stage = parseStageConfig(STAGE, { name: 'the test', loopback: true })
  const cost = costOf(() => {
    for (const id of ['{{'.repeat(100_000), ' '.repeat(200_000), marks(100_000)])
      isHandled(() => jobOf(stage, toRecord({ id, 'detail-type': 'x', detail: { route: 'vip' } })))
  })
  expect(cost).toBeLessThan(LIMIT_MS)
})
