import { readFileSync } from 'node:fs'
import { join, matchesGlob } from 'node:path'
import { describe, expect, test } from 'vitest'
import { globalsOf, importsOf, projectRoot, readSources, type Source } from './structure/source.ts'

interface Module {
  /** A module may import modules of lower layers, never of higher ones, and never others of its own layer. */
  readonly layer: number
  /** A folder. A file belongs to the longest one that fits; `.` is the root. */
  readonly module: string
  /** The packages that it may import, as globs. Types count. */
  readonly packages: readonly string[]
}

/** The layers, from the top. docs/architecture.md has the same table, with the responsibility of each module. */
const MODULES: readonly Module[] = [
  { layer: 12, module: '.', packages: ['vitest/config'] },
  { layer: 11, module: 'test', packages: ['**'] },
  { layer: 10, module: 'bench', packages: ['**'] },
  { layer: 9, module: 'local', packages: ['**'] },
  { layer: 9, module: 'cli', packages: ['**'] },
  { layer: 8, module: 'tools', packages: ['**'] },
  { layer: 7, module: 'functions', packages: ['@middy/core', 'aws-lambda'] },
  { layer: 6, module: 'lib/service', packages: ['node:crypto', 'node:timers/promises'] },
  { layer: 5, module: 'lib/conversation', packages: [] },
  { layer: 5, module: 'lib/consumer', packages: ['jose'] },
  { layer: 4, module: 'lib/config', packages: ['node:fs'] },
  { layer: 4, module: 'lib/account', packages: ['@aws-sdk/client-secrets-manager'] },
  { layer: 3, module: 'lib/liveperson', packages: ['jose', 'quick-lru'] },
  { layer: 3, module: 'lib/aws', packages: ['@aws-sdk/*'] },
  { layer: 2, module: 'lib/request', packages: ['node:crypto'] },
  { layer: 2, module: 'lib/net', packages: [] },
  { layer: 2, module: 'lib/telemetry', packages: ['@aws-lambda-powertools/*'] },
  { layer: 1, module: 'lib/errors', packages: [] },
]

/** Packages that every module of `lib/` may import. */
const LIB_PACKAGES = ['zod/mini']

/** Packages that only some files may import at run time, or at all. */
const PACKAGE_OWNERS: readonly {
  readonly package: string
  readonly files: readonly string[]
  readonly countsTypes?: boolean
}[] = [
  { package: '@aws-sdk/client-dynamodb', files: ['lib/aws/state-table.ts'] },
  { package: '@aws-sdk/util-dynamodb', files: ['lib/aws/state-table.ts'] },
  { package: '@aws-sdk/client-sqs', files: ['lib/aws/queues.ts'] },
  { package: '@aws-sdk/client-secrets-manager', files: ['lib/account/secrets.ts'] },
  { package: '@aws-lambda-powertools/logger', files: ['lib/telemetry/log.ts'] },
  { package: '@aws-lambda-powertools/metrics', files: ['lib/telemetry/metrics.ts'] },
  { package: 'node:fs', files: ['lib/config/environment.ts'] },
  {
    package: 'aws-lambda',
    files: ['functions/**/*.ts', 'local/**/*.ts', 'test/**/*.ts'],
    countsTypes: true,
  },
]

/** Globals that only one file of the deployed code may use. Powertools writes the log, so `log.ts` needs no console today. */
const GLOBAL_OWNERS: Readonly<Record<string, string>> = {
  process: 'lib/config/environment.ts',
  fetch: 'lib/net/outbound.ts',
  console: 'lib/telemetry/log.ts',
}

/** Returns a sentence for each rule that a file breaks. */
const findViolations = (sources: readonly Source[]): readonly string[] => [
  ...sources.flatMap((source) => [...findWrongImports(source), ...findTrespasses(source)]),
  ...findCycles(sources),
]

const findWrongImports = (source: Source): readonly string[] => {
  const own = moduleOf(source.path)
  if (!own) return [`${source.path} is in no module`]
  const packages = own.module.startsWith('lib/') ? [...own.packages, ...LIB_PACKAGES] : own.packages
  return importsOf(source).flatMap(({ from, isType }) => {
    if (from === undefined)
      return isDeployed(source.path) ? [`${source.path} imports by a computed name`] : []
    if (from.endsWith('.ts')) return explainImport(source.path, own, from)
    if (from.endsWith('.json')) return []
    if (!packages.some((allowed) => matchesGlob(from, allowed))) return [`${source.path} imports ${from}`]
    const owner = PACKAGE_OWNERS.find((row) => row.package === from && (row.countsTypes || !isType))
    const isSubject = isDeployed(source.path) || owner?.countsTypes
    return owner && isSubject && !owner.files.some((file) => matchesGlob(source.path, file))
      ? [`${source.path} imports ${from}, which only ${owner.files.join(', ')} may`]
      : []
  })
}

