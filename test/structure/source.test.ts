import { describe, expect, test } from 'vitest'
import { hasBehaviour, importsOf, listFiles, namesOf } from './source.ts'

const at = (text: string) => ({ path: 'lib/here/x.ts', text })

describe('what a source file holds', () => {
  test.each([
    ["import { a } from './a.ts'", 'file', 'lib/here/a.ts', false],
    ["import './a.ts'", 'file', 'lib/here/a.ts', false],
    ["import type { A } from '../a.ts'", 'file', 'lib/a.ts', true],
    ["import {\n  type A,\n  type B,\n} from '../a.ts'", 'file', 'lib/a.ts', true],
    ["import { type A, b } from '../a.ts'", 'file', 'lib/a.ts', false],
    ["import a from './a.json' with { type: 'json' }", 'file', 'lib/here/a.json', false],
    ["export { a } from '../a.ts'", 'file', 'lib/a.ts', false],
    ["export type { A } from '../a.ts'", 'file', 'lib/a.ts', true],
    ["export * from 'zod/mini'", 'package', 'zod/mini', false],
    ["import '@aws-sdk/client-sqs'", 'package', '@aws-sdk/client-sqs', false],
    ["import 'node:fs/promises'", 'package', 'node:fs/promises', false],
    ["import '#a'", 'unknown', '#a', false],
    ["import '/srv/a.ts'", 'unknown', '/srv/a.ts', false],
    ["import 'data:text/javascript,a()'", 'unknown', 'data:text/javascript,a()', false],
    ["const a = () => import('zod/mini')", 'package', 'zod/mini', false],
    ["const a = (b: import('../b.ts').B) => b", 'file', 'lib/b.ts', true],
    ["type A = typeof import('../b.ts')", 'file', 'lib/b.ts', true],
    ["import a = require('../a.ts')", 'file', 'lib/a.ts', false],
    ["declare module '../a.ts' { interface A {} }", 'file', 'lib/a.ts', true],
    ["new Worker(new URL('a.ts', import.meta.url))", 'file', 'lib/here/a.ts', false],
    ['/// <reference types="aws-lambda" />', 'package', 'aws-lambda', true],
    ["/// <reference path='a.d.ts' />", 'file', 'lib/here/a.d.ts', true],
  ])('%s is an import of the %s %s', (text, kind, from, isType) => {
    expect(importsOf(at(text))).toEqual([{ kind, from, isType, isPlain: true }])
  })

  test.each([
    ['const a = () => import(`../a.ts`)', 'file', 'lib/a.ts'],
    ['const a = (name: string) => import(name)', 'computed', 'name'],
    ["import('./a' + '.ts')", 'computed', "'./a' + '.ts'"],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text
    ['import(`./${name}.ts`)', 'computed', '`./${name}.ts`'],
  ])('%s is an import of the %s %s, but not in a plain string', (text, kind, from) => {
    expect(importsOf(at(text))).toEqual([{ kind, from, isType: false, isPlain: false }])
  })

  test.each([
    "// import './a.ts'",
    '/** `import "./a.ts"` */',
    'const a = "import \'./a.ts\'"',
    "new URL('./a.json', import.meta.url)",
    "new URL('./a.ts', 'https://example.com')",
    'namespace A {}',
    "const a = ' /// <reference types=x />'",
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

  test.each<[string, readonly string[], readonly string[]]>([
    ["await fetch('https://example.com')", ['fetch'], []],
    ['const get = globalThis.fetch', ['globalThis.fetch'], ['get']],
    ["globalThis['fetch']()", ['globalThis.fetch'], []],
    ['globalThis[`fetch`]()', ['globalThis.fetch'], []],
    ['globalThis[name]()', ['globalThis', 'name'], []],
    ['(globalThis as Other)?.fetch()', ['globalThis.fetch'], []],
    ['(<Other>globalThis!).fetch()', ['globalThis.fetch'], []],
    ['global.fetch()', ['global.fetch'], []],
    ['const { fetch: f, ...rest } = globalThis', ['globalThis'], ['f', 'rest']],
    ["Reflect.get(globalThis, 'fetch')", ['Reflect', 'globalThis'], []],
    ['const get = (fetch: typeof globalThis.fetch) => fetch', ['fetch'], ['get', 'fetch']],
    [
      'const { fetch = globalThis.fetch } = seams; fetch()',
      ['globalThis.fetch', 'seams', 'fetch'],
      ['fetch'],
    ],
    ['seams.fetch()', ['seams'], []],
    ["seams['fetch']()", ['seams'], []],
    ['const x = { fetch: 1 }', [], ['x']],
    ['const x = { fetch }', ['fetch'], ['x']],
    ['const { env } = process', ['process'], ['env']],
    ['const x = (process as Other).env', ['process'], ['x']],
    ['// console.log', [], []],
    ["import { fetch } from './fetch.ts'\nfetch()", ['fetch'], ['fetch']],
    ["import { fetch as get } from './fetch.ts'", [], ['get']],
    ["export { fetch } from './fetch.ts'", [], []],
    ["export * as fetch from './fetch.ts'", [], []],
    ['export { get as fetch }', ['get'], []],
    ['try { a() } catch (process) { throw process }', ['a', 'process'], ['process']],
    ['function f({ x: [fetch] = [], ...console }) {}', [], ['f', 'fetch', 'console']],
    ['class A { process = 1; fetch() {} }', [], ['A']],
    ['class A { constructor(readonly fetch: Other) {} }', [], ['A', 'fetch']],
    ['fetch: for (;;) break fetch', [], []],
    ['enum A { process = fetch }', ['fetch'], ['A']],
    ['namespace A { fetch() }', ['fetch'], ['A']],
    ['import p = process.env', ['process'], ['p']],
    ['export = process', ['process'], []],
    ['declare const process: Other', [], []],
    ['let x: typeof process.env', [], ['x']],
  ])('%s uses %j and declares %j', (text, used, declared) => {
    const names = namesOf(at(text))
    expect({ used: [...names.used], declared: [...names.declared] }).toEqual({ used, declared })
  })
})

describe('the files of the project', () => {
  const files = listFiles()

  test.each(['package.json', '.gitignore', '.ci/run', 'lib/net/outbound.ts', 'docs/architecture.md'])(
    'include %s',
    (path) => {
      expect(files).toContain(path)
    },
  )

  test('do not include what .gitignore lists', () => {
    expect(files.filter((path) => /^(node_modules|\.git|coverage)\//.test(path))).toEqual([])
  })
})
