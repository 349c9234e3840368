import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { projectRoot } from '../structure/source.ts'
import { metricsOf, readDashboard, readQueries, readsOf } from './dashboard.ts'

const { functions } = z
  .object({ functions: z.record(z.string(), z.unknown()) })
  .parse(parse(readFileSync(join(projectRoot, 'serverless.yml'), 'utf8')))
const ids = Object.keys(functions).map((name) => `${name[0]?.toUpperCase()}${name.slice(1)}`)
const dashboard = readDashboard()

describe('the dashboard', () => {
  test.each(ids)('shows errors, throttles and duration of %s', (id) => {
    const shown = metricsOf(dashboard).filter(
      ({ dimensions }) => Object(dimensions.FunctionName).Ref === `${id}LambdaFunction`,
    )
    expect(shown.map(({ name }) => name)).toEqual(expect.arrayContaining(['Errors', 'Throttles', 'Duration']))
  })

  test('has no widget over another one, and none beside the grid', () => {
    const taken = new Set<string>()
    for (const { x, y, width, height } of dashboard.widgets)
      for (let column = x; column < x + width; column++)
        for (let row = y; row < y + height; row++) {
          expect(column).toBeLessThan(24)
          expect(taken).not.toContain(`${column} ${row}`)
          taken.add(`${column} ${row}`)
        }
    expect(taken.size).toBe(24 * Math.max(...dashboard.widgets.map(({ y, height }) => y + height)))
  })

  test('names the metric in the label of each line that it searches for', () => {
    const searches = dashboard.widgets.flatMap((widget) =>
      widget.type === 'metric' ? widget.properties.metrics.filter((metric) => metric.length === 1) : [],
    )
    expect(searches.length).toBeGreaterThan(10)
    for (const [search] of searches) {
      const { expression, label } = z.object({ expression: z.string(), label: z.string() }).parse(search)
      const dimension = /service,(\w+)\}/.exec(expression)?.[1]
      expect(label).toContain(`\${!PROP('Dim.${dimension}')}`)
      expect([expression, label.includes("PROP('MetricName')")]).toEqual([
        expression,
        expression.includes(' OR '),
      ])
    }
  })
})

describe('saved queries', () => {
  const queries = readQueries()

  test('are in one folder, and each has a name of its own', () => {
    const names = queries.map(({ Name }) => Name)
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) expect(name).toMatch(/^\$\{self:service\}-\$\{sls:stage\}\/[A-Z][^/]+$/)
  })

  test('include one over the logs of every function', () => {
    const widest = queries.find(({ Name }) => Name.endsWith('Errors to act on'))
    expect(widest?.LogGroupNames.map(({ Ref }) => Ref)).toEqual(ids.map((id) => `${id}LogGroup`))
  })

  test('are taken apart into their fields and texts', () => {
    const query =
      'filter message in ["A b", "C"] and ispresent(cause.0)\n| stats count(*) as n, latest(@timestamp) as last by bin(5m), door\n| sort n desc'
    expect(readsOf(query)).toEqual({ messages: ['A b', 'C'], fields: ['message', 'cause.0', 'door'] })
  })
})
