import { readSources, type Source } from '../structure/source.ts'

/** A fenced block of code. */
export interface CodeBlock {
  /** File and line, for titles. */
  readonly place: string
  readonly path: string
  readonly language: string
  readonly text: string
}

/** Every Markdown document of the project. */
export const documents: readonly Source[] = readSources(['docs'], '.md')

/** Returns the fenced blocks of a document, without their indentation. */
export const codeBlocksOf = ({ path, text }: Source): readonly CodeBlock[] =>
  [...text.matchAll(/^( *)```(\w*)\n([\s\S]*?)\n *```$/gm)].map(
    ({ 1: indent = '', 2: language = '', 3: code = '', index }) => ({
      place: `${path}:${text.slice(0, index).split('\n').length}`,
      path,
      language,
      text: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  )

/** Returns the inline code of a document. */
export const codeSpansOf = ({ text }: Source): readonly string[] =>
  [...withoutBlocks(text).matchAll(/`([^`]+)`/g)].map(([, code = '']) => code.replaceAll(/\s+/g, ' '))

/** Returns the targets of a document's links. */
export const linksOf = ({ text }: Source): readonly string[] =>
  [
    ...withoutBlocks(text)
      .replaceAll(/`[^`]+`/g, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ].map(([, target = '']) => target)

/** Returns the anchors that GitHub gives a document's headings. */
export const anchorsOf = ({ text }: Source): ReadonlySet<string> =>
  new Set(
    [...withoutBlocks(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )

const withoutBlocks = (text: string): string => text.replaceAll(/^( *)```[\s\S]*?\n *```$/gm, '')
