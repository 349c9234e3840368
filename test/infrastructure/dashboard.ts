import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { projectRoot } from '../structure/source.ts'
import type { ReadMetric } from './aws-metrics.ts'

const Search = z.tuple([z.strictObject({ expression: z.string(), label: z.string() })])
const Metric = z.array(z.unknown()).min(5)
const Widget = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), properties: z.strictObject({ markdown: z.string() }) }),
  z.object({
    type: z.literal('metric'),
    properties: z.object({
      title: z.string(),
      region: z.literal('$' + '{AWS::Region}'),
      metrics: z.array(z.union([Search, Metric])),
    }),
  }),
])
const Body = z.strictObject({
  start: z.string(),
  widgets: z.array(
    z.intersection(z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() }), Widget),
  ),
})

/** The body of the dashboard. `Fn::Sub` is not resolved. */
export type Dashboard = z.infer<typeof Body>

const read = (path: string): unknown => parse(readFileSync(join(projectRoot, path), 'utf8'), { merge: true })

const Properties = z.object({ DashboardBody: z.strictObject({ 'Fn::Sub': z.string() }) })

/** Returns the body of a dashboard in a template. @throws {z.ZodError} It isn't in the form of this one. */
export const parseDashboard = (properties: unknown): Dashboard =>
  Body.parse(JSON.parse(Properties.parse(properties).DashboardBody['Fn::Sub']))

/** Returns the dashboard that infrastructure/dashboard.yml declares. */
export const readDashboard = (): Dashboard => {
  const { Resources } = z
    .object({ Resources: z.object({ Dashboard: z.object({ Properties: z.unknown() }) }) })
    .parse(read('infrastructure/dashboard.yml'))
  return parseDashboard(Resources.Dashboard.Properties)
}

/**
 * Returns every metric that the dashboard reads. A dimension that a search leaves open has the value `*`. In
 * others, the variables of `Fn::Sub` are `Ref` and `Fn::GetAtt`.
 */
export const metricsOf = ({ widgets }: Dashboard): readonly ReadMetric[] =>
  widgets.flatMap((widget) =>
    widget.type === 'text'
      ? []
      : widget.properties.metrics.flatMap((metric) => {
          const search = Search.safeParse(metric)
          return search.success ? metricsOfSearch(search.data[0].expression) : [toMetric(metric)]
        }),
  )

const SEARCH =
  /^SEARCH\('\{([\w,]+)\} service="([^"]+)" \(?((?:MetricName="\w+"(?: OR )?)+)\)?', '\w+', 300\)$/

const metricsOfSearch = (expression: string): readonly ReadMetric[] => {
  const [, schema = '', service, names = ''] = expression.match(SEARCH) ?? []
  const [namespace = '', ...dimensions] = schema.split(',')
  if (namespace === '') throw new Error(`This search can't be read: ${expression}`)
  return [...names.matchAll(/"(\w+)"/g)].map(([, name = '']) => ({
    namespace,
    name,
    dimensions: { ...Object.fromEntries(dimensions.map((each) => [each, '*'])), service },
  }))
}

const toMetric = ([namespace, name, ...rest]: readonly unknown[]): ReadMetric => {
  const pairs = rest.slice(0, -1)
  const dimensions = Object.fromEntries(
    pairs.flatMap((each, at) => (at % 2 === 0 ? [[String(each), toValue(String(pairs[at + 1]))]] : [])),
  )
  return { namespace: String(namespace), name: String(name), dimensions }
}

const toValue = (text: string): unknown => {
  const [, id, attribute] = text.match(/^\$\{(\w+)(?:\.(\w+))?\}$/) ?? []
  if (id === undefined) return text
  return attribute === undefined ? { Ref: id } : { 'Fn::GetAtt': [id, attribute] }
}

const Queries = z.object({
  Resources: z.record(
    z.string(),
    z.strictObject({
      Type: z.literal('AWS::Logs::QueryDefinition'),
      Properties: z.strictObject({
        Name: z.string(),
        LogGroupNames: z.array(z.strictObject({ Ref: z.string() })),
        QueryString: z.string(),
      }),
    }),
  ),
})

/** Returns the saved queries that infrastructure/queries.yml declares. */
export const readQueries = () =>
  Object.values(Queries.parse(read('infrastructure/queries.yml')).Resources).map(
    ({ Properties }) => Properties,
  )

/** Words of Logs Insights' query language that stand where a field may stand. */
const WORDS = ['in', 'and', 'or', 'not', 'by', 'as', 'asc', 'desc', 'limit']
const COMMANDS = ['fields', 'filter', 'stats', 'sort']

/**
 * Returns the fields of the log that a query reads, and the texts of `message` that it looks for. Names that
 * the query itself gives are left out, and so are CloudWatch's own, which begin with `@`.
 */
export const readsOf = (query: string) => {
  const messages = [...query.matchAll(/message in \[([^\]]+)\]/g)].flatMap(([, list = '']) =>
    [...list.matchAll(/"([^"]+)"/g)].map(([, text = '']) => text),
  )
  const code = query.replaceAll(/"[^"]*"/g, '""')
  const given = [...code.matchAll(/ as (\w+)/g)].map(([, name]) => name)
  const words = [...code.matchAll(/@?[A-Za-z][\w.]*(?!\w*\()/g)].map(([word]) => word)
  const functions = [...code.matchAll(/(\w+)\(/g)].map(([, name]) => name)
  const other = new Set<string | undefined>([...WORDS, ...COMMANDS, ...functions, ...given, 'm'])
  return {
    messages,
    fields: [...new Set(words)].filter((word) => !word.startsWith('@') && !other.has(word)),
  }
}
