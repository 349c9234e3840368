import { describe, expect, test } from 'vitest'
import { globalsOf, hasBehaviour, importsOf } from './source.ts'

const at = (text: string) => ({ path: 'lib/here/x.ts', text })

describe('what a source file holds', () => {
  test.each([
    ["import { a } from './a.ts'", 'lib/here/a.ts', false],
    ["import './a.ts'", 'lib/here/a.ts', false],
    ["import type { A } from '../a.ts'", 'lib/a.ts', true],
    ["import {\n  type A,\n  type B,\n} from '../a.ts'", 'lib/a.ts', true],
    ["import { type A, b } from '../a.ts'", 'lib/a.ts', false],
    ["export { a } from '../a.ts'", 'lib/a.ts', false],
    ["export type { A } from '../a.ts'", 'lib/a.ts', true],
    ["export * from 'zod/mini'", 'zod/mini', false],
    ["const a = () => import('zod/mini')", 'zod/mini', false],
    ["const a = (b: import('../b.ts').B) => b", 'lib/b.ts', true],
    ['const a = (name: string) => import(name)', undefined, false],
  ])('%s is an import', (text, from, isType) => {
    expect(importsOf(at(text))).toEqual([{ from, isType }])
  })

  test.each([
    "// import './a.ts'",
    '/** `import "./a.ts"` */',
    'const a = "import \'./a.ts\'"',
    'export const a = 1',
  ])('%s is no import', (text) => {
    expect(importsOf(at(text))).toEqual([])
  })

  test.each([
    ["import type { A } from './a.ts'; export interface B { readonly a: (b: A) => void }", false],
    ["export type { A } from './a.ts'; declare function b(): void", false],
    ["export { a } from './a.ts'", false],
    ['export const a = { b: 1, c: [2] } as const satisfies Readonly<Record<string, unknown>>', false],
    ['export const a = (b: number) => b', true],
    ['export const a = b() as string', true],
    ['function a() {}', true],
    ['export default class {}', true],
  ])('%s has behaviour: %s', (text, expected) => {
    expect(hasBehaviour(at(text))).toBe(expected)
  })

  test.each([
    ["await fetch('https://example.com')", ['fetch']],
    ['const get = globalThis.fetch', ['fetch']],
    ['const get = (fetch: typeof globalThis.fetch) => fetch', []],
    ['const { fetch = globalThis.fetch } = seams; fetch()', ['fetch', 'seams']],
    ['seams.fetch()', ['seams']],
    ["seams['fetch']()", ['seams']],
    ['const x = { fetch: 1 }', []],
    ['const x = { fetch }', ['fetch']],
    ['const { env } = process', ['process']],
    ['const x = (process as Other).env', ['process']],
    ['// console.log', []],
    ["import { fetch } from './fetch.ts'\nfetch()", []],
    ['try { a() } catch (process) { throw process }', ['a']],
    ['function f({ x: [fetch] = [], ...console }) { return [fetch, console] }', []],
    ['let x: typeof process.env', []],
  ])('%s uses %j without declaring it', (text, expected) => {
    expect([...globalsOf(at(text))]).toEqual(expected)
  })
})
