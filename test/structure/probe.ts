import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isNode, parseSource, projectRoot, type SyntaxNode, walk } from './source.ts'

/** A file that was entered, and the file that called into it. */
export interface Entered {
  readonly file: string
  readonly caller: string | undefined
}

let entered: Entered[] | undefined

/** Starts to record which files of functions/ and lib/ are entered. Works only in files that are loaded after this module. */
export const startRecording = (): void => {
  entered = []
}

/** Returns the files that were entered since the recording started, each once, in the order of the first call. */
export const stopRecording = (): readonly Entered[] => {
  const recorded = entered ?? []
  entered = undefined
  return recorded
}

const enter = (file: string) => {
  if (!entered || entered.some((known) => known.file === file)) return
  const frames = (new Error('probe').stack ?? '').split('\n')
  const files = frames.flatMap((frame) => /\((?:file:\/\/)?(\/[^)]+?):\d+:\d+\)/.exec(frame)?.[1] ?? [])
  const caller = files
    .map((path) => relative(projectRoot, path))
    .find((path) => isSubject(path) && path !== file)
  entered.push({ file, caller })
}

const isSubject = (path: string) => /^(functions|lib)\//.test(path)

Object.assign(globalThis, { enterFile: enter })

registerHooks({
  load: (url, context, nextLoad) => {
    const path = url.startsWith('file:') ? relative(projectRoot, fileURLToPath(url)) : ''
    if (!isSubject(path)) return nextLoad(url, context)
    const text = readFileSync(fileURLToPath(url), 'utf8')
    return { format: 'module-typescript', source: addProbes(path, text), shortCircuit: true }
  },
})

/** Returns the source with a call at the start of every function. */
const addProbes = (path: string, text: string): string => {
  const call = `globalThis.enterFile(${JSON.stringify(path)})`
  const inserts = parseSource({ path, text })
    .flatMap(walk)
    .flatMap((node) => (isFunction(node) ? insertsFor(node, call) : []))
  return inserts
    .toSorted((a, b) => b.at - a.at)
    .reduce((source, { at, code }) => source.slice(0, at) + code + source.slice(at), text)
}

const isFunction = ({ type }: SyntaxNode) =>
  type === 'ArrowFunctionExpression' || type === 'FunctionExpression' || type === 'FunctionDeclaration'

const insertsFor = ({ body }: SyntaxNode, call: string) => {
  if (!isNode(body)) return []
  const { start, end } = body
  if (typeof start !== 'number' || typeof end !== 'number') return []
  return body.type === 'BlockStatement' || body.type === 'FunctionBody'
    ? [{ at: start + 1, code: `${call};` }]
    : [
        { at: start, code: `(${call},` },
        { at: end, code: ')' },
      ]
}
