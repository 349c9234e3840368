import { UsageError } from './command.ts'

/** The variables with which a command reaches the local stack of `npm start` at its default ports. */
export const LOCAL_STACK: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:8000',
  AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:4584',
  AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:4566',
  AWS_ENDPOINT_URL_EVENTBRIDGE: 'http://127.0.0.1:4587',
  LIVEPERSON_DOMAIN_API_URL: 'http://127.0.0.1:4570',
}

/**
 * Returns the stage that the flags choose, `dev` by default. With `--local`, sets the variables of the local
 * stack that are not set. The AWS SDK reads them when its clients are created.
 *
 * @throws {UsageError} Both flags are set.
 */
export const chooseStage = (
  { local = false, stage }: { readonly local?: boolean | undefined; readonly stage?: string | undefined },
  env: NodeJS.ProcessEnv,
): string => {
  if (!local) return stage ?? 'dev'
  if (stage !== undefined) throw new UsageError('Set --local or --stage, not both.')
  for (const [name, value] of Object.entries(LOCAL_STACK)) env[name] ??= value
  return 'local'
}
