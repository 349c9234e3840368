import { childrenOf, isNode, parseSource, type Source, type SyntaxNode, walk } from './source.ts'

/** A place where an error is caught and, on at least one path, neither thrown, returned nor reported. */
export interface Swallowed {
  readonly path: string
  readonly line: number
  /** The nearest function or variable that has a name. */
  readonly within: string
  readonly form: 'catch clause' | '.catch()' | '.then(_, f)' | 'allSettled' | "on('error')" | 'callback'
}

/**
 * Returns every place that drops an error. Each path through a handler must throw the error or a new one that
 * carries it, return it, or report it: to `log.error`, to a callback named `on…`, or to a promise's `reject`.
 * A handler that is given by name is looked up in its file. A callback named `on…Failed`, `on…Failure` or
 * `on…Error` is a handler too.
 */
export const findSwallowed = (source: Source): readonly Swallowed[] => {
  const program = parseSource(source)
  const nodes = program.flatMap(walk)
  const functions = namedFunctions(nodes)
  const parents = new Map(nodes.flatMap((node) => childrenOf(node).map((child) => [child, node] as const)))
  const found = nodes.flatMap((node) => handlersIn(node).map((handler) => ({ node, ...handler })))
  return found
    .filter(({ node, form, handler }) =>
      form === 'allSettled' ? dropsReasons(node, parents, nodes) : !isHandler(handler, functions),
    )
    .map(({ node, form }) => ({
      path: source.path,
      line: source.text.slice(0, startOf(node)).split('\n').length,
      within: nameAround(node, parents),
      form,
    }))
}

type Functions = ReadonlyMap<string, SyntaxNode>

interface Handler {
  readonly form: Swallowed['form']
  readonly handler: SyntaxNode | undefined
}

const handlersIn = (node: SyntaxNode): readonly Handler[] => {
  if (node.type === 'CatchClause') return [{ form: 'catch clause', handler: node }]
  if (node.type === 'Property' && isNode(node.key) && ERROR_CALLBACK.test(String(node.key.name)))
    return isNode(node.value) && FUNCTIONS.has(node.value.type)
      ? [{ form: 'callback', handler: node.value }]
      : []
  if (node.type !== 'CallExpression') return []
  const [first, second] = nodesIn(node.arguments)
  switch (methodOf(node)) {
    case 'catch':
      return [{ form: '.catch()', handler: first }]
    case 'then':
      return second ? [{ form: '.then(_, f)', handler: second }] : []
    case 'allSettled':
      return [{ form: 'allSettled', handler: undefined }]
    case 'on':
    case 'once':
      return first?.value === 'error' ? [{ form: "on('error')", handler: second }] : []
    default:
      return []
  }
}

const ERROR_CALLBACK = /^on\w*(Fail|Failed|Failure|Error)$/
const FUNCTIONS = new Set(['ArrowFunctionExpression', 'FunctionExpression', 'FunctionDeclaration'])

/** Returns whether every path through a handler throws, returns or reports the error. */
const isHandler = (handler: SyntaxNode | undefined, functions: Functions): boolean => {
  if (!handler) return false
  if (handler.type === 'Identifier') {
    const name = String(handler.name)
    const declared = functions.get(name)
    return declared ? isHandler(declared, functions) : REPORTER.test(name)
  }
  // `throwUnavailable('GetItem')`: the function that the named function returns.
  if (handler.type === 'CallExpression' && isNode(handler.callee)) {
    const made = functions.get(String(handler.callee.name))
    return isNode(made?.body) && FUNCTIONS.has(made.body.type) && isHandler(made.body, functions)
  }
  if (handler.type === 'CatchClause') return isHandledBlock(handler.param, handler.body, functions)
  if (!FUNCTIONS.has(handler.type)) return false
  // A callback may be told what failed before it is told why.
  return isHandledBlock(nodesIn(handler.params).at(-1), handler.body, functions)
}

const isHandledBlock = (parameter: unknown, body: unknown, functions: Functions): boolean => {
  if (!isNode(parameter) || parameter.type !== 'Identifier' || !isNode(body)) return false
  const names: ReadonlySet<string> = new Set([String(parameter.name)])
  if (body.type === 'BlockStatement') return isHandled(nodesIn(body.body), names, functions)
  return reports(body, names, functions) || carries(body, names)
}

/** Follows every path through a list of statements. */
const isHandled = (
  statements: readonly SyntaxNode[],
  names: ReadonlySet<string>,
  functions: Functions,
): boolean => {
  const [first, ...rest] = statements
  if (!first) return false
  const goOn = (before: unknown, known = names) =>
    isHandled([...(isNode(before) ? [before] : []), ...rest], known, functions)
  switch (first.type) {
    case 'ThrowStatement':
      return carries(first.argument, names)
    case 'ReturnStatement':
      return carries(first.argument, names) || reports(first.argument, names, functions)
    case 'ContinueStatement':
    case 'BreakStatement':
      return false
    case 'BlockStatement':
      return isHandled([...nodesIn(first.body), ...rest], names, functions)
    case 'TryStatement':
      return goOn(first.block)
    case 'IfStatement':
      return goOn(first.consequent) && goOn(first.alternate)
    case 'VariableDeclaration': {
      const aliases = nodesIn(first.declarations).filter(({ init }) => carries(init, names))
      if (aliases.some(({ init }) => reports(init, names, functions))) return true
      const added = aliases.flatMap(({ id }) => (isNode(id) ? [String(id.name)] : []))
      return goOn(undefined, new Set([...names, ...added]))
    }
    case 'ExpressionStatement':
      return reports(first.expression, names, functions) || goOn(undefined)
    default:
      return goOn(undefined)
  }
}

