import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { projectRoot } from './source.ts'

/** Folders of which the tree lists every file and folder. Of the others it lists the first level. */
const COMPLETE = ['functions', 'lib']
const NOT_OURS = ['node_modules', 'coverage', 'dist']

/**
 * Returns the paths that a printed tree lists, folders with a slash at the end. Two spaces of indentation are one level;
 * two spaces after the name begin the annotation.
 */
const readTree = (lines: readonly string[]): readonly string[] => {
  const folders: string[] = []
  return lines.map((line) => {
    const [, indent = '', name = ''] = /^( *)(\S+)/.exec(line) ?? []
    const depth = indent.length / 2
    folders.splice(depth)
    const path = [...folders, name].join('')
    if (name.endsWith('/')) folders.push(name)
    return path
  })
}

/** Returns what the tree should list. */
const readFolders = (): readonly string[] => [
  ...readdirSync(projectRoot, { withFileTypes: true })
    .filter((found) => found.isDirectory() && !found.name.startsWith('.') && !NOT_OURS.includes(found.name))
    .map(({ name }) => `${name}/`),
  ...COMPLETE.flatMap((folder) =>
    readdirSync(join(projectRoot, folder), { withFileTypes: true, recursive: true }).map((found) =>
      join(found.parentPath.slice(projectRoot.length), `${found.name}${found.isDirectory() ? '/' : ''}`),
    ),
  ),
]

const treeOf = (document: string): readonly string[] => {
  const [, block = ''] = /<!-- tree:start -->\s*```text\n([\s\S]*?)\n```/.exec(document) ?? []
  return block.split('\n').filter((line) => line.trim() !== '')
}

const tree = treeOf(readFileSync(join(projectRoot, 'docs/architecture.md'), 'utf8'))

describe('the tree in docs/architecture.md', () => {
  const listed = readTree(tree)
  const found = readFolders()

  test('lists every folder, and every file of functions/ and lib/', () => {
    expect(found.filter((path) => !listed.includes(path))).toEqual([])
  })

  test('lists nothing that does not exist, and nothing twice', () => {
    expect(listed.filter((path) => !found.includes(path))).toEqual([])
    expect(listed.length).toBe(new Set(listed).size)
  })

  test('says of each folder and file what it is for', () => {
    expect(tree.filter((line) => !/^ *\S+ {2,}\S/.test(line))).toEqual([])
  })

  test('a printed tree is read by its indentation', () => {
    const lines = [
      'lib/  ten modules',
      '  net/  outbound calls',
      '    a.ts  one',
      '  b.ts  two',
      'docs/  words',
    ]
    expect(readTree(lines)).toEqual(['lib/', 'lib/net/', 'lib/net/a.ts', 'lib/b.ts', 'docs/'])
  })
})
