import { spawnSync } from 'node:child_process'
import { globSync, readFileSync, rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { answerHelp } from './help.ts'
import { JUDGED, type Judgement } from './judged-mutants.ts'

/** How many lines are kept together. */
const BLOCK = 20

const HELP = `npm run test:mutation [-- options]

Changes the code one expression at a time, and reports the changes that no test notices. Then prints the
score of each folder and of the pure parts, and the changes to these that tools/judged-mutants.ts doesn't judge.

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

/** The parts that only compute, where every change that no test notices is judged. */
const PURE = [
  'lib/request/',
  'lib/conversation/facts.ts',
  'lib/conversation/protocol.ts',
  'lib/conversation/matching.ts',
  'lib/liveperson/answer.ts',
  'lib/liveperson/payload.ts',
  'lib/config/routes.ts',
]

/** What is scored together: the start of a path. */
const SCORED = ['lib/conversation/', 'lib/liveperson/', ...PURE, 'lib/request/identity.ts']

const place = z.object({ line: z.int(), column: z.int() })

const mutant = z.object({
  status: z.string(),
  location: z.object({ start: place, end: place }),
  replacement: z.optional(z.string()),
})

/** Stryker's report: https://github.com/stryker-mutator/mutation-testing-elements */
export const mutationReport = z.object({
  files: z.record(z.string(), z.object({ source: z.string(), mutants: z.array(mutant) })),
})

export type MutationReport = z.infer<typeof mutationReport>

const FOUND = ['Killed', 'Timeout']
const MISSED = ['Survived', 'NoCoverage']

/** Returns a line for each folder and pure part: how many of its mutants were found. */
export const scoresOf = ({ files }: MutationReport): readonly string[] =>
  SCORED.flatMap((start) => {
    const statuses = Object.entries(files).flatMap(([path, { mutants }]) =>
      path.startsWith(start) ? mutants.map(({ status }) => status) : [],
    )
    const found = statuses.filter((status) => FOUND.includes(status)).length
    const all = found + statuses.filter((status) => MISSED.includes(status)).length
    return all === 0
      ? []
      : [`${start}: ${found} of ${all} mutants found, ${((found / all) * 100).toFixed(1)} %`]
  })

/** A mutant that no test noticed: the line in which it begins, and the change, as `before -> after`. */
export interface Survivor {
  readonly path: string
  readonly line: string
  readonly at: number
  readonly change: string
}

/** The most characters of each side of a change. */
const MAX_SIDE = 80

const toSide = (text: string): string => {
  const side = text.trim().replaceAll(/\s+/g, ' ')
  return side.length > MAX_SIDE ? `${side.slice(0, MAX_SIDE)}…` : side
}

/** Returns the mutants of the pure parts that no test noticed. */
export const survivorsIn = ({ files }: MutationReport): readonly Survivor[] =>
  Object.entries(files).flatMap(([path, { source, mutants }]) => {
    if (!PURE.some((start) => path.startsWith(start))) return []
    const lines = source.split('\n')
    const textAt = ({ start, end }: z.infer<typeof mutant>['location']): string => {
      const text = lines.slice(start.line - 1, end.line).join('\n')
      const after = (lines[end.line - 1]?.length ?? 0) - (end.column - 1)
      return text.slice(start.column - 1, text.length - after)
    }
    return mutants
      .filter(({ status }) => MISSED.includes(status))
      .map(({ location, replacement = '' }) => {
        const at = location.start.line
        const change = `${toSide(textAt(location))} -> ${toSide(replacement)}`
        return { path, at, line: (lines[at - 1] ?? '').trim(), change }
      })
  })

/** Returns the survivors that no judgement names. */
export const withoutJudged = (
  survivors: readonly Survivor[],
  judgements: readonly Judgement[],
): readonly Survivor[] =>
  survivors.filter(
    ({ path, line, change }) => !judgements.some(({ of }) => of[path]?.[line]?.includes(change)),
  )

/** Prints the scores and the survivors without a judgement. Returns how many these are. */
const printReport = (): number => {
  const report = mutationReport.parse(JSON.parse(readFileSync('.stryker/report.json', 'utf8')))
  const survivors = survivorsIn(report)
  const rest = withoutJudged(survivors, JUDGED)
  console.log(scoresOf(report).join('\n'))
  for (const { path, at, line, change } of rest) console.log(`${path}:${at}: ${line}\n    ${change}`)
  console.log(
    `Of ${survivors.length} survivors in the pure parts, ${rest.length} are not in tools/judged-mutants.ts`,
  )
  return rest.length
}

/** `npm run test:mutation` */
if (import.meta.main) {
  answerHelp(HELP)
  try {
    const { values } = parseArgs({ options: { part: { type: 'string' }, force: { type: 'boolean' } } })
    const mutate = values.part === undefined ? [] : rangesOf(readFiles(), readPart(values.part))
    rmSync('.stryker/report.json', { force: true })
    const { status } = spawnSync(
      'stryker',
      [
        'run',
        ...(mutate.length > 0 ? ['--mutate', mutate.join(',')] : []),
        ...(values.force ? ['--force'] : []),
      ],
      { stdio: 'inherit' },
    )
    process.exitCode = printReport() > 0 ? 1 : (status ?? 1)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