/** Returns whether an expression hands the error to something that reports it. */
const reports = (expression: unknown, names: ReadonlySet<string>, functions: Functions): boolean => {
  if (!isNode(expression)) return false
  if (expression.type === 'ConditionalExpression')
    return reports(expression.consequent, names, functions) && reports(expression.alternate, names, functions)
  if (TRANSPARENT.has(expression.type))
    return reports(expression.expression ?? expression.argument, names, functions)
  if (expression.type !== 'CallExpression' || !isNode(expression.callee)) return false
  const given = nodesIn(expression.arguments)
  if (given.some((argument) => reports(argument, names, functions))) return true
  if (!given.some((argument) => carries(argument, names))) return false
  const { callee } = expression
  const name = methodOf(expression) ?? String(callee.name)
  const declared = callee.type === 'Identifier' ? functions.get(name) : undefined
  if (declared) return isHandler(declared, functions)
  return REPORTER.test(name) || (LEVELS.has(name) && isLog(callee.object))
}

const REPORTER = /^(on[A-Z]\w*|reject)$/
const LEVELS = new Set(['error', 'warn'])
const TRANSPARENT = new Set(['AwaitExpression', 'UnaryExpression', 'ParenthesizedExpression'])

const isLog = (object: unknown): boolean =>
  isNode(object) &&
  (object.name === 'log' ||
    (object.type === 'MemberExpression' && isNode(object.property) && object.property.name === 'log') ||
    (object.type === 'CallExpression' && isNode(object.callee) && object.callee.name === 'createLog'))

/** Returns whether the value of an expression holds the error. A test of the error doesn't. */
const carries = (expression: unknown, names: ReadonlySet<string>): boolean => {
  if (!isNode(expression)) return false
  switch (expression.type) {
    case 'Identifier':
      return names.has(String(expression.name))
    case 'CallExpression':
    case 'NewExpression':
      return nodesIn(expression.arguments).some((argument) => carries(argument, names))
    case 'ObjectExpression':
      return nodesIn(expression.properties).some(({ value, argument }) => carries(value ?? argument, names))
    case 'ArrayExpression':
      return nodesIn(expression.elements).some((element) => carries(element, names))
    case 'ConditionalExpression':
      return carries(expression.consequent, names) && carries(expression.alternate, names)
    default:
      return TRANSPARENT.has(expression.type) && carries(expression.expression ?? expression.argument, names)
  }
}

/** Returns whether the reason of at least one settled promise is never read. */
const dropsReasons = (
  call: SyntaxNode,
  parents: ReadonlyMap<SyntaxNode, SyntaxNode>,
  nodes: readonly SyntaxNode[],
): boolean => {
  const awaiting = parents.get(call)
  const declarator = awaiting && parents.get(awaiting)
  if (declarator?.type !== 'VariableDeclarator' || !isNode(declarator.id)) return true
  const settled = nodesIn(declarator.id.elements).map(({ name }) => name)
  const read = nodes.filter(({ type, property }) => {
    return type === 'MemberExpression' && isNode(property) && property.name === 'reason'
  })
  return (
    settled.length === 0 ||
    settled.some((name) => !read.some(({ object }) => isNode(object) && object.name === name))
  )
}

const namedFunctions = (nodes: readonly SyntaxNode[]): Functions =>
  new Map(
    nodes.flatMap((node) => {
      const value = node.type === 'VariableDeclarator' ? node.init : node
      const isNamed = isNode(node.id) && isNode(value) && FUNCTIONS.has(value.type)
      return isNamed ? [[String((isNode(node.id) && node.id.name) || ''), value] as const] : []
    }),
  )

const nameAround = (node: SyntaxNode, parents: ReadonlyMap<SyntaxNode, SyntaxNode>): string => {
  for (let around = parents.get(node); around; around = parents.get(around)) {
    const { type, id, key } = around
    const name = type === 'Property' ? key : NAMED.has(type) ? id : undefined
    if (isNode(name) && name.type === 'Identifier') return String(name.name)
  }
  return ''
}

const NAMED = new Set(['VariableDeclarator', 'FunctionDeclaration'])

const methodOf = ({ callee }: SyntaxNode): string | undefined => {
  const called = isNode(callee) && callee.type === 'ChainExpression' ? callee.expression : callee
  return isNode(called) && called.type === 'MemberExpression' && isNode(called.property)
    ? String(called.property.name)
    : undefined
}

const nodesIn = (value: unknown): readonly SyntaxNode[] => (Array.isArray(value) ? value.filter(isNode) : [])

const startOf = ({ start }: SyntaxNode): number => Number(start)
