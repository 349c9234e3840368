import { AppError, causesOf, InvalidConfigError } from '../../lib/errors/errors.ts'
import { findAwsTrouble } from '../aws-advice.ts'
import { account } from './account.ts'
import { type Command, type CommandContext, type CommandGroup, type ExitCode, UsageError } from './command.ts'
import { doctor } from './doctor.ts'
import { erase } from './erase.ts'
import { explain } from './explain.ts'
import { outcomes } from './outcomes.ts'
import { quarantine } from './quarantine.ts'
import { request } from './request.ts'
import { routes } from './routes.ts'
import { tail } from './tail.ts'

const COMMANDS: ReadonlyMap<string, Command | CommandGroup> = new Map<string, Command | CommandGroup>([
  ['doctor', doctor],
  ['explain', explain],
  ['routes', routes],
  ['request', request],
  ['quarantine', quarantine],
  ['account', account],
  ['tail', tail],
  ['outcomes', outcomes],
  ['erase', erase],
])

const EXIT_CODES = `Exits with 0 if everything was done, 1 if something failed, 2 for wrong arguments, 3 if something is
still waiting, 130 after Ctrl-C.`

const toHelp = (path: string, verbs: CommandGroup['verbs'] | typeof COMMANDS, notes = ''): string =>
  [
    `npm run ops -- ${path}<verb> [arguments]`,
    [...verbs].map(([verb, { summary }]) => `  ${verb.padEnd(11)} ${summary}`).join('\n'),
    ...(notes === '' ? [] : [notes]),
    `npm run ops -- ${path}<verb> --help describes a verb.\n${EXIT_CODES}`,
  ].join('\n\n')

/** Runs the command that the first arguments name. Never throws. */
export const runCommand = (args: readonly string[], context: CommandContext): Promise<ExitCode> =>
  runOneOf(COMMANDS, args, { path: '', help: toHelp('', COMMANDS) }, context)

const runOneOf = async (
  verbs: ReadonlyMap<string, Command | CommandGroup>,
  args: readonly string[],
  { path, help }: { readonly path: string; readonly help: string },
  context: CommandContext,
): Promise<ExitCode> => {
  const [verb = '--help', ...rest] = args
  if (isHelp(verb)) {
    context.print(help)
    return args.length === 0 ? 2 : 0
  }
  const command = verbs.get(verb)
  if (!command) {
    context.printError(`There is no verb ${path}${verb}. Verbs: ${[...verbs.keys()].join(', ')}.`)
    return 2
  }
  if ('verbs' in command) {
    const inner = `${path}${verb} `
    return runOneOf(
      command.verbs,
      rest,
      { path: inner, help: toHelp(inner, command.verbs, command.notes) },
      context,
    )
  }
  return runOne(command, rest, `${path}${verb}`, context)
}

const runOne = async (
  command: Command,
  args: readonly string[],
  path: string,
  context: CommandContext,
): Promise<ExitCode> => {
  if (args.some(isHelp)) {
    context.print(command.help)
    return 0
  }
  try {
    return await command.run(args, context)
  } catch (error) {
    context.printError(explainError(error))
    if (!isUsageError(error)) return 1
    context.printError(`See npm run ops -- ${path} --help`)
    return 2
  }
}

const isHelp = (argument: string) => argument === '--help' || argument === '-h'

/** Returns whether the arguments are wrong. `parseArgs` throws TypeErrors with codes of their own. */
const isUsageError = (error: unknown): boolean =>
  error instanceof UsageError ||
  (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))

/** How the message of a stage file's mistake begins. */
const MISTAKE_IN_FILE = /^\S+\.json(:| is not valid JSON)/

const explainError = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const causes = causesOf(error.cause)
  const trouble = findAwsTrouble(causes)
  if (error instanceof InvalidConfigError && MISTAKE_IN_FILE.test(error.message))
    return `${error.message}\nFor the place and what to write instead: npm run config:check`
  const found = error instanceof AppError && causes.length > 0 ? ` (${causes.join(', ')})` : ''
  return `${error.message}${found}${trouble ? `\n${trouble.problem} ${trouble.remedy}` : ''}`
}
