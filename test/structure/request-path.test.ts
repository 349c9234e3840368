import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Entered } from './probe.ts'
import { projectRoot } from './source.ts'

interface Recorded {
  readonly answer: unknown
  readonly entered: readonly Entered[]
  readonly covered: readonly string[]
}

let recorded: Readonly<Record<'form' | 'event', Recorded>>

beforeAll(async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['test/structure/request-path.ts'], {
    cwd: projectRoot,
    env: { ...process.env, LOG_LEVEL: 'SILENT', POWERTOOLS_METRICS_DISABLED: 'true' },
  })
  recorded = JSON.parse(stdout)
})

const document = readFileSync(`${projectRoot}/docs/architecture.md`, 'utf8')

/** The layers of house order: a call from a lower number to a higher one goes up. */
const LAYERS = [
  /^lib\/errors\//,
  /^lib\/(request|net|telemetry)\//,
  /^lib\/(liveperson|aws)\//,
  /^lib\/(config|account)\//,
  /^lib\/(conversation|consumer)\//,
  /^lib\/service\//,
  /^functions\//,
]
const layerOf = (path: string) => LAYERS.findIndex((pattern) => pattern.test(path))

const isUp = ({ file, caller }: Entered) => caller !== undefined && layerOf(caller) < layerOf(file)

const toLines = (entered: readonly Entered[]) =>
  entered.map((each, index) => `${index + 1}. \`${each.file}\`${isUp(each) ? ' ↑' : ''}`)

const linesOf = (name: string) => {
  const [, block = ''] =
    new RegExp(`<!-- path:${name}:start -->([^]*?)<!-- path:${name}:end -->`).exec(document) ?? []
  return block.split('\n').filter((line) => line !== '')
}

describe.each(['form', 'event'] as const)('the path of the %s', (name) => {
  test('is printed in docs/architecture.md, in order, with the calls that go up', () => {
    expect(linesOf(name)).toEqual(toLines(recorded[name].entered))
  })

  test('is what V8 covers in the same request', () => {
    expect(recorded[name].covered).toEqual(recorded[name].entered.map(({ file }) => file).toSorted())
  })

  test('goes down only, except into what lib/service passes in', () => {
    const up = recorded[name].entered.filter(isUp).map(({ file }) => file)
    expect(up.filter((file) => !/^lib\/(service|account)\//.test(file))).toEqual([])
    expect(up.length).toBeGreaterThan(0)
  })
})

test('both requests opened a conversation', () => {
  expect(recorded.form.answer).toMatchObject({ statusCode: 201 })
  expect(recorded.event.answer).toEqual({ batchItemFailures: [] })
})
