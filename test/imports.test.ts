import { extname, matchesGlob } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  CODE,
  type Import,
  importsOf,
  listFiles,
  namesOf,
  readSource,
  type Source,
} from './structure/source.ts'

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
  { layer: 12, module: '.', packages: ['vitest/config', 'vitest/node'] },
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
  { layer: 3, module: 'lib/liveperson', packages: ['jose', 'node:crypto', 'quick-lru'] },
  {
    layer: 3,
    module: 'lib/aws',
    packages: ['@aws-sdk/*', '@smithy/core/*', '@smithy/signature-v4', 'node:crypto'],
  },
  { layer: 2, module: 'lib/request', packages: ['node:crypto'] },
  { layer: 2, module: 'lib/net', packages: ['node:http', 'node:https', 'node:stream'] },
  { layer: 2, module: 'lib/telemetry', packages: ['@aws-lambda-powertools/*'] },
  { layer: 1, module: 'lib/errors', packages: [] },
  { layer: 1, module: 'web', packages: [] },
]

/** Packages that every module of `lib/` may import. */
const LIB_PACKAGES = ['zod/mini']

/**
 * Packages that only some files may import, paths in the package included. For a package with `countsTypes`,
 * that goes for every folder and for types. For the others, it goes for the running code of functions/ and lib/.
 */
const PACKAGE_OWNERS: readonly {
  readonly package: string
  readonly files: readonly string[]
  readonly countsTypes?: boolean
}[] = [
  { package: '@aws-sdk/util-dynamodb', files: ['lib/aws/state-table.ts'] },
  { package: '@aws-sdk/client-secrets-manager', files: ['lib/account/secrets.ts'] },
  { package: '@aws-lambda-powertools/logger', files: ['lib/telemetry/log.ts'] },
  { package: '@aws-lambda-powertools/metrics', files: ['lib/telemetry/metrics.ts'] },
  { package: '@smithy/core', files: ['lib/aws/call.ts', 'lib/aws/sdk-handler.ts'] },
  { package: '@smithy/signature-v4', files: ['lib/aws/call.ts'] },
  { package: 'node:https', files: ['lib/net/connections.ts', 'lib/net/outbound.ts'] },
  { package: 'node:fs', files: ['lib/config/environment.ts'] },
  {
    package: 'aws-lambda',
    files: ['functions/**/*.ts', 'local/**/*.ts', 'test/**/*.ts', 'bench/peers/**/*.ts'],
    countsTypes: true,
  },
  // It creates `require`, which loads files past these rules.
  { package: 'node:module', files: ['test/**/*.ts'], countsTypes: true },
]

/**
 * Globals that only these files of functions/ and lib/ may use. The others may not declare the name either, so that
 * nothing hides a use. Powertools writes the log, so `log.ts` needs no console today.
 */
const GLOBAL_OWNERS: Readonly<Record<string, readonly string[]>> = {
  // `connections.ts` loads node:http without undici through it.
  process: ['lib/config/environment.ts', 'lib/aws/settings.ts', 'lib/net/connections.ts'],
  fetch: ['lib/net/outbound.ts'],
  'globalThis.fetch': ['lib/net/outbound.ts'],
  console: ['lib/telemetry/log.ts'],
}

/** Globals that no file of functions/ and lib/ may use, because they lead to all others. */
const FORBIDDEN_GLOBALS = /^(globalThis|global|eval|Function)(\.|$)/

/** Imports by a computed name, outside functions/ and lib/. */
const COMPUTED_IMPORTS: Readonly<Record<string, string>> = {
  'bench/container.ts': 'pathToFileURL(file).href',
  'local/aws/sqs.ts': "new URL('./sqs/sqsTypes.js', import.meta.resolve('fauxqs')).href",
  'test/lib/conversation/model/load-protocol.ts': 'url',
  'test/support/process-runner.ts': 'url',
  'test/tools/sdk-parts.test.ts': 'pathToFileURL(file).href',
}

/** Folders in the root without code. */
const FOLDERS_OF_DATA = ['.ci', '.github', 'config', 'contracts', 'docs', 'infrastructure']

