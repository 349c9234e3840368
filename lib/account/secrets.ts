import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import * as z from 'zod/mini'
import type { AwsOptions } from '../aws/options.ts'
import { InvalidConfigError, ServiceUnavailableError } from '../errors/errors.ts'
import type { AppCredentials } from '../liveperson/app-jwt.ts'
import { parseLenientJson } from '../request/lenient-json.ts'

/** Secrets Manager's labels for the two latest versions of a secret. */
export type SecretStage = 'AWSCURRENT' | 'AWSPREVIOUS'

/**
 * Returns a secret's text, or undefined if there is no such secret or no version with that stage. This type
 * is the seam that tests and the simulated world replace.
 *
 * It throws ServiceUnavailableError if the call to Secrets Manager fails.
 */
export type ReadSecret = (secretId: string, stage: SecretStage) => Promise<string | undefined>

/**
 * Returns the {@link ReadSecret} of a deployed function.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 */
export const createReadSecret = (aws: AwsOptions): ReadSecret => {
  const client = new SecretsManagerClient({ ...aws })
  return async (secretId, stage) => {
    try {
      const command = new GetSecretValueCommand({ SecretId: secretId, VersionStage: stage })
      return (await client.send(command)).SecretString ?? ''
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return undefined
      throw new ServiceUnavailableError({ detail: 'Secrets Manager GetSecretValue failed.', cause: error })
    }
  }
}

type ParseSecret<T> = (secretId: string, text: string) => T

/**
 * Reads and parses the current version of a secret.
 *
 * @throws {InvalidConfigError} There is no such secret, or it has the wrong shape.
 * @throws {ServiceUnavailableError} The call to Secrets Manager failed.
 */
export const readCurrentSecret = async <T>(
  readSecret: ReadSecret,
  secretId: string,
  parse: ParseSecret<T>,
): Promise<T> => {
  const text = await readSecret(secretId, 'AWSCURRENT')
  if (text !== undefined) return parse(secretId, text)
  throw new InvalidConfigError({ detail: `There is no secret ${secretId} in Secrets Manager.` })
}

/**
 * Reads and parses the previous version of a secret. Returns undefined if there is none.
 *
 * @throws {InvalidConfigError} It has the wrong shape.
 * @throws {ServiceUnavailableError} The call to Secrets Manager failed.
 */
export const readPreviousSecret = async <T>(
  readSecret: ReadSecret,
  secretId: string,
  parse: ParseSecret<T>,
): Promise<T | undefined> => {
  const text = await readSecret(secretId, 'AWSPREVIOUS')
  return text === undefined ? undefined : parse(secretId, text)
}

const needed = z.string().check(z.minLength(1))

const appCredentials = z.object({ clientId: needed, clientSecret: needed })

/**
 * Parses an account's secret, `{"clientId", "clientSecret"}`.
 *
 * @throws {InvalidConfigError} Names the secret and never quotes it.
 */
export const parseAppCredentials = (secretId: string, text: string): AppCredentials =>
  parse(appCredentials, secretId, text)

const botCheckSecret = z.object({ secret: needed })

/** The secret that the provider of a bot check issued together with the page's site key. */
export type BotCheckSecret = Readonly<z.infer<typeof botCheckSecret>>

/**
 * Parses the secret of a bot check, `{"secret"}`.
 *
 * @throws {InvalidConfigError} Names the secret and never quotes it.
 */
export const parseBotCheckSecret = (secretId: string, text: string): BotCheckSecret =>
  parse(botCheckSecret, secretId, text)

const parse = <T extends z.ZodMiniObject>(shape: T, secretId: string, text: string): z.infer<T> => {
  const result = z.safeParse(shape, parseLenientJson(text))
  if (result.success) return result.data
  const members = Object.keys(shape.shape).join(', ')
  throw new InvalidConfigError({
    detail: `The secret ${secretId} must be a JSON object with these strings: ${members}.`,
  })
}
