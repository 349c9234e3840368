import { AppError, causesOf } from '../../lib/errors/errors.ts'
import { account } from './account.ts'
import { type Command, type CommandContext, type ExitCode, UsageError } from './command.ts'
import { erase } from './erase.ts'

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['account', account],
  ['erase', erase],
])

const HELP = `npm run ops -- <verb> [arguments]

${[...COMMANDS].map(([verb, { summary }]) => `  ${verb.padEnd(10)} ${summary}`).join('\n')}

npm run ops -- <verb> --help describes a verb. Exits with 0 if everything was done, 1 if something failed, 2 for
wrong arguments.`

/**
 * Runs the command that the first argument names. Never throws.
 *
 * @param options.printError Writes a line to the standard error.
 */
export const runCommand = async (
  args: readonly string[],
  { printError, ...context }: CommandContext & { readonly printError: (line: string) => void },
): Promise<ExitCode> => {
  const [verb = '--help', ...rest] = args
  if (isHelp(verb)) {
    context.print(HELP)
    return args.length === 0 ? 2 : 0
  }
  const command = COMMANDS.get(verb)
  if (!command) {
    printError(`There is no verb ${verb}. Verbs: ${[...COMMANDS.keys()].join(', ')}.`)
    return 2
  }
  if (rest.some(isHelp)) {
    context.print(command.help)
    return 0
  }
  try {
    return await command.run(rest, context)
  } catch (error) {
    printError(explain(error))
    if (!isUsageError(error)) return 1
    printError(`See npm run ops -- ${verb} --help`)
    return 2
  }
}

const isHelp = (argument: string) => argument === '--help' || argument === '-h'

/** Returns whether the arguments are wrong. `parseArgs` throws TypeErrors with codes of their own. */
const isUsageError = (error: unknown): boolean =>
  error instanceof UsageError ||
  (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS'))

/** What to do about errors of AWS's SDK, by name. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /CredentialsProviderError/,
    'There are no AWS credentials. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run aws sso login.',
  ],
  [
    /UnrecognizedClient|InvalidSignature|ExpiredToken|InvalidClientTokenId/,
    'AWS does not accept the credentials. Renew them, or set another AWS_PROFILE.',
  ],
  [
    /AccessDenied/,
    'The AWS credentials do not allow this operation. The help of the verb says which ones it needs: dynamodb:GetItem, and dynamodb:UpdateItem to change something.',
  ],
  [/ResourceNotFound/, 'There is no such table. Check --stage and --region, and that the stage is deployed.'],
  [
    /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|TimeoutError/,
    'DynamoDB can not be reached. For the local stack, check AWS_ENDPOINT_URL_DYNAMODB and that npm start runs.',
  ],
]

const explain = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const causes = causesOf(error.cause)
  const [, advice] = ADVICE.find(([name]) => causes.some((cause) => name.test(cause))) ?? []
  const found = error instanceof AppError && causes.length > 0 ? ` (${causes.join(', ')})` : ''
  return `${error.message}${found}${advice ? `\n${advice}` : ''}`
}
