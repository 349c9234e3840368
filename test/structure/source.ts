import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAst } from 'vitest/node'

/** The project's root folder, absolute. */
export const projectRoot = fileURLToPath(new URL('../..', import.meta.url))

/** A file: its path from the project's root, and its text. */
export interface Source {
  readonly path: string
  readonly text: string
}

/** A node of the syntax tree. Only `type` is certain; read the rest after checking it. */
export interface SyntaxNode {
  readonly type: string
  readonly [member: string]: unknown
}

/** What a file imports, re-exports or refers to. */
export interface Import {
  /**
   * - `file`: `from` is a path from the root, with its extension as written.
   * - `package`: `from` is a package's name, or a path in a package.
   * - `unknown`: `from` is neither, for example an absolute path or a URL.
   * - `computed`: `from` is an expression. Only running code knows its value.
   */
  readonly kind: 'file' | 'package' | 'unknown' | 'computed'
  readonly from: string
  /** Whether the import is erased before the code runs. */
  readonly isType: boolean
  /** Whether the source names what it imports in a plain string. */
  readonly isPlain: boolean
}

/** The names that a file's running code has. */
export interface Names {
  /**
   * Names that are read or written, whether the file declares them or not. A static member of `globalThis` or
   * `global` is one name, such as `globalThis.fetch`.
   */
  readonly used: ReadonlySet<string>
  /** Names of variables, parameters, functions, classes and imports. */
  readonly declared: ReadonlySet<string>
}

/**
 * Returns the path of every file of the project, from the root. Sorted. What `.gitignore` lists is left out;
 * it lists folders only.
 */
export const listFiles = (): readonly string[] => {
  const ignored = readFileSync(join(projectRoot, '.gitignore'), 'utf8').split('\n')
  const skipped = new Set(['.git', ...ignored.map((line) => line.replace(/\/$/, ''))])
  const list = (folder: string): readonly string[] =>
    readdirSync(join(projectRoot, folder), { withFileTypes: true })
      .filter(({ name }) => !skipped.has(name))
      .flatMap((found) => {
        const path = join(folder, found.name)
        return found.isDirectory() ? list(path) : [path]
      })
  return list('').toSorted()
}

/** Returns a file of the project. */
export const readSource = (path: string): Source => ({
  path,
  text: readFileSync(join(projectRoot, path), 'utf8'),
})

/** Returns every file below `folders`, and of the root itself, whose name ends in `suffix`. Sorted by path. */
export const readSources = (folders: readonly string[], suffix: string): readonly Source[] => {
  const below = folders.flatMap((folder) =>
    readdirSync(join(projectRoot, folder), { withFileTypes: true, recursive: true }),
  )
  const inRoot = readdirSync(projectRoot, { withFileTypes: true })
  return [...below, ...inRoot]
    .filter((found) => found.isFile() && found.name.endsWith(suffix))
    .map((found) => relative(projectRoot, join(found.parentPath, found.name)))
    .sort()
    .map(readSource)
}

/**
 * Returns a TypeScript file's statements.
 *
 * @throws {Error} The text is not TypeScript.
 */
export const parseSource = ({ path, text }: Source): readonly SyntaxNode[] =>
  childrenOf(parseAst(text, { lang: /\.[jt]sx$/.test(path) ? 'tsx' : 'ts' }, path))

/** Returns the direct children of a node, in the order of the text. */
export const childrenOf = (node: object): readonly SyntaxNode[] =>
  Object.values(node).flatMap((member: unknown) => (Array.isArray(member) ? member : [member]).filter(isNode))

/** Returns a node and everything below it. */
export const walk = (node: SyntaxNode): readonly SyntaxNode[] => [node, ...childrenOf(node).flatMap(walk)]

/** Returns whether a value is a node of the syntax tree. */
export const isNode = (value: unknown): value is SyntaxNode =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'

/**
 * Returns what a file imports, re-exports or refers to. That includes `import()`, `import('…')` types,
 * `import x = require('…')`, `declare module '…'`, reference directives, and the URL of a code file, as in
 * `new URL('./worker.ts', import.meta.url)`.
 */
export const importsOf = (source: Source): readonly Import[] => {
  const known = importsBySource.get(source)
  if (known) return known
  const found = [...findReferences(source), ...findImports(source)]
  importsBySource.set(source, found)
  return found
}

const importsBySource = new WeakMap<Source, readonly Import[]>()

