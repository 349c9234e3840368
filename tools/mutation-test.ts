import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { answerHelp } from './help.ts'

/** How many lines are kept together. */
const BLOCK = 20

const HELP = `npm run test:mutation [-- options]

Changes the code one expression at a time, and reports the changes that no test notices.

Options:
  --part K/N  Only every Nth block of ${BLOCK} lines, from the Kth on. The parts 1/N to N/N are the whole,
              except for changes that span two blocks
  --force     Runs everything again. Default: only what has changed since the last run
  --help      Prints this text`

/**
 * Returns the parts of files that belong to one part of the mutation tests, in Stryker's syntax, such as
 * `lib/request/form.ts:21-40`.
 *
 * @param options.part From 1 to `of`.
 */
export const rangesOf = (
  files: readonly { readonly path: string; readonly lines: number }[],
  { part, of }: { readonly part: number; readonly of: number },
): readonly string[] =>
  files
    .flatMap(({ path, lines }) =>
      Array.from({ length: Math.ceil(lines / BLOCK) }, (_, index) => {
        const from = index * BLOCK + 1
        return `${path}:${from}-${Math.min(lines, from + BLOCK - 1)}`
      }),
    )
    .filter((_, index) => index % of === part - 1)

const readPart = (text: string): { readonly part: number; readonly of: number } => {
  const [, part = 0, of = 0] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number)
  if (part < 1 || part > of) throw new Error('--part must be K/N, such as 1/4')
  return { part, of }
}

const readFiles = () => {
  const { mutate } = z
    .object({ mutate: z.array(z.string()) })
    .parse(JSON.parse(readFileSync('stryker.config.json', 'utf8')))
  return globSync(mutate)
    .toSorted()
    .map((path) => ({ path, lines: readFileSync(path, 'utf8').split('\n').length - 1 }))
}

/** `npm run test:mutation` */
if (import.meta.main) {
  answerHelp(HELP)
  try {
    const { values } = parseArgs({ options: { part: { type: 'string' }, force: { type: 'boolean' } } })
    const mutate = values.part === undefined ? [] : rangesOf(readFiles(), readPart(values.part))
    const { status } = spawnSync(
      'stryker',
      [
        'run',
        ...(mutate.length > 0 ? ['--mutate', mutate.join(',')] : []),
        ...(values.force ? ['--force'] : []),
      ],
      { stdio: 'inherit' },
    )
    process.exitCode = status ?? 1
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