/** What a file may be, beside code. */
const EXTENSIONS_OF_DATA = ['.css', '.html', '.json', '.md', '.png', '.svg', '.yml']
const OTHER_FILES = ['.ci/run', '.gitignore', '.nvmrc', 'LICENSE']

/** Returns a sentence for each file of an unknown kind, and for each unknown folder in the root. */
const findUnknown = (paths: readonly string[]): readonly string[] => {
  const folders = new Set(paths.flatMap((path) => /^([^/]+)\//.exec(path)?.[1] ?? []))
  const known = [...MODULES.map(({ module }) => module.replace(/\/.*/, '')), ...FOLDERS_OF_DATA]
  return [
    ...[...folders].filter((folder) => !known.includes(folder)).map((folder) => `${folder}/ is unknown`),
    ...paths
      .filter((path) => !OTHER_FILES.includes(path))
      .filter((path) => !['.ts', ...EXTENSIONS_OF_DATA].includes(extname(path)))
      .map((path) =>
        CODE.test(path) ? `${path} is code but not a .ts file` : `${path} is of an unknown kind`,
      ),
  ]
}

/** Returns a sentence for each rule that a file breaks. */
const findViolations = (sources: readonly Source[]): readonly string[] => [
  ...sources.flatMap((source) => [...findWrongImports(source), ...findTrespasses(source)]),
  ...findCycles(sources),
]

const findWrongImports = (source: Source): readonly string[] => {
  const own = moduleOf(source.path)
  if (!own) return [`${source.path} is in no module`]
  return importsOf(source).flatMap((found) => {
    if (found.kind === 'computed') return explainComputed(source.path, found)
    if (!found.isPlain && isDeployed(source.path))
      return [`${source.path} imports ${found.from}, but not in a plain string`]
    if (found.kind === 'file') return explainImport(source.path, own, found)
    if (found.kind === 'package') return explainPackage(source.path, own, found)
    return [`${source.path} imports ${found.from}, which is neither a file nor a package`]
  })
}

const explainComputed = (path: string, { from }: Import): readonly string[] =>
  !isDeployed(path) && COMPUTED_IMPORTS[path] === from ? [] : [`${path} imports by a computed name: ${from}`]

const explainImport = (path: string, own: Module, { from }: Import): readonly string[] => {
  if (!/^[\w./-]+\.(ts|json)$/.test(from))
    return [`${path} imports ${from}, which is not a .ts or .json file`]
  const other = moduleOf(from)
  if (!other) return [`${path} imports ${from}, which is in no module`]
  if (other.module === 'web' && isDeployed(path)) return [`${path} imports ${from}, which is for browsers`]
  if (other.module === own.module || other.layer < own.layer) return []
  return other.layer === own.layer
    ? [`${path} imports ${from}: ${own.module} and ${other.module} are in the same layer`]
    : [`${path} imports ${from}: ${other.module} is in a layer above ${own.module}`]
}

const explainPackage = (path: string, own: Module, { from, isType }: Import): readonly string[] => {
  const packages = own.module.startsWith('lib/') ? [...own.packages, ...LIB_PACKAGES] : own.packages
  if (!packages.some((allowed) => matchesGlob(from, allowed))) return [`${path} imports ${from}`]
  const owner = PACKAGE_OWNERS.find((row) => isOf(row.package, from) && (row.countsTypes || !isType))
  const isSubject = isDeployed(path) || owner?.countsTypes
  return owner && isSubject && !owner.files.some((file) => matchesGlob(path, file))
    ? [`${path} imports ${from}, which only ${owner.files.join(', ')} may`]
    : []
}

/** Returns whether an import is of a package, or of a path in it. Node's own packages have two names. */
const isOf = (name: string, from: string): boolean =>
  [name, name.replace(/^node:/, '')].some((each) => from === each || from.startsWith(`${each}/`))

const findTrespasses = (source: Source): readonly string[] => {
  const { used, declared } = namesOf(source)
  const everywhere = used.has('require') ? [`${source.path} uses require`] : []
  if (!isDeployed(source.path)) return everywhere
  const owners = Object.entries(GLOBAL_OWNERS).filter(([, owner]) => !owner.includes(source.path))
  const owned = owners
    .filter(([name]) => used.has(name))
    .map(([name, owner]) => `${source.path} uses ${name}, which only ${owner.join(', ')} may`)
  const forbidden = [...used]
    .filter((name) => FORBIDDEN_GLOBALS.test(name) && !(name in GLOBAL_OWNERS))
    .map((name) => `${source.path} uses ${name}`)
  const hidden = owners
    .filter(([name]) => declared.has(name))
    .map(([name]) => `${source.path} declares ${name}, the name of a global with an owner`)
  return [...everywhere, ...owned, ...forbidden, ...hidden]
}

/** Returns one sentence per file that can reach itself through imports, types included. Each cycle is told once. */
const findCycles = (sources: readonly Source[]): readonly string[] => {
  const imports = new Map(sources.map((source) => [source.path, importsOf(source).map(({ from }) => from)]))
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

const files = listFiles()
const sources = files.filter((path) => CODE.test(path)).map(readSource)
const { text: document } = readSource('docs/architecture.md')

/** Returns the names in code in a cell of a table. */
const codeIn = (cell: string): readonly string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)

describe('imports', () => {
  test('go down only, without cycles, and what has an owner is left to it', () => {
    expect(findViolations(sources)).toEqual([])
  })

  test('every file and every folder in the root is of a known kind', () => {
    expect(findUnknown(files)).toEqual([])
  })

  test('docs/architecture.md has the same table of modules', () => {
    const rows = [...document.matchAll(/^\| *(\d+) *\| *`([^`]+)` *\|[^|]*\|([^|]*)\|$/gm)]
    const printed = rows.map(([, layer, module, packages = '']) => ({
      layer: Number(layer),
      module,
      packages: packages.trim() === 'any' ? ['**'] : codeIn(packages),
    }))
    expect(printed).toEqual(MODULES)
  })

  test('docs/architecture.md has the same table of owners', () => {
    const [, table = ''] = /^\| what \| owner \|\n\| --- \| --- \|\n((?:\|.*\n)+)/m.exec(document) ?? []
    const printed = [...table.matchAll(/^\|([^|]+)\|([^|]+)\|$/gm)].flatMap(([, what = '', owner = '']) =>
      codeIn(what).map((name) => ({
        name,
        files: codeIn(owner),
        countsTypes: what.trimEnd().endsWith(', types included'),
      })),
    )
    const owned = [
      ...Object.entries(GLOBAL_OWNERS).map(([name, files]) => ({ name, files, countsTypes: false })),
      ...PACKAGE_OWNERS.map(({ package: name, files, countsTypes = false }) => ({
        name,
        files,
        countsTypes,
      })),
    ]
    expect(printed).toEqual(owned)
  })

  test('every module of the table has files', () => {
    const used = new Set(sources.map(({ path }) => moduleOf(path)?.module))
    expect(MODULES.map(({ module }) => module).filter((module) => !used.has(module))).toEqual([])
  })

  test('every package of the table is imported by its module, and every owner uses what it owns', () => {
    const importedBy = (glob: string, isWithin: (path: string) => boolean) =>
      sources.some(
        (source) =>
          isWithin(source.path) &&
          importsOf(source).some(({ from }) => matchesGlob(from, glob) || from.startsWith(`${glob}/`)),
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

  test('every computed import that is allowed exists', () => {
    const computed = sources.flatMap((source) =>
      importsOf(source)
        .filter(({ kind }) => kind === 'computed')
        .map(({ from }) => [source.path, from]),
    )
    expect(computed).toEqual(Object.entries(COMPUTED_IMPORTS))
  })

  test.each([
    [['pages/index.md'], ['pages/ is unknown']],
    [['pages/x.ts'], ['pages/ is unknown']],
    [['lib/net/x.mts'], ['lib/net/x.mts is code but not a .ts file']],
    [
      ['functions/x.js', 'x.cjs'],
      ['functions/x.js is code but not a .ts file', 'x.cjs is code but not a .ts file'],
    ],
    [['cli/x.tsx'], ['cli/x.tsx is code but not a .ts file']],
    [['lib/net/x.wasm'], ['lib/net/x.wasm is of an unknown kind']],
    [['lib/net/x'], ['lib/net/x is of an unknown kind']],
    [['lib/net/x.ts', 'test/x.json', 'docs/x.md', 'config/x.json', 'LICENSE', 'x.ts', '.ci/run'], []],
  ])('of the files %j, %j is found', (paths, findings) => {
    expect(findUnknown(paths)).toEqual(findings)
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
    [
      'functions/x.ts',
      "import type { X } from '../web/y.ts'",
      'functions/x.ts imports web/y.ts, which is for browsers',
    ],
    [
      'web/x.ts',
      "import type { X } from '../lib/errors/y.ts'",
      'web/x.ts imports lib/errors/y.ts: web and lib/errors are in the same layer',
    ],
    ['lib/x.ts', 'export const x = 1', 'lib/x.ts is in no module'],
    ['lib/net/x.ts', "import { x } from '../x.ts'", 'lib/net/x.ts imports lib/x.ts, which is in no module'],
    [
      'lib/net/x.ts',
      'const x = (name: string) => import(name)',
      'lib/net/x.ts imports by a computed name: name',
    ],
    ['lib/net/x.ts', "import type { SQSEvent } from 'aws-lambda'", 'lib/net/x.ts imports aws-lambda'],
    [
      'cli/x.ts',
      "import type { SQSEvent } from 'aws-lambda'",
      'cli/x.ts imports aws-lambda, which only functions/**/*.ts, local/**/*.ts, test/**/*.ts, bench/peers/**/*.ts may',
    ],
    [
      'lib/aws/x.ts',
      "const { SignatureV4 } = await import('@smithy/signature-v4')",
      'lib/aws/x.ts imports @smithy/signature-v4, which only lib/aws/call.ts may',
    ],
    [
      'lib/request/x.ts',
      'const { STAGE } = process.env',
      'lib/request/x.ts uses process, which only lib/config/environment.ts, lib/aws/settings.ts, lib/net/connections.ts may',
    ],
    [
      'functions/x.ts',
      "console.log('here')",
      'functions/x.ts uses console, which only lib/telemetry/log.ts may',
    ],
  ])('in %s, %s is found', (path, text, violation) => {
    expect(findViolations([{ path, text }])).toEqual([violation])
  })

  test.each<[string, string, readonly string[]]>([
    [
      'lib/errors/x.ts',
      "import sample from '../../test/fixtures/conversation/crm-event.json' with { type: 'json' }",
      [
        'lib/errors/x.ts imports test/fixtures/conversation/crm-event.json: test is in a layer above lib/errors',
      ],
    ],
    [
      'lib/config/x.ts',
      "import dev from '../../config/dev.json' with { type: 'json' }",
      ['lib/config/x.ts imports config/dev.json, which is in no module'],
    ],
    [
      'cli/x.ts',
      "import account from '../local/liveperson/state/account.json' with { type: 'json' }",
      ['cli/x.ts imports local/liveperson/state/account.json: cli and local are in the same layer'],
    ],
    [
      'lib/liveperson/x.ts',
      'const x = ({ fetch = globalThis.fetch }) => fetch',
      [
        'lib/liveperson/x.ts uses fetch, which only lib/net/outbound.ts may',
        'lib/liveperson/x.ts uses globalThis.fetch, which only lib/net/outbound.ts may',
        'lib/liveperson/x.ts declares fetch, the name of a global with an owner',
      ],
    ],
    [
      'lib/net/x.ts',
      'const { fetch, console: c, process: p } = globalThis; c.log(p.env, fetch)',
      [
        'lib/net/x.ts uses fetch, which only lib/net/outbound.ts may',
        'lib/net/x.ts uses globalThis',
        'lib/net/x.ts declares fetch, the name of a global with an owner',
      ],
    ],
    [
      'lib/net/x.ts',
      'const { console: c, process: p } = globalThis; c.log(p.env)',
      ['lib/net/x.ts uses globalThis'],
    ],
    [
      'lib/net/x.ts',
      "globalThis['fetch']('https://example.com')",
      ['lib/net/x.ts uses globalThis.fetch, which only lib/net/outbound.ts may'],
    ],
    [
      'lib/net/x.ts',
      'globalThis[`fetch`]()',
      ['lib/net/x.ts uses globalThis.fetch, which only lib/net/outbound.ts may'],
    ],
    ['lib/net/x.ts', "globalThis['fe' + 'tch']()", ['lib/net/x.ts uses globalThis']],
    [
      'lib/net/x.ts',
      "(globalThis as any).fetch('https://example.com')",
      ['lib/net/x.ts uses globalThis.fetch, which only lib/net/outbound.ts may'],
    ],
    [
      'lib/net/x.ts',
      '(<any>globalThis)?.fetch()',
      ['lib/net/x.ts uses globalThis.fetch, which only lib/net/outbound.ts may'],
    ],
    [
      'lib/net/x.ts',
      'const p = <Other>process',
      [
        'lib/net/x.ts uses process, which only lib/config/environment.ts, lib/aws/settings.ts, lib/net/connections.ts may',
      ],
    ],
    ['lib/net/x.ts', "global.fetch('https://example.com')", ['lib/net/x.ts uses global.fetch']],
    ['lib/net/x.ts', "Reflect.get(globalThis, 'fetch')", ['lib/net/x.ts uses globalThis']],
    ['lib/net/x.ts', 'globalThis.cache = new Map()', ['lib/net/x.ts uses globalThis.cache']],
    ['lib/net/outbound.ts', 'globalThis.process.exit()', ['lib/net/outbound.ts uses globalThis.process']],
    ['lib/net/x.ts', 'import p = globalThis.process', ['lib/net/x.ts uses globalThis']],
    ['lib/net/x.ts', "eval('process')", ['lib/net/x.ts uses eval']],
    ['lib/net/x.ts', "new Function('return process')()", ['lib/net/x.ts uses Function']],
    [
      'lib/net/x.ts',
      'const a = (process: number) => process; const b = process.env.STAGE',
      [
        'lib/net/x.ts uses process, which only lib/config/environment.ts, lib/aws/settings.ts, lib/net/connections.ts may',
        'lib/net/x.ts declares process, the name of a global with an owner',
      ],
    ],
    [
      'lib/net/x.ts',
      'const a = ({ x: [fetch] }: Other) => 1; const b = () => fetch()',
      [
        'lib/net/x.ts uses fetch, which only lib/net/outbound.ts may',
        'lib/net/x.ts declares fetch, the name of a global with an owner',
      ],
    ],
    [
      'lib/net/x.ts',
      'try { a() } catch (console) {}; console.log(1)',
      [
        'lib/net/x.ts uses console, which only lib/telemetry/log.ts may',
        'lib/net/x.ts declares console, the name of a global with an owner',
      ],
    ],
    [
      'lib/net/x.ts',
      'enum Level { a = process.pid }',
      [
        'lib/net/x.ts uses process, which only lib/config/environment.ts, lib/aws/settings.ts, lib/net/connections.ts may',
      ],
    ],
    [
      'lib/net/x.ts',
      'namespace Inner { fetch() }',
      ['lib/net/x.ts uses fetch, which only lib/net/outbound.ts may'],
    ],
    [
      'lib/net/x.ts',
      'export = process',
      [
        'lib/net/x.ts uses process, which only lib/config/environment.ts, lib/aws/settings.ts, lib/net/connections.ts may',
      ],
    ],
    [
      'cli/x.ts',
      "import { y } from '../local/y.js'",
      ['cli/x.ts imports local/y.js, which is not a .ts or .json file'],
    ],
    ['cli/x.ts', "import { y } from './y'", ['cli/x.ts imports cli/y, which is not a .ts or .json file']],
    [
      'cli/x.ts',
      "const y = await import('../%6cocal/y.ts')",
      ['cli/x.ts imports %6cocal/y.ts, which is not a .ts or .json file'],
    ],
    ['cli/x.ts', "import y from '#y'", ['cli/x.ts imports #y, which is neither a file nor a package']],
    [
      'cli/x.ts',
      "const y = await import('file:///srv/local/y.ts')",
      ['cli/x.ts imports file:///srv/local/y.ts, which is neither a file nor a package'],
    ],
    [
      'cli/x.ts',
      'const y = await import(`../local/y.ts`)',
      ['cli/x.ts imports local/y.ts: cli and local are in the same layer'],
    ],
    [
      'cli/x.ts',
      "const y = await import('../local/' + 'y.ts')",
      ["cli/x.ts imports by a computed name: '../local/' + 'y.ts'"],
    ],
    [
      'lib/net/x.ts',
      'const y = await import(`./y.ts`)',
      ['lib/net/x.ts imports lib/net/y.ts, but not in a plain string'],
    ],
    ['cli/x.ts', "const y = require('../local/y.ts')", ['cli/x.ts uses require']],
    ['cli/x.ts', 'const load = require', ['cli/x.ts uses require']],
    [
      'cli/x.ts',
      "import { createRequire } from 'node:module'",
      ['cli/x.ts imports node:module, which only test/**/*.ts may'],
    ],
    ['cli/x.ts', "import module from 'module'", ['cli/x.ts imports module, which only test/**/*.ts may']],
    [
      'cli/x.ts',
      "import y = require('../local/y.ts')",
      ['cli/x.ts imports local/y.ts: cli and local are in the same layer'],
    ],
    [
      'cli/x.ts',
      "new Worker(new URL('../local/y.ts', import.meta.url))",
      ['cli/x.ts imports local/y.ts: cli and local are in the same layer'],
    ],
    [
      'cli/x.ts',
      "import type { Handler } from 'aws-lambda/handler.js'",
      [
        'cli/x.ts imports aws-lambda/handler.js, which only functions/**/*.ts, local/**/*.ts, test/**/*.ts, bench/peers/**/*.ts may',
      ],
    ],
    [
      'cli/x.ts',
      '/// <reference types="aws-lambda" />',
      [
        'cli/x.ts imports aws-lambda, which only functions/**/*.ts, local/**/*.ts, test/**/*.ts, bench/peers/**/*.ts may',
      ],
    ],
    ['lib/net/x.ts', "/// <reference types='node' />", ['lib/net/x.ts imports node']],
    [
      'lib/net/x.ts',
      '/// <reference path="../request/y.ts" />',
      ['lib/net/x.ts imports lib/request/y.ts: lib/net and lib/request are in the same layer'],
    ],
    [
      'lib/net/x.ts',
      "declare module '../request/y.ts' { interface Y {} }",
      ['lib/net/x.ts imports lib/request/y.ts: lib/net and lib/request are in the same layer'],
    ],
    [
      'lib/net/x.mts',
      "import { y } from '../../cli/y.ts'",
      ['lib/net/x.mts imports cli/y.ts: cli is in a layer above lib/net'],
    ],
    ['pages/x.ts', 'export const x = 1', ['pages/x.ts is in no module']],
  ])('in %s, %s is also found', (path, text, violations) => {
    expect(findViolations([{ path, text }])).toEqual(violations)
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
    ['local/x.ts', "import state from './liveperson/state/account.json' with { type: 'json' }"],
    ['cli/x.ts', 'await import(`../lib/net/y.ts`)'],
    ['lib/net/x.ts', 'const x = { process: 1, console: y.console }'],
    ['lib/net/outbound.ts', 'const x = (fetch: typeof globalThis.fetch = globalThis.fetch) => fetch'],
  ])('in %s, %s is allowed', (path, text) => {
    expect(findViolations([{ path, text }])).toEqual([])
  })
})
