import { describe, expect, test } from 'vitest'
import { readSources } from './source.ts'

/** The width of prose in documents and of comments in code, in columns. Tables and headings are exempt. */
const WIDTH = 110

interface Line {
  readonly number: number
  readonly text: string
}

/** Returns the paragraphs and list items of a Markdown text, without code, tables, headings and comments. */
const paragraphsOf = (text: string): readonly (readonly Line[])[] => {
  const paragraphs: Line[][] = []
  let fence: string | undefined
  let isOpen = false
  for (const [index, line] of text.split('\n').entries()) {
    const mark = /^\s*(```+|~~~+)/.exec(line)?.[1]
    if (mark !== undefined) {
      fence = fence === undefined ? mark : fence === mark ? undefined : fence
      isOpen = false
    } else if (fence !== undefined || /^\s*($|#|\||<|---)/.test(line)) isOpen = false
    else {
      if (!isOpen || /^\s*([-*>]|\d+\.)\s/.test(line)) paragraphs.push([])
      paragraphs.at(-1)?.push({ number: index + 1, text: line })
      isOpen = true
    }
  }
  return paragraphs
}

/** Returns a sentence for each line that is too wide, or that ends although the next word would fit. */
const findUnfilled = (path: string, text: string): readonly string[] =>
  paragraphsOf(text).flatMap((lines) =>
    lines.flatMap(({ number, text: line }, index) => {
      const words = wordsOf(line)
      if (line.length > WIDTH) return words.length > 1 ? [`${path}:${number} is wider than ${WIDTH}`] : []
      const [next] = wordsOf(lines[index + 1]?.text ?? '')
      const isHardBreak = / {2}$|\\$/.test(line)
      return next !== undefined && !isHardBreak && line.length + 1 + next.length <= WIDTH
        ? [`${path}:${number} has room for "${next}"`]
        : []
    }),
  )

/** Returns a sentence for each line of a source file with a comment that is too wide. A long URL is exempt. */
const findWideComments = (path: string, text: string): readonly string[] =>
  text.split('\n').flatMap((line, index) => {
    const [, comment] =
      /^\s*(?:\/\/|\/?\*+)(.*)$|\s\/\/\s(.*)$/.exec(line)?.filter((part) => part !== undefined) ?? []
    const words = comment?.replace('@see', '').trim().split(/\s+/) ?? []
    return line.length > WIDTH && words.length > 1 ? [`${path}:${index + 1} is wider than ${WIDTH}`] : []
  })

/** Code is one word, whatever is in it. */
const wordsOf = (line: string): readonly string[] => line.match(/(?:`+[^`]*`+|[^\s`])+/g) ?? []

const CODE = ['functions', 'lib', 'cli', 'local', 'tools']
const sources = readSources(CODE, '.ts').filter(({ path }) => path.includes('/'))
const documents = readSources(['docs', '.github'], '.md')

describe('prose in documents', () => {
  test(`is filled to ${WIDTH} columns`, () => {
    expect(documents.length).toBeGreaterThan(10)
    expect(documents.flatMap(({ path, text }) => findUnfilled(path, text))).toEqual([])
  })

  const long = 'word '.repeat(23).trim()
  test.each([
    ['a short paragraph', 'One line.\n\nAnother.', []],
    ['a line that is too wide', long, ['x.md:1 is wider than 110']],
    ['a line that ends too early', 'One\ntwo.', ['x.md:1 has room for "two."']],
    ['a list', '- one\n- two\n1. three', []],
    ['a list item that ends too early', '- one\n  two', ['x.md:1 has room for "two"']],
    ['code', `\`\`\`sh\n${long}\n\`\`\``, []],
    ['a table', `| ${long} |`, []],
    ['a long word', 'x'.repeat(120), []],
  ])('%s', (_, text, violations) => {
    expect(findUnfilled('x.md', text)).toEqual(violations)
  })
})

describe('comments in code', () => {
  test(`are at most ${WIDTH} columns wide`, () => {
    expect(sources.length).toBeGreaterThan(100)
    expect(sources.flatMap(({ path, text }) => findWideComments(path, text))).toEqual([])
  })

  const long = 'word '.repeat(23).trim()
  const url = `https://example.com/${'x'.repeat(100)}`
  test.each([
    ['a line', `// ${long}`, ['x.ts:1 is wider than 110']],
    ['a docstring', `/** ${long} */`, ['x.ts:1 is wider than 110']],
    ['a line of a block', `/**\n * ${long}\n */`, ['x.ts:2 is wider than 110']],
    ['a comment after code', `const a = 1 // ${long}`, ['x.ts:1 is wider than 110']],
    ['a URL', ` * @see ${url}`, []],
    ['a short line', '// word', []],
    ['code', `const a = '${long}'`, []],
  ])('%s', (_, text, violations) => {
    expect(findWideComments('x.ts', text)).toEqual(violations)
  })
})
