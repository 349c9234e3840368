import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, matchesGlob, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const project = fileURLToPath(new URL('..', import.meta.url))

/** A file's path from the project's root, and its text. */
interface Source {
  readonly path: string
  readonly text: string
}

interface Layer {
  /** Which files; the first layer that fits a file is its own. */
  readonly files: string
  /** What they may import: packages by name, files by path from the root. */
  readonly may: readonly string[]
  /** What they may import the types of. */
  readonly mayTypes?: readonly string[]
}

const OUTSIDE = ['**']

/** The layers, one direction: functions → lib → lib/liveperson. What drives the service from outside may import all. */
const LAYERS: readonly Layer[] = [
  { files: 'functions/*.ts', may: ['@middy/core', 'lib/*.ts'], mayTypes: ['aws-lambda'] },
  {
    files: 'lib/liveperson/*.ts',
    may: ['jose', 'quick-lru', 'node:crypto', 'lib/liveperson/*.ts', 'lib/errors.ts'],
    mayTypes: ['lib/conversation-request.ts'],
  },
  { files: 'lib/connect.ts', may: ['lib/*.ts', 'lib/liveperson/*.ts'] },
  // What a foreign host is, only the client knows; what is done about it is decided here.
  {
    files: 'lib/domains.ts',
    may: ['zod/mini', 'lib/*.ts', 'lib/liveperson/hosts.ts', 'lib/liveperson/domain-api.ts'],
  },
  {
    files: 'lib/*.ts',
    may: [
      'node:*',
      'zod/mini',
      'jose',
      'quick-lru',
      '@aws-sdk/*',
      '@aws-lambda-powertools/*',
      'lib/*.ts',
      'lib/liveperson/hosts.ts',
    ],
    mayTypes: ['aws-lambda', 'lib/liveperson/*.ts'],
  },
  { files: '{local,cli,bench,test,infrastructure}/**/*.ts', may: OUTSIDE },
  { files: '*.ts', may: ['vitest/config'] },
]

interface Owner {
  readonly what: string
  readonly pattern: RegExp
  readonly files: readonly string[]
}

/** What only one file may touch. Types don't count. */
const OWNERS: readonly Owner[] = [
  { what: 'environment variables', pattern: /\bprocess\s*\.\s*env\b/, files: ['lib/config.ts'] },
  { what: 'the global fetch', pattern: /(?<!typeof )\bglobalThis\s*\.\s*fetch\b/, files: ['lib/connect.ts'] },
  { what: 'the console', pattern: /\bconsole\s*\.|\bprocess\s*\.\s*std(out|err)\b/, files: [] },
]

const PACKAGE_OWNERS: Readonly<Record<string, readonly string[]>> = {
  '@aws-sdk/client-dynamodb': ['lib/state-table.ts'],
  '@aws-sdk/util-dynamodb': ['lib/state-table.ts'],
  '@aws-sdk/client-secrets-manager': ['lib/secrets.ts'],
  '@aws-sdk/client-sqs': ['lib/queues.ts'],
  '@aws-lambda-powertools/logger': ['lib/log.ts'],
  '@aws-lambda-powertools/metrics': ['lib/metrics.ts'],
  '@middy/core': ['functions/*.ts'],
  'node:fs': ['lib/config.ts'],
}

/** Says of each source file what it may not do. */
function findWrongs(sources: readonly Source[]): readonly string[] {
  return sources.flatMap(({ path, text }) => {
    const code = withoutComments(text)
    const layer = LAYERS.find(({ files }) => matchesGlob(path, files))
    if (!layer) return [`${path} is in no layer`]
    const imports = importsOf(code).map(({ from, isType }) => ({
      isType,
      from: from.startsWith('.') ? join(dirname(path), from) : from,
    }))
    const wrong = imports
      .filter(({ from, isType }) => {
        const allowed = isType ? [...layer.may, ...(layer.mayTypes ?? [])] : layer.may
        return !allowed.some((pattern) => matchesGlob(from, pattern))
      })
      .map(({ from }) => `${path} imports ${from}`)
    return isService(path) ? [...wrong, ...findTrespasses(path, code, imports)] : wrong
  })
}

