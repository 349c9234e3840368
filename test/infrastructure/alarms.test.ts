import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { readDeclaration } from '../../tools/serverless-yml.ts'
import { projectRoot } from '../structure/source.ts'
import { type Alarm, isOn, metricsOf, readAlarms } from './alarm.ts'
import { evaluate } from './metric-math.ts'

const alarms = readAlarms()
const get = (id: string): Alarm => {
  const alarm = alarms[id]
  if (!alarm) throw new Error(`There is no ${id}`)
  return alarm
}

describe("an alarm's description", () => {
  const sections = [
    ...readFileSync(join(projectRoot, 'docs/runbook.md'), 'utf8').matchAll(/^## (\w+Alarm)$/gm),
  ].map(([, id]) => id)

  test.each(Object.entries(alarms))('%s ends with the address of its section in the runbook', (id, alarm) => {
    expect(alarm.AlarmDescription.length).toBeLessThanOrEqual(1024)
    expect(alarm.AlarmDescription).toMatch(/^[A-Z0-9a-z].*\. Runbook: \$\{param:runbook\}#\w+$/)
    // GitHub, GitLab and others make the anchor of a heading from its lower-case text.
    expect(alarm.AlarmDescription.split('#').at(-1)).toBe(id.toLowerCase())
    expect(sections).toContain(id)
  })

  test('no section of the runbook is about an alarm that no longer exists, or twice', () => {
    expect(sections.toSorted()).toEqual(Object.keys(alarms).toSorted())
  })
})

test('the alarm about the API names the log of each function that LivePerson and forms call', () => {
  const { AlarmDescription } = get('ApiErrorsAlarm')
  for (const name of ['openFromForm', 'conversationEvents']) expect(AlarmDescription).toContain(name)
})

test.each(Object.entries(alarms))('%s reads metrics by exactly one dimension', (_, alarm) => {
  for (const { Namespace, Dimensions } of metricsOf(alarm))
    expect([Namespace, Dimensions.map(({ Name }) => Name)]).toEqual([
      Namespace,
      [DIMENSIONS[Namespace] ?? 'a known namespace'],
    ])
})

const Retention = z.object({ Properties: z.object({ MessageRetentionPeriod: z.number() }) })
const Queues = z.object({
  Resources: z.object({ EventsQueue: Retention, HandOverQueue: Retention, QuarantineQueue: Retention }),
})

const DIMENSIONS: Readonly<Record<string, string>> = {
  CampaignConversations: 'service',
  'AWS/SQS': 'QueueName',
  'AWS/Lambda': 'FunctionName',
  'AWS/ApiGateway': 'ApiId',
}

describe('the alarm about quarantine', () => {
  interface Minute {
    readonly sent?: number
    readonly visible?: number
    readonly hidden?: number
  }
  const minute = (visible: number, { sent = 0, hidden = 0 }: Minute = {}): Minute => ({
    sent,
    visible,
    hidden,
  })
  const times = (count: number, one: Minute) => Array.from({ length: count }, () => one)
  /** SQS writes no metrics of a queue that nobody has used for six hours. */
  const nothing: Minute = {}

  /** Returns in which minutes the alarm turned on, each as its number of minutes since the first one. */
  const firesIn = (minutes: readonly Minute[], alarm = get('QuarantineAlarm')): readonly number[] => {
    const on = minutes.map((_, at) =>
      isOn(
        alarm,
        minutes.slice(0, at + 1).map((one) => ({ ...one })),
      ),
    )
    return on.flatMap((isNowOn, at) => (isNowOn && !on[at - 1] ? [at] : []))
  }

  test.each<[string, readonly Minute[], readonly number[]]>([
    [
      'a message of the service',
      [...times(3, minute(0)), minute(1, { sent: 1 }), ...times(60, minute(1))],
      [3],
    ],
    ['a message that SQS moved', [...times(3, minute(0)), ...times(60, minute(1))], [3]],
    ['one that SQS moved into a queue without metrics', [...times(3, nothing), ...times(60, minute(1))], [3]],
    ['a second message, while the first one is there', [...times(9, minute(1)), ...times(9, minute(2))], [9]],
    [
      'one that arrives while another one is dropped',
      [...times(9, minute(1)), minute(1, { sent: 1 }), ...times(9, minute(1))],
      [9],
    ],
    ['two messages, an hour apart', [minute(0), ...times(60, minute(1)), ...times(60, minute(2))], [1, 61]],
    ['messages that are there', times(60, minute(7)), []],
    [
      'messages that somebody reads',
      [...times(9, minute(7)), ...times(9, minute(2, { hidden: 5 })), ...times(9, minute(7))],
      [],
    ],
    ['messages that somebody drops', [...times(9, minute(7)), minute(3), ...times(9, minute(0))], []],
    ['nothing', times(30, nothing), []],
  ])('%s', (_, minutes, expected) => {
    expect(firesIn(minutes)).toEqual(expected)
  })

  test('is not fooled by a metric that is a minute late', () => {
    const late = (minutes: readonly Minute[]) =>
      isOn(
        get('QuarantineAlarm'),
        [...minutes, nothing].map((one) => ({ ...one })),
      )
    const minutes = [...times(5, minute(7)), ...times(2, minute(8)), ...times(9, minute(8))]
    const on = minutes.map((_, at) => late(minutes.slice(0, at + 1)))
    expect(on.indexOf(true)).toBe(5)
    expect(on.lastIndexOf(true)).toBe(7)
  })

  test('would miss the second message if it read the level', () => {
    const level = {
      ...get('QuarantineAlarm'),
      Metrics: [{ Id: 'level', Label: 'Level', Expression: 'visible + 0' }, VISIBLE],
    }
    const minutes = [...times(3, minute(0)), ...times(60, minute(1)), ...times(60, minute(2))]
    expect(firesIn(minutes)).toEqual([3, 63])
    expect(firesIn(minutes, level)).toEqual([3])
  })

  test('does not say that all is well again, since nobody may have looked', () => {
    expect(get('QuarantineAlarm')).toMatchObject({ AlarmActions: [{ Ref: 'AlarmsTopic' }] })
    expect(get('QuarantineAlarm')).not.toHaveProperty('OKActions')
  })
})

/** Stands for a metric in an expression. */
const VISIBLE = { Id: 'visible', Label: 'Visible', Expression: '' }

test('the alarm about messages that expire fires before any does, however often they were read', () => {
  const { Resources } = Queues.parse(readDeclaration('infrastructure/queues.yml', 'dev'))
  const days = (seconds: number) => seconds / 86_400
  const alarm = get('QuarantineExpiresAlarm')
  const period = 'Period' in alarm ? alarm.Period : Number.NaN
  const firesAfter = days(alarm.EvaluationPeriods * period)
  const oldestOnArrival = Math.max(
    ...[Resources.EventsQueue, Resources.HandOverQueue].map((queue) =>
      days(queue.Properties.MessageRetentionPeriod),
    ),
  )
  expect(firesAfter).toBe(3)
  expect(oldestOnArrival + firesAfter).toBeLessThan(
    days(Resources.QuarantineQueue.Properties.MessageRetentionPeriod),
  )
  // CloudWatch's limit for periods of an hour or more.
  expect(firesAfter).toBeLessThanOrEqual(7)
  const hours = (count: number, visible: number) => Array.from({ length: count }, () => [visible])
  expect(isOn(alarm, hours(71, 1))).toBe(false)
  expect(isOn(alarm, hours(72, 1))).toBe(true)
  expect(isOn(alarm, [...hours(71, 1), ...hours(1, 0)])).toBe(false)
  // Somebody emptied the queue in between.
  expect(isOn(alarm, [...hours(71, 1), ...hours(1, 0), ...hours(71, 1)])).toBe(false)
})

describe.each(['EventsUnreadAlarm', 'HandOverUnreadAlarm'])('%s', (id) => {
  const period = (visible: number | undefined, received: number | undefined) => ({ visible, received })

  test.each([
    ['messages that nobody reads', [period(5, 0), period(6, 0), period(7, 0)], true],
    [
      'messages of a queue that nobody has read for hours',
      [period(5, undefined), period(6, 0), period(7, 0)],
      true,
    ],
    ['messages that wait while others are read', [period(500, 80), period(600, 70), period(700, 90)], false],
    ['messages that are read now and then', [period(5, 0), period(6, 1), period(7, 0)], false],
    ['no messages', [period(0, 0), period(0, 0), period(0, 0)], false],
    ['no metrics', [period(undefined, undefined), period(undefined, undefined)], false],
  ])('%s', (_, periods, expected) => {
    expect(isOn(get(id), periods)).toBe(expected)
  })
})

test('metric math: what is computed from missing data is missing', () => {
  const series = { a: [1, undefined, 4, 4], b: [0, 0, undefined, 2] }
  expect(evaluate('a + b', series, 4)).toEqual([1, undefined, undefined, 6])
  expect(evaluate('DIFF(a)', series, 4)).toEqual([undefined, undefined, undefined, 0])
  expect(evaluate('DIFF(FILL(a, 0))', series, 4)).toEqual([undefined, -1, 4, 0])
  expect(evaluate('MAX([a, b])', series, 4)).toEqual([1, 0, 4, 4])
  expect(evaluate('IF(b == 0, a, 9 - 2)', series, 4)).toEqual([1, undefined, undefined, 7])
  expect(() => evaluate('RATE(a)', series, 4)).toThrow("RATE isn't known here")
  expect(() => evaluate('c', series, 4)).toThrow('no series')
})
