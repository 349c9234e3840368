import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { projectRoot } from '../structure/source.ts'
import { evaluate, type Series } from './metric-math.ts'

const Dimensions = z.array(z.object({ Name: z.string(), Value: z.unknown() }))
const Metric = z.object({ Namespace: z.string(), MetricName: z.string(), Dimensions })

const Common = z.object({
  AlarmDescription: z.string(),
  EvaluationPeriods: z.number(),
  DatapointsToAlarm: z.number().optional(),
  Threshold: z.number(),
  ComparisonOperator: z.literal('GreaterThanOrEqualToThreshold'),
  TreatMissingData: z.literal('notBreaching'),
  AlarmActions: z.array(z.unknown()),
  OKActions: z.array(z.unknown()).optional(),
})
const MathExpression = z.strictObject({ Id: z.string(), Label: z.string(), Expression: z.string() })
const MetricStat = z.strictObject({
  Id: z.string(),
  ReturnData: z.literal(false),
  MetricStat: z.strictObject({ Metric, Period: z.number(), Stat: z.string() }),
})
const Properties = z.union([
  Common.extend({ ...Metric.shape, Statistic: z.enum(['Sum', 'Maximum']), Period: z.number() }),
  Common.extend({ Metrics: z.array(z.union([MathExpression, MetricStat])) }),
])

/** An alarm's properties. Their Ref and Fn::GetAtt stay as they are. */
export type Alarm = z.infer<typeof Properties>

/** Returns the properties of an alarm in a template. @throws {z.ZodError} It has none of the usual forms. */
export const parseAlarm = (properties: unknown): Alarm => Properties.parse(properties)

const folder = join(projectRoot, 'infrastructure')
const File = z.object({
  Resources: z.record(z.string(), z.object({ Type: z.string(), Properties: z.unknown() })).default({}),
})

/** Returns all alarms, by logical id, as the files of infrastructure/ declare them. */
export const readAlarms = (): Readonly<Record<string, Alarm>> =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => name.endsWith('.yml'))
      .map((name) => File.parse(parse(readFileSync(join(folder, name), 'utf8'), { merge: true })))
      .flatMap(({ Resources }) => Object.entries(Resources))
      .flatMap(([id, { Type, Properties: given }]) =>
        Type === 'AWS::CloudWatch::Alarm' ? [[id, parseAlarm(given)] as const] : [],
      ),
  )

/** Returns every metric that an alarm reads. */
export const metricsOf = (alarm: Alarm): readonly z.infer<typeof Metric>[] =>
  'Metrics' in alarm
    ? alarm.Metrics.flatMap((one) => ('MetricStat' in one ? [one.MetricStat.Metric] : []))
    : [alarm]

/**
 * Returns whether an alarm is on.
 *
 * @param periods What was written in each period, oldest first: for an alarm on one metric, its values; for
 *   one on an expression, a value for each id, undefined if there is no data.
 */
export const isOn = (
  alarm: Alarm,
  periods: readonly (readonly number[] | Readonly<Record<string, number | undefined>>)[],
): boolean => {
  const window = periods.slice(-alarm.EvaluationPeriods)
  const breaching = toSeries(alarm, window).filter((value) => value !== undefined && value >= alarm.Threshold)
  return breaching.length >= (alarm.DatapointsToAlarm ?? alarm.EvaluationPeriods)
}

const toSeries = (alarm: Alarm, window: Parameters<typeof isOn>[1]): Series => {
  if (!('Metrics' in alarm))
    return window.map((values) => {
      if (!Array.isArray(values) || values.length === 0) return undefined
      return alarm.Statistic === 'Sum' ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values)
    })
  const { Expression = '' } = alarm.Metrics.find((one) => 'Expression' in one) ?? {}
  const ids = alarm.Metrics.map(({ Id }) => Id)
  const valueIn = (period: (typeof window)[number] | undefined, id: string): number | undefined =>
    period && !Array.isArray(period) ? Object.entries(period).find(([name]) => name === id)?.[1] : undefined
  const series = Object.fromEntries(ids.map((id) => [id, window.map((period) => valueIn(period, id))]))
  return evaluate(Expression, series, window.length)
}