function findTrespasses(path: string, code: string, imports: readonly Import[]): readonly string[] {
  const isOwnedBy = (files: readonly string[]) => files.some((pattern) => matchesGlob(path, pattern))
  return [
    ...imports
      .filter(({ from, isType }) => !isType && !isOwnedBy(PACKAGE_OWNERS[from] ?? [path]))
      .map(({ from }) => `${path} uses ${from}, which has another owner`),
    ...OWNERS.filter(({ pattern, files }) => pattern.test(code) && !isOwnedBy(files)).map(
      ({ what }) => `${path} uses ${what}`,
    ),
    // A function of that name in the file itself is another thing than the global one.
    ...(/(?<![.\w])fetch\s*\(/.test(code) && !/\bconst fetch\b|^\s*fetch,$/m.test(code)
      ? [`${path} calls the global fetch`]
      : []),
  ]
}

const isService = (path: string) => /^(functions|lib)\//.test(path)

interface Import {
  readonly from: string
  /** Whether it is gone at run time. */
  readonly isType: boolean
}

/** What a file imports or re-exports, dynamic imports of a literal included. */
function importsOf(code: string): readonly Import[] {
  const stated = [...code.matchAll(/^\s*(?:import|export)\s([^'"`;]*?)\bfrom\s*['"]([^'"]+)['"]/gm)]
  const bare = [...code.matchAll(/^\s*import\s*['"]([^'"]+)['"]/gm)]
  const dynamic = [...code.matchAll(/\bimport\(\s*['"`]([^'"`]+)['"`]/g)]
  return [
    ...stated.map(([, clause = '', from = '']) => ({ from, isType: isTypeClause(clause) })),
    ...[...bare, ...dynamic].map(([, from = '']) => ({ from, isType: false })),
  ]
}

const isTypeClause = (clause: string) => {
  if (/^type\s/.test(clause)) return true
  const named = /^\{([^}]*)\}\s*$/.exec(clause.trim())?.[1]
  const names = named?.split(',').filter((name) => name.trim() !== '') ?? []
  return names.length > 0 && names.every((name) => /^\s*type\s/.test(name))
}

const withoutComments = (text: string) =>
  text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')

const sources: readonly Source[] = readdirSync(project, { withFileTypes: true, recursive: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => relative(project, join(entry.parentPath, entry.name)))
  .filter((path) => /^[^./]+\.ts$|^(functions|lib|local|cli|bench|test|infrastructure)\//.test(path))
  .map((path) => ({ path, text: readFileSync(join(project, path), 'utf8') }))

describe('imports', () => {
  test('go one way, and each thing has one owner', () => {
    expect(sources.length).toBeGreaterThan(50)
    expect(findWrongs(sources)).toEqual([])
  })

  test('every owner is there and uses what is its own', () => {
    for (const [name, files] of Object.entries(PACKAGE_OWNERS)) {
      const users = sources.filter(({ path, text }) => isService(path) && text.includes(`'${name}'`))
      expect(users.some(({ path }) => files.some((pattern) => matchesGlob(path, pattern)))).toBe(true)
    }
  })

  test.each([
    ['functions/x.ts', "import { run } from '../local/start.ts'", 'functions/x.ts imports local/start.ts'],
    ['functions/x.ts', "import { z } from 'zod'", 'functions/x.ts imports zod'],
    [
      'functions/x.ts',
      "import { createHttp } from '../lib/liveperson/http.ts'",
      'functions/x.ts imports lib/liveperson/http.ts',
    ],
    ['lib/x.ts', "import { handler } from '../functions/y.ts'", 'lib/x.ts imports functions/y.ts'],
    ['lib/x.ts', "import type { World } from './support/world.ts'", 'lib/x.ts imports test/world.ts'],
    ['lib/x.ts', "const { x } = await import('../cli/y.ts')", 'lib/x.ts imports cli/y.ts'],
    ['lib/x.ts', "export * from '../bench/y.ts'", 'lib/x.ts imports bench/y.ts'],
    ['lib/x.ts', "import '../local/y.ts'", 'lib/x.ts imports local/y.ts'],
    [
      'lib/x.ts',
      "import {\n  type Answer,\n  readAnswer,\n} from './liveperson/answer.ts'",
      'lib/x.ts imports lib/liveperson/answer.ts',
    ],
    [
      'lib/liveperson/x.ts',
      "import { createLedger } from '../ledger.ts'",
      'lib/liveperson/x.ts imports lib/ledger.ts',
    ],
    [
      'lib/liveperson/x.ts',
      "import { requestId } from '../conversation-request.ts'",
      'lib/liveperson/x.ts imports lib/conversation-request.ts',
    ],
    [
      'lib/x.ts',
      "import { SQSClient } from '@aws-sdk/client-sqs'",
      'lib/x.ts uses @aws-sdk/client-sqs, which has another owner',
    ],
    ['lib/x.ts', 'const { STAGE } = process.env', 'lib/x.ts uses environment variables'],
    ['lib/x.ts', "console.log('here')", 'lib/x.ts uses the console'],
    ['lib/x.ts', 'const get = globalThis.fetch', 'lib/x.ts uses the global fetch'],
    ['lib/x.ts', "await fetch('https://example.com')", 'lib/x.ts calls the global fetch'],
    ['lib/deeper/x.ts', 'export const x = 1', 'lib/deeper/x.ts is in no layer'],
  ])('in %s, %s is found', (path, text, wrong) => {
    expect(findWrongs([{ path, text }])).toEqual([wrong])
  })

  test.each([
    ['lib/x.ts', "import type { Http } from './liveperson/http.ts'"],
    ['lib/x.ts', "import { type Answer, type Other } from './liveperson/answer.ts'"],
    ['lib/x.ts', "import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'"],
    ['lib/x.ts', "// console.log is not for here\nimport { check } from './conversation-request.ts'"],
    ['local/x.ts', "import { handler } from '../functions/open-from-form.ts'\nconsole.log(process.env.PATH)"],
  ])('in %s, %s is fine', (path, text) => {
    expect(findWrongs([{ path, text }])).toEqual([])
  })
})
