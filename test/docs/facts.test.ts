import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { createLog } from '../../lib/telemetry/log.ts'
import { captureOutput } from '../lib/telemetry/output.ts'
import { projectRoot } from '../structure/source.ts'
import { codeSpansOf } from './markdown.ts'

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8')
const readYaml = (path: string) => parseYaml(read(path), { merge: true })

/** Returns those of the names that a document doesn't have as inline code. */
const missingIn = (path: string, names: readonly string[]): readonly string[] => {
  const known = new Set(codeSpansOf({ path, text: read(path) }))
  return names.filter((name) => !known.has(name))
}

/** Returns the strings between two texts of a source file. */
const stringsIn = (path: string, from: string, to: string): readonly string[] => {
  const [, after = ''] = read(path).split(from)
  const [between = ''] = after.split(to)
  return [...between.matchAll(/'([A-Za-z_]+)'/g)].map(([, name = '']) => name)
}

describe('documents name everything of its kind', () => {
  test('metrics', () => {
    const metrics = [
      ...stringsIn('lib/telemetry/metrics.ts', 'export type MetricName', 'export type'),
      ...stringsIn('lib/telemetry/metrics.ts', 'export type Hop', '\n\n').map((hop) => `${hop}_time`),
    ]
    expect(metrics.length).toBeGreaterThan(10)
    expect(missingIn('docs/operations.md', metrics)).toEqual([])
  })

  test('fields of the log', () => {
    const fields = stringsIn('lib/telemetry/log.ts', 'const FIELDS = [', ']')
    expect(fields.length).toBeGreaterThan(10)
    expect(missingIn('docs/operations.md', fields)).toEqual([])
  })

  test('environment variables', () => {
    const { environment } = readYaml('serverless.yml').provider
    expect(missingIn('docs/configuration.md', Object.keys(environment))).toEqual([])
  })
})

describe('documents name', () => {
  const takeLines = captureOutput()

  test('the fields that every line of the log has on Lambda', () => {
    createLog().info('Request finished', {})
    const fields = takeLines().flatMap((line) => Object.keys(Object(line)))
    expect(fields).toContain('xray_trace_id')
    expect(missingIn('docs/operations.md', fields)).toEqual([])
  })
})

describe('documents have the limits of the deployed stack', () => {
  const operations = read('docs/operations.md')
  const { Resources } = readYaml('infrastructure/queues.yml')
  const { functions, provider } = readYaml('serverless.yml')
  const { ThrottlingRate, ThrottlingBurst } = readYaml('infrastructure/parameters.yml').Parameters
  const [events, handOvers] = functions.openFromQueue.events.map(({ sqs }: { sqs: object }) => sqs)
  const days = (queue: string) => Resources[queue].Properties.MessageRetentionPeriod / 86_400

  test.each([
    [
      `| HTTP API | ${ThrottlingRate.Default} requests per second, bursts of ${ThrottlingBurst.Default}, then 429 |`,
    ],
    [
      `| Batches in progress | ${events.maximumConcurrency} of the events queue and ${handOvers.maximumConcurrency} of the hand-over queue, of up to ${events.batchSize} records |`,
    ],
    [
      `| A form's wait for LivePerson | ${Number(provider.environment.FORM_DEADLINE_MS) / 1000} seconds, then 202 |`,
    ],
    [
      `| Receives of a record | ${Resources.HandOverQueue.Properties.RedrivePolicy.maxReceiveCount.toLocaleString('en')} |`,
    ],
    [`| Events and hand-over queue retention | ${days('EventsQueue')} days |`],
    [`| Events and hand-over queue retention | ${days('HandOverQueue')} days |`],
    [`| Quarantine queue retention | ${days('QuarantineQueue')} days |`],
    [`for ${provider.logRetentionInDays} days`],
  ])('operations.md says %s', (sentence) => {
    expect(operations.replaceAll('\n', ' ')).toContain(sentence)
  })
})