const explainImport = (path: string, own: Module, from: string): readonly string[] => {
  const other = moduleOf(from)
  if (!other) return [`${path} imports ${from}, which is in no module`]
  if (other.module === own.module || other.layer < own.layer) return []
  return other.layer === own.layer
    ? [`${path} imports ${from}: ${own.module} and ${other.module} are in the same layer`]
    : [`${path} imports ${from}: ${other.module} is in a layer above ${own.module}`]
}

const findTrespasses = (source: Source): readonly string[] => {
  if (!isDeployed(source.path)) return []
  const globals = globalsOf(source)
  return Object.entries(GLOBAL_OWNERS)
    .filter(([name, owner]) => globals.has(name) && source.path !== owner)
    .map(([name, owner]) => `${source.path} uses ${name}, which only ${owner} may`)
}

/** Returns one sentence per file that can reach itself through imports, types included. Each cycle is told once. */
const findCycles = (sources: readonly Source[]): readonly string[] => {
  const imports = new Map(
    sources.map((source) => [source.path, importsOf(source).flatMap(({ from }) => from ?? [])]),
  )
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): readonly string[] => {
    const start = trail.indexOf(path)
    if (start >= 0) return [`cycle: ${[...trail.slice(start), path].join(' → ')}`]
    if (done.has(path)) return []
    const found = (imports.get(path) ?? []).flatMap((next) => visit(next, [...trail, path]))
    done.add(path)
    return found
  }
  return sources.flatMap(({ path }) => visit(path, []))
}

const isDeployed = (path: string): boolean => /^(functions|lib)\//.test(path)

const moduleOf = (path: string): Module | undefined =>
  MODULES.filter(({ module }) => (module === '.' ? !path.includes('/') : path.startsWith(`${module}/`)))
    .sort((one, other) => other.module.length - one.module.length)
    .at(0)

const FOLDERS = ['functions', 'lib', 'local', 'cli', 'bench', 'tools', 'test']
const sources = readSources(FOLDERS, '.ts').filter(({ path }) => !path.endsWith('.d.ts'))

