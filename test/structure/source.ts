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

/** An import or re-export of a file. */
export interface Import {
  /** A package's name, or a file's path from the root. `undefined` if it is only known at run time. */
  readonly from: string | undefined
  /** Whether the import is erased before the code runs. */
  readonly isType: boolean
}

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
    .map((path) => ({ path, text: readFileSync(join(projectRoot, path), 'utf8') }))
}

/**
 * Returns a TypeScript file's statements.
 *
 * @throws {Error} The text is not TypeScript.
 */
export const parseSource = ({ path, text }: Source): readonly SyntaxNode[] =>
  childrenOf(parseAst(text, { lang: 'ts' }, path))

/** Returns the direct children of a node, in the order of the text. */
export const childrenOf = (node: object): readonly SyntaxNode[] =>
  Object.values(node).flatMap((member: unknown) => (Array.isArray(member) ? member : [member]).filter(isNode))

/** Returns a node and everything below it. */
export const walk = (node: SyntaxNode): readonly SyntaxNode[] => [node, ...childrenOf(node).flatMap(walk)]

/** Returns whether a value is a node of the syntax tree. */
export const isNode = (value: unknown): value is SyntaxNode =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'

/** Returns what a file imports or re-exports, `import()` and `import('…')` types included. */
export const importsOf = (source: Source): readonly Import[] => {
  const known = importsBySource.get(source)
  if (known) return known
  const found = findImports(source)
  importsBySource.set(source, found)
  return found
}

const importsBySource = new WeakMap<Source, readonly Import[]>()

const findImports = (source: Source): readonly Import[] =>
  parseSource(source)
    .flatMap(walk)
    .filter(({ type }) => IMPORTING.has(type))
    .filter((node) => node.type === 'ImportExpression' || isNode(node.source))
    .map((node) => ({ from: resolve(source.path, node.source), isType: isTypeImport(node) }))

const IMPORTING = new Set([
  'ImportDeclaration',
  'ExportAllDeclaration',
  'ExportNamedDeclaration',
  'ImportExpression',
  'TSImportType',
])

const resolve = (importer: string, literal: unknown): string | undefined => {
  if (!isNode(literal) || typeof literal.value !== 'string') return undefined
  return literal.value.startsWith('.') ? join(dirname(importer), literal.value) : literal.value
}

const isTypeImport = (node: SyntaxNode): boolean => {
  if (node.type === 'TSImportType' || node.importKind === 'type' || node.exportKind === 'type') return true
  const names = Array.isArray(node.specifiers) ? node.specifiers.filter(isNode) : []
  return names.length > 0 && names.every((name) => name.importKind === 'type' || name.exportKind === 'type')
}

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
  (type.startsWith('TS') && !TS_EXPRESSIONS.has(type)) || declare === true

/**
 * Returns the names that a file uses without declaring them, such as `fetch` or `process`. A name that is
 * declared anywhere in the file counts as the file's own, but `globalThis.fetch` always counts as `fetch`. Types
 * don't count.
 */
export const globalsOf = (source: Source): ReadonlySet<string> => {
  const used = parseSource(source).flatMap((statement) => usedNames(statement))
  const declared = new Set(used.filter(({ as }) => as === 'declared').map(({ name }) => name))
  return new Set(
    used
      .filter(({ name, as }) => as === 'global' || (as === 'used' && !declared.has(name)))
      .map(({ name }) => name),
  )
}

interface UsedName {
  readonly name: string
  readonly as: 'declared' | 'used' | 'global'
}

const usedNames = (node: SyntaxNode, as: UsedName['as'] = 'used'): readonly UsedName[] => {
  if (node.type === 'Identifier') return [{ name: String(node.name), as }]
  if (isErased(node)) return []
  if (node.type === 'MemberExpression' && isNode(node.object) && isNode(node.property)) {
    const { object, property } = node
    if (node.computed === true) return [...usedNames(object), ...usedNames(property)]
    const isGlobal = object.type === 'Identifier' && object.name === 'globalThis'
    return isGlobal ? usedNames(property, 'global') : usedNames(object)
  }
  return Object.entries(node).flatMap(([member, value]) => {
    if (member === 'key' && node.computed !== true) return []
    const declares =
      DECLARING[node.type]?.includes(member) ?? (as === 'declared' && PATTERN_PARTS.has(member))
    return (Array.isArray(value) ? value : [value])
      .filter(isNode)
      .flatMap((child) => usedNames(child, declares ? 'declared' : 'used'))
  })
}

/** Nodes of TypeScript's own that hold code that runs. */
const TS_EXPRESSIONS = new Set([
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSNonNullExpression',
  'TSInstantiationExpression',
])

/** Which members of a node declare names. */
const DECLARING: Readonly<Record<string, readonly string[]>> = {
  VariableDeclarator: ['id'],
  FunctionDeclaration: ['id', 'params'],
  FunctionExpression: ['id', 'params'],
  ArrowFunctionExpression: ['params'],
  ClassDeclaration: ['id'],
  CatchClause: ['param'],
  ImportSpecifier: ['local'],
  ImportDefaultSpecifier: ['local'],
  ImportNamespaceSpecifier: ['local'],
}

/** Members through which a declaring pattern, such as `{ a: [b = 1] }`, reaches its names. */
const PATTERN_PARTS = new Set(['properties', 'value', 'elements', 'left', 'argument'])
