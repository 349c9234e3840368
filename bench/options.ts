import { parseArgs } from 'node:util'

export const HELP = `npm run bench -- [what] [options]

Compares this service with the usual production stack and with the least that the calls themselves cost, in
one run on this machine.

what
  compare   the table with its goals (default, about five minutes)
  growth    time and memory with 100 to 100,000 consumers, with a backlog, and with 200 accounts
  memory    the cost of 1,000 opens at four memory sizes, from --from
  docs      writes the figures of --from into docs/benchmarks.md and docs/benchmarks.svg

options
  --tls           TLS to LivePerson and AWS
  --quick         few rounds: the figures mean little
  --json          prints one JSON object instead of the table
  --from <file>   the JSON of an earlier run
  --help          prints this`

/** What a run measures. */
export const SUBJECTS = ['compare', 'growth', 'memory', 'docs'] as const
export type Subject = (typeof SUBJECTS)[number]

export interface Options {
  readonly subject: Subject
  readonly tls: boolean
  readonly quick: boolean
  readonly json: boolean
  readonly help: boolean
  /** A file's path. */
  readonly from: string | undefined
}

/**
 * Returns what the arguments ask for.
 *
 * @throws {Error} They ask for something that doesn't exist.
 */
export const parseOptions = (args: readonly string[]): Options => {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      tls: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      from: { type: 'string' },
    },
  })
  const [what = 'compare', ...others] = positionals
  const subject = SUBJECTS.find((each) => each === what)
  if (!subject || others.length > 0) throw new Error(`There is no ${positionals.join(' ')}. See --help.`)
  const isOfFile = subject === 'memory' || subject === 'docs'
  if (isOfFile && values.from === undefined && !values.help)
    throw new Error(`${subject} needs --from, with the JSON of an earlier run.`)
  return { ...values, subject, from: values.from }
}