describe('imports', () => {
  test('go down only, without cycles, and what has an owner is left to it', () => {
    expect(findViolations(sources)).toEqual([])
  })

  test('docs/architecture.md has the same table', () => {
    const document = readFileSync(join(projectRoot, 'docs/architecture.md'), 'utf8')
    const rows = [...document.matchAll(/^\| *(\d+) *\| *`([^`]+)` *\|[^|]*\|([^|]*)\|$/gm)]
    const printed = rows.map(([, layer, module, packages = '']) => ({
      layer: Number(layer),
      module,
      packages:
        packages.trim() === 'any' ? ['**'] : [...packages.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    }))
    expect(printed).toEqual(MODULES)
  })

  test('every module of the table has files', () => {
    const used = new Set(sources.map(({ path }) => moduleOf(path)?.module))
    expect(MODULES.map(({ module }) => module).filter((module) => !used.has(module))).toEqual([])
  })

  test('every package of the table is imported by its module, and every owner uses what it owns', () => {
    const importedBy = (glob: string, isWithin: (path: string) => boolean) =>
      sources.some(
        (source) =>
          isWithin(source.path) && importsOf(source).some(({ from }) => from && matchesGlob(from, glob)),
      )
    const unused = MODULES.flatMap(({ module, packages }) =>
      packages
        .filter((glob) => !importedBy(glob, (path) => moduleOf(path)?.module === module))
        .map((glob) => `${module}: ${glob}`),
    )
    const idle = PACKAGE_OWNERS.flatMap((owner) =>
      owner.files
        .filter((file) => !importedBy(owner.package, (path) => matchesGlob(path, file)))
        .map((file) => `${file}: ${owner.package}`),
    )
    expect([...unused, ...idle]).toEqual([])
  })

  test.each([
    [
      'functions/x.ts',
      "import { run } from '../local/start.ts'",
      'functions/x.ts imports local/start.ts: local is in a layer above functions',
    ],
    ['functions/x.ts', "import { z } from 'zod'", 'functions/x.ts imports zod'],
    [
      'lib/request/x.ts',
      "import { handler } from '../../functions/y.ts'",
      'lib/request/x.ts imports functions/y.ts: functions is in a layer above lib/request',
    ],
    [
      'lib/consumer/x.ts',
      "import type { Service } from '../service/open.ts'",
      'lib/consumer/x.ts imports lib/service/open.ts: lib/service is in a layer above lib/consumer',
    ],
    [
      'lib/consumer/x.ts',
      "import { type Ledger, createLedger } from '../conversation/ledger.ts'",
      'lib/consumer/x.ts imports lib/conversation/ledger.ts: lib/consumer and lib/conversation are in the same layer',
    ],
    [
      'lib/request/x.ts',
      'const x = (y: import("../net/outbound.ts").Outbound) => y',
      'lib/request/x.ts imports lib/net/outbound.ts: lib/request and lib/net are in the same layer',
    ],
    [
      'lib/errors/x.ts',
      "const { x } = await import('../../cli/y.ts')",
      'lib/errors/x.ts imports cli/y.ts: cli is in a layer above lib/errors',
    ],
    [
      'lib/aws/x.ts',
      "export * from '../../bench/y.ts'",
      'lib/aws/x.ts imports bench/y.ts: bench is in a layer above lib/aws',
    ],
    [
      'lib/aws/x.ts',
      "import '../liveperson/y.ts'",
      'lib/aws/x.ts imports lib/liveperson/y.ts: lib/aws and lib/liveperson are in the same layer',
    ],
    [
      'cli/x.ts',
      "import { start } from '../local/y.ts'",
      'cli/x.ts imports local/y.ts: cli and local are in the same layer',
    ],
    [
      'bench/x.ts',
      "import { createWorld } from '../test/support/y.ts'",
      'bench/x.ts imports test/support/y.ts: test is in a layer above bench',
    ],
    [
      'local/x.ts',
      "import type { World } from '../test/support/y.ts'",
      'local/x.ts imports test/support/y.ts: test is in a layer above local',
    ],
    ['lib/x.ts', 'export const x = 1', 'lib/x.ts is in no module'],
    ['lib/net/x.ts', "import { x } from '../x.ts'", 'lib/net/x.ts imports lib/x.ts, which is in no module'],
    ['lib/net/x.ts', 'const x = (name: string) => import(name)', 'lib/net/x.ts imports by a computed name'],
    ['lib/net/x.ts', "import type { SQSEvent } from 'aws-lambda'", 'lib/net/x.ts imports aws-lambda'],
    [
      'cli/x.ts',
      "import type { SQSEvent } from 'aws-lambda'",
      'cli/x.ts imports aws-lambda, which only functions/**/*.ts, local/**/*.ts, test/**/*.ts may',
    ],
    [
      'lib/aws/x.ts',
      "const { SQSClient } = await import('@aws-sdk/client-sqs')",
      'lib/aws/x.ts imports @aws-sdk/client-sqs, which only lib/aws/queues.ts may',
    ],
    [
      'lib/request/x.ts',
      'const { STAGE } = process.env',
      'lib/request/x.ts uses process, which only lib/config/environment.ts may',
    ],
    [
      'functions/x.ts',
      "console.log('here')",
      'functions/x.ts uses console, which only lib/telemetry/log.ts may',
    ],
    [
      'lib/liveperson/x.ts',
      'const x = ({ fetch = globalThis.fetch }) => fetch',
      'lib/liveperson/x.ts uses fetch, which only lib/net/outbound.ts may',
    ],
  ])('in %s, %s is found', (path, text, violation) => {
    expect(findViolations([{ path, text }])).toEqual([violation])
  })

  test.each([
    [
      'of two files',
      { 'lib/net/a.ts': "import { b } from './b.ts'", 'lib/net/b.ts': "import type { A } from './a.ts'" },
      ['cycle: lib/net/a.ts → lib/net/b.ts → lib/net/a.ts'],
    ],
    [
      'of three files that a fourth one leads to',
      {
        'cli/a.ts': "import './b.ts'",
        'cli/b.ts': "import './c.ts'",
        'cli/c.ts': "import './d.ts'",
        'cli/d.ts': "export * from './b.ts'",
      },
      ['cycle: cli/b.ts → cli/c.ts → cli/d.ts → cli/b.ts'],
    ],
    [
      'of a file with itself',
      { 'test/support/a.ts': "import './a.ts'" },
      ['cycle: test/support/a.ts → test/support/a.ts'],
    ],
    [
      'not where two ways lead to one file',
      { 'cli/a.ts': "import './b.ts'\nimport './c.ts'", 'cli/b.ts': "import './c.ts'", 'cli/c.ts': '' },
      [],
    ],
  ])('a cycle %s', (_, files, violations) => {
    const planted = Object.entries(files).map(([path, text]) => ({ path, text }))
    expect(findViolations(planted)).toEqual(violations)
  })

  test.each([
    ['lib/consumer/x.ts', "import type { Route } from '../config/routes.ts'"],
    ['lib/request/x.ts', "import { z } from 'zod/mini'"],
    ['lib/aws/x.ts', "import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'"],
    ['lib/errors/x.ts', '/* console.log is not for here */ export const x = 1'],
    ['functions/http/x.ts', "import type { APIGatewayProxyEventV2 } from 'aws-lambda'"],
    ['local/x.ts', "import { handler } from '../functions/open-from-form.ts'; console.log(process.env.PATH)"],
  ])('in %s, %s is allowed', (path, text) => {
    expect(findViolations([{ path, text }])).toEqual([])
  })
})