const findReferences = ({ path, text }: Source): readonly Import[] =>
  [...text.matchAll(/^\s*\/\/\/\s*<reference\s+(types|path)\s*=\s*["']([^"']+)["']/gm)].map(
    ([, attribute, value = '']) => ({
      ...resolve(path, attribute === 'path' ? toRelative(value) : value),
      isType: true,
      isPlain: true,
    }),
  )

const findImports = (source: Source): readonly Import[] =>
  parseSource(source)
    .flatMap(walk)
    .flatMap((node) => {
      const target = targetOf(node)
      if (!target) return []
      const text = staticText(target)
      const found =
        text === undefined
          ? { kind: 'computed' as const, from: source.text.slice(Number(target.start), Number(target.end)) }
          : resolve(source.path, node.type === 'NewExpression' ? toRelative(text) : text)
      return [{ ...found, isType: isTypeImport(node), isPlain: target.type === 'Literal' }]
    })

/** Returns the node that names what a node imports. */
const targetOf = (node: SyntaxNode): SyntaxNode | undefined => {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      return isNode(node.source) ? node.source : undefined
    case 'TSExternalModuleReference':
      return isNode(node.expression) ? node.expression : undefined
    case 'TSModuleDeclaration':
      return isNode(node.id) && node.id.type === 'Literal' ? node.id : undefined
    case 'NewExpression':
      return codeUrlOf(node)
    default:
      return undefined
  }
}

/** Returns the first argument of `new URL('./a.ts', import.meta.url)`. */
const codeUrlOf = ({ callee, arguments: given }: SyntaxNode): SyntaxNode | undefined => {
  const [target, base] = Array.isArray(given) ? given.filter(isNode) : []
  if (!isNode(callee) || callee.name !== 'URL' || !target || base?.type !== 'MemberExpression')
    return undefined
  const isOfModule = isNode(base.object) && base.object.type === 'MetaProperty'
  return isOfModule && CODE.test(staticText(target) ?? '') ? target : undefined
}

/** Matches the path of a file that Node or TypeScript can load as code. */
export const CODE = /\.[cm]?[jt]sx?$/

const resolve = (importer: string, text: string): Pick<Import, 'kind' | 'from'> => {
  if (/^\.{1,2}(\/|$)/.test(text)) return { kind: 'file', from: join(dirname(importer), text) }
  return { kind: PACKAGE.test(text) ? 'package' : 'unknown', from: text }
}

/** Returns a URL or path that is relative to a file as an import of that file writes it. */
const toRelative = (text: string): string => (/^[./]|:/.test(text) ? text : `./${text}`)

const PACKAGE = /^(node:)?(@[\w.-]+\/)?\w[\w./-]*$/

/** Returns the text of a string, or of a template without expressions. */
const staticText = (node: SyntaxNode): string | undefined => {
  if (node.type === 'Literal') return typeof node.value === 'string' ? node.value : undefined
  if (node.type !== 'TemplateLiteral') return undefined
  const [first, second] = Array.isArray(node.quasis) ? node.quasis.filter(isNode) : []
  const value = first?.value
  const hasText = !second && typeof value === 'object' && value !== null && 'cooked' in value
  return hasText && typeof value.cooked === 'string' ? value.cooked : undefined
}

const isTypeImport = (node: SyntaxNode): boolean => {
  if (TYPE_IMPORTS.has(node.type) || node.importKind === 'type' || node.exportKind === 'type') return true
  const names = Array.isArray(node.specifiers) ? node.specifiers.filter(isNode) : []
  return names.length > 0 && names.every((name) => name.importKind === 'type' || name.exportKind === 'type')
}

const TYPE_IMPORTS = new Set(['TSImportType', 'TSModuleDeclaration'])

/** Returns whether a file has a function, a class or a call. Types and constants alone are no behaviour. */
export const hasBehaviour = (source: Source): boolean =>
  parseSource(source).some((statement) => runningNodes(statement).some(({ type }) => BEHAVIOUR.has(type)))

const BEHAVIOUR = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassDeclaration',
  'ClassExpression',
  'CallExpression',
  'NewExpression',
  'TaggedTemplateExpression',
  'ImportExpression',
])

/** Returns a node and what is below it, without types. */
const runningNodes = (node: SyntaxNode): readonly SyntaxNode[] =>
  isErased(node) ? [] : [node, ...childrenOf(node).flatMap(runningNodes)]

const isErased = ({ type, declare }: SyntaxNode): boolean =>
  (type.startsWith('TS') && !TS_RUNNING.has(type)) || declare === true

