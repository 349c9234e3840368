import { describe, expect, test } from 'vitest'
import { givenRequestId, readBody } from '../../functions/http/event.ts'
import { parseStageConfig } from '../../lib/config/stage.ts'
import { parseForm } from '../../lib/request/form.ts'
import { formEvent, jobOf, STAGE, toRecord } from '../support/world.ts'
import { isHandled } from './handled.ts'

// Measures time, so it isn't part of `npm test`. Run `npm run test:growth` on an idle machine.

describe('parsing takes linear time', () => {
  const list = (n: number, of: (index: number) => string) => Array.from({ length: n }, (_, i) => of(i)).join()
  const long = (n: number, text: string) => text.repeat(Math.ceil(n / text.length)).slice(0, n)

  const shapes: readonly (readonly [string, (bytes: number) => string])[] = [
    ['text', (n) => `{"message":"${long(n, 'x')}"}`],
    ['escapes', (n) => `{"message":"${'\\"'.repeat(n / 2)}"}`],
    ['escapes of code points', (n) => `{"message":"${'\\u0041'.repeat(n / 6)}"}`],
    ['backslashes', (n) => `{"message":"${'\\\\'.repeat(n / 2)}"}`],
    ['an unterminated string', (n) => `{"message":"${long(n, '\\"')}`],
    ['unknown names', (n) => `{${list(n / 12, (i) => `"n${i}":1`)}}`],
    ['one long name', (n) => `{"${long(n, 'x')}":1}`],
    ['a list of lists', (n) => `{"engagementAttributes":[${list(n / 6, () => '[[]]')}]}`],
    ['invalid SDEs', (n) => `{"engagementAttributes":[${list(n / 24, () => '{"type":"ctmrinfo"}')}]}`],
    ['empty attributes', (n) => `{"engagementAttributes":[${list(n / 3, () => '{}')}]}`],
    [
      'contacts',
      (n) =>
        `{"engagementAttributes":[{"type":"personal","personal":{"contacts":[${list(n / 3, () => '{}')}]}}]}`,
    ],
    ['control characters', (n) => `{"route":"vip","message":"${'\\u0000'.repeat(n / 6)}"}`],
    ['bidi overrides', (n) => `{"route":"vip","consumer":{"firstName":"${'\u202e'.repeat(n / 3)}"}}`],
    ['byte order marks', (n) => `${'\ufeff'.repeat(n / 3)}x`],
    ['combining marks', (n) => `{"message":"a${'\u0301'.repeat(n / 4)}${'\u0316'.repeat(n / 4)}"}`],
    [
      'combining marks in a name',
      (n) => `{"consumer":{"firstName":"a${'\u0301'.repeat(n / 4)}${'\u0316'.repeat(n / 4)}"}}`,
    ],
    ['starts of expressions', (n) => `{"consumer":{"id":"${long(n, '{{')}"},"requestId":"${long(n, '{{')}"}`],
    ['levels', (n) => long(n, '[')],
    ['levels of objects', (n) => long(n, '{"a":')],
    ['levels of a context', (n) => `{"context":${long(n, '[')}`],
    ['contexts in a context', (n) => `{"context":${'{"context":'.repeat(n / 12)}1${'}'.repeat(n / 12)}}`],
    ['line ends', (n) => `{"route":"vip","consumer":{"firstName":"a${'\\n'.repeat(n / 2)}b"}}`],
    ['spaces', (n) => `{"a":${long(n, ' ')}1}`],
    ['digits', (n) => `{"campaign":{"campaignId":${long(n, '1')}}}`],
    ['commas', (n) => `[${long(n, ',')}]`],
    ['text that is not JSON', (n) => long(n, 'a"b{')],
  ]

  /**
   * Returns the minimum of several runs, in milliseconds of processor time. Other work can only increase it.
   */
  const least = (run: () => void): number => {
    let best = Number.POSITIVE_INFINITY
    for (let round = 0; round < 9; round++) {
      const before = process.cpuUsage()
      for (let again = 0; again < 10; again++) run()
      const { user, system } = process.cpuUsage(before)
      best = Math.min(best, (user + system) / 1000)
    }
    return best
  }

  /** For 16 times the input, quadratic work would take 256 times as long. */
  const expectLinear = (run: (body: string) => void, make: (bytes: number) => string, bytes: number) => {
    const [small, large] = [make(bytes), make(bytes * 16)]
    run(small)
    run(large)
    expect(
      least(() => run(large)) /
        Math.max(
          least(() => run(small)),
          0.02,
        ),
    ).toBeLessThan(16 * 5)
  }

  test.each(shapes)('in a record of %s', (_, make) => {
    const stage = parseStageConfig(STAGE, { name: 'the test', loopback: true })
    expectLinear((body) => void isHandled(() => jobOf(stage, toRecord(body))), make, 16_000)
  })

  test.each<[string, (bytes: number) => string]>([
    [
      'EventBridge',
      (n) => `${'{"id":"e","detail-type":"x","detail":'.repeat(7)}${long(n, '1')}${'}'.repeat(7)}`,
    ],
    [
      'SNS',
      (n) => {
        let body = `{"message":"${long(n / 2, 'x')}"}`
        while (body.length < n) body = JSON.stringify({ Type: 'Notification', MessageId: 'm', Message: body })
        return body
      },
    ],
  ])('in a record of envelopes of %s', (_, make) => {
    const stage = parseStageConfig(STAGE, { name: 'the test', loopback: true })
    expectLinear((body) => void isHandled(() => jobOf(stage, toRecord(body))), make, 15_000)
  })

  test('and none at all in a record above 256 KB', () => {
    const stage = parseStageConfig(STAGE, { name: 'the test', loopback: true })
    const work = (bytes: number) => {
      const body = `{"message":"${'\\u0041'.repeat(bytes / 6)}"}`
      return least(() => void isHandled(() => jobOf(stage, toRecord(body))))
    }
    expect(work(1_048_000)).toBeLessThan(work(250_000) / 4)
  })

  test.each(shapes)('in a form of %s', (_, make) => {
    expectLinear((body) => void isHandled(() => parseForm(readBody(formEvent(body)))), make, 1000)
  })

  test.each<[string, (bytes: number) => string]>([
    ['fields', (n) => `${'a=1&'.repeat(n / 4)}`],
    ['different fields', (n) => list(n / 8, (i) => `a${i}=1`).replaceAll(',', '&')],
    ['dots', (n) => `${long(n, 'a.')}=1`],
    ['byte order marks', (n) => `${'\ufeff'.repeat(n / 3)}x`],
    ['a long value', (n) => `message=${long(n, '%20')}`],
    ['plus signs', (n) => `message=${long(n, '+')}`],
    ['ampersands', (n) => long(n, '&')],
    ['invalid escapes', (n) => `message=${long(n, '%')}`],
  ])('in a URL-encoded form of %s', (_, make) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    expectLinear(
      (body) => void isHandled(() => parseForm(readBody(formEvent(body, { headers })))),
      make,
      1000,
    )
  })

  test('in the headers', () => {
    expectLinear(
      (value) =>
        void isHandled(() => {
          const event = formEvent('{"route":"vip"}', {
            headers: { 'content-type': `application/json;${value}`, 'idempotency-key': `"${value}"` },
          })
          givenRequestId(event)
          return parseForm(readBody(event))
        }),
      (n) => long(n, ';" '),
      1000,
    )
  })
})