/** Nodes of TypeScript's own that hold code that runs. */
const TS_RUNNING = new Set([
  'TSAsExpression',
  'TSEnumBody',
  'TSEnumDeclaration',
  'TSEnumMember',
  'TSExportAssignment',
  'TSImportEqualsDeclaration',
  'TSInstantiationExpression',
  'TSModuleBlock',
  'TSModuleDeclaration',
  'TSNonNullExpression',
  'TSParameterProperty',
  'TSQualifiedName',
  'TSSatisfiesExpression',
  'TSTypeAssertion',
])

/** Returns the names that a file's running code has. Names of members and types don't count. */
export const namesOf = (source: Source): Names => {
  const found = parseSource(source).flatMap((statement) => findNames(statement))
  const those = (wanted: Name['as']) =>
    new Set(found.filter(({ as }) => as === wanted).map(({ name }) => name))
  return { used: those('used'), declared: those('declared') }
}

interface Name {
  readonly name: string
  readonly as: 'declared' | 'used'
}

const findNames = (node: SyntaxNode, as: Name['as'] = 'used'): readonly Name[] => {
  if (node.type === 'Identifier') return [{ name: String(node.name), as }]
  if (isErased(node)) return []
  const globalMember = globalMemberOf(node)
  if (globalMember !== undefined) return [{ name: globalMember, as: 'used' }]
  const isNamed = node.computed !== true
  return Object.entries(node).flatMap(([member, value]) => {
    if (UNUSED[node.type]?.includes(member) || (isNamed && NAMES[node.type] === member)) return []
    if (node.type === 'ExportNamedDeclaration' && isNode(node.source)) return []
    const declares =
      DECLARING[node.type]?.includes(member) ?? (as === 'declared' && PATTERN_PARTS.has(member))
    return (Array.isArray(value) ? value : [value])
      .filter(isNode)
      .flatMap((child) => findNames(child, declares ? 'declared' : 'used'))
  })
}

/** Returns the name of a static member of `globalThis` or `global`, such as `globalThis.fetch`. */
const globalMemberOf = (node: SyntaxNode): string | undefined => {
  if (node.type !== 'MemberExpression' || !isNode(node.property)) return undefined
  const object = unwrap(node.object)
  if (object?.type !== 'Identifier' || !GLOBAL_OBJECTS.has(String(object.name))) return undefined
  const name = node.computed === true ? staticText(node.property) : String(node.property.name)
  return name === undefined ? undefined : `${object.name}.${name}`
}

const GLOBAL_OBJECTS = new Set(['global', 'globalThis'])

/** Returns an expression without what TypeScript, parentheses and `?.` put around it. */
const unwrap = (node: unknown): SyntaxNode | undefined => {
  if (!isNode(node)) return undefined
  return WRAPPING.has(node.type) ? unwrap(node.expression) : node
}

const WRAPPING = new Set([
  'ChainExpression',
  'ParenthesizedExpression',
  'TSAsExpression',
  'TSInstantiationExpression',
  'TSNonNullExpression',
  'TSSatisfiesExpression',
  'TSTypeAssertion',
])

/** Which member of a node is a name, and no use of one, unless it is computed. */
const NAMES: Readonly<Record<string, string>> = {
  AccessorProperty: 'key',
  MemberExpression: 'property',
  MethodDefinition: 'key',
  Property: 'key',
  PropertyDefinition: 'key',
  TSEnumMember: 'id',
}

/** Which members of a node never use a name of the file. */
const UNUSED: Readonly<Record<string, readonly string[]>> = {
  BreakStatement: ['label'],
  ContinueStatement: ['label'],
  ExportAllDeclaration: ['exported'],
  ExportSpecifier: ['exported'],
  ImportSpecifier: ['imported'],
  LabeledStatement: ['label'],
  MetaProperty: ['meta', 'property'],
  TSQualifiedName: ['right'],
}

/** Which members of a node declare names. */
const DECLARING: Readonly<Record<string, readonly string[]>> = {
  VariableDeclarator: ['id'],
  FunctionDeclaration: ['id', 'params'],
  FunctionExpression: ['id', 'params'],
  ArrowFunctionExpression: ['params'],
  ClassDeclaration: ['id'],
  ClassExpression: ['id'],
  CatchClause: ['param'],
  ImportSpecifier: ['local'],
  ImportDefaultSpecifier: ['local'],
  ImportNamespaceSpecifier: ['local'],
  TSEnumDeclaration: ['id'],
  TSImportEqualsDeclaration: ['id'],
  TSModuleDeclaration: ['id'],
}

/** Members through which a declaring pattern, such as `{ a: [b = 1] }`, reaches its names. */
const PATTERN_PARTS = new Set(['properties', 'value', 'elements', 'left', 'argument', 'parameter'])
