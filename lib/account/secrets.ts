import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
  SecretsManagerServiceException,
} from '@aws-sdk/client-secrets-manager'
import * as z from 'zod/mini'
import type { AwsOptions } from '../aws/options.ts'
import { sdkOptions } from '../aws/sdk-handler.ts'
import { InvalidConfigError, ServiceUnavailableError } from '../errors/errors.ts'
import type { AppCredentials } from '../liveperson/app-jwt.ts'
import { parseLenientJson } from '../request/lenient-json.ts'

/** Secrets Manager's labels for the two latest versions of a secret. */
export type SecretStage = 'AWSCURRENT' | 'AWSPREVIOUS'

/**
 * Returns a secret's text, or undefined if it has no version with that stage. This type is the seam that
 * tests and the simulated world replace.
 *
 * It throws UnusableSecretError if only an operator can help, and SecretUnavailableError otherwise.
 */
export type ReadSecret = (secretId: string, stage: SecretStage) => Promise<string | undefined>

/** What is wrong with a secret, and what an operator does about it. Both are sentences, without its value. */
interface Trouble {
  readonly problem: string
  readonly remedy: string
  /** For the log only. */
  readonly cause?: unknown
}

/** A secret that can't be read or used until an operator acts. The message has problem and remedy. */
export class UnusableSecretError extends InvalidConfigError {
  readonly problem: string
  readonly remedy: string

  constructor({ problem, remedy, cause }: Trouble) {
    super({ detail: `${problem} ${remedy}`, cause })
    this.problem = problem
    this.remedy = remedy
  }
}

/** A secret that can't be read now, but maybe later. The message has problem and remedy. */
export class SecretUnavailableError extends ServiceUnavailableError {
  readonly problem: string
  readonly remedy: string

  constructor({ problem, remedy, cause }: Trouble) {
    super({ detail: `${problem} ${remedy}`, cause })
    this.problem = problem
    this.remedy = remedy
  }
}

/**
 * Returns the {@link ReadSecret} of a deployed function.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 */
export const createReadSecret = (aws: AwsOptions): ReadSecret => {
  const client = new SecretsManagerClient(sdkOptions(aws))
  return async (secretId, stage) => {
    try {
      const command = new GetSecretValueCommand({ SecretId: secretId, VersionStage: stage })
      return (await client.send(command)).SecretString ?? ''
    } catch (error) {
      if (error instanceof ResourceNotFoundException && isAboutVersion(error)) return undefined
      throw toSecretError(secretId, error)
    }
  }
}

/** Secrets Manager uses the same error for a missing secret and for a missing version. */
const isAboutVersion = ({ message }: Error) => /secret value|staging label|version/i.test(message)

const toSecretError = (secretId: string, cause: unknown): UnusableSecretError | SecretUnavailableError => {
  const known = cause instanceof SecretsManagerServiceException ? cause : undefined
  const { Kind, problem, remedy } = known ? (ANSWERS.find(({ is }) => is(known)) ?? OTHER) : SILENCE
  const fill = (text: string) => text.replaceAll('ID', secretId)
  return new Kind({ problem: fill(problem), remedy: fill(remedy), cause })
}

interface Answer {
  readonly Kind: typeof UnusableSecretError | typeof SecretUnavailableError
  /** `ID` stands for the name of the secret. */
  readonly problem: string
  readonly remedy: string
}

interface KnownAnswer extends Answer {
  readonly is: (error: SecretsManagerServiceException) => boolean
}

const CHECK_HEALTH = "If it lasts, check AWS's health dashboard,"

/** The first one that fits counts. */
const ANSWERS: readonly KnownAnswer[] = [
  {
    // Secrets Manager reports a refusal by KMS as one of its own.
    is: ({ name, message }) => /DecryptionFailure|KMS/.test(name) || /\bKMS\b|\bkms:/.test(message),
    Kind: UnusableSecretError,
    problem: "The KMS key of the secret ID can't be used to decrypt it.",
    remedy:
      "Enable the key, and allow kms:Decrypt on it, for the role that reads the secret and in the key's own policy.",
  },
  {
    is: ({ name, $metadata }) =>
      /throttl|TooManyRequests|RequestLimitExceeded/i.test(name) || $metadata.httpStatusCode === 429,
    Kind: SecretUnavailableError,
    problem: 'Secrets Manager throttled the call that reads the secret ID.',
    remedy: 'If it lasts, find out what calls Secrets Manager so often, or raise its quota.',
  },
  {
    is: ({ name }) => name === 'ResourceNotFoundException',
    Kind: UnusableSecretError,
    problem: 'There is no secret ID in Secrets Manager.',
    remedy: "Create it in the stage's region: aws secretsmanager create-secret --name ID.",
  },
  {
    is: ({ name, message }) => name === 'InvalidRequestException' && /delet/i.test(message),
    Kind: UnusableSecretError,
    problem: 'The secret ID is marked for deletion.',
    remedy: 'Restore it: aws secretsmanager restore-secret --secret-id ID.',
  },
  {
    is: ({ name }) => /^Invalid(Request|Parameter)Exception$/.test(name),
    Kind: UnusableSecretError,
    problem: "Secrets Manager can't return the secret ID in its present state.",
    remedy: 'Look at it: aws secretsmanager describe-secret --secret-id ID.',
  },
  {
    is: ({ name }) => name === 'AccessDeniedException',
    Kind: UnusableSecretError,
    problem: 'Secrets Manager refused access to the secret ID.',
    remedy:
      "Allow secretsmanager:GetSecretValue on it, for the role that reads it and in the secret's own policy. Check that it exists: access to other names is refused, too.",
  },
]

const OTHER: Answer = {
  Kind: SecretUnavailableError,
  problem: 'Secrets Manager failed to return the secret ID.',
  remedy: `${CHECK_HEALTH} and the credentials and the clock of the reader.`,
}

const SILENCE: Answer = {
  Kind: SecretUnavailableError,
  problem: 'Secrets Manager did not answer when the secret ID was read.',
  remedy: `${CHECK_HEALTH} the region and the network to Secrets Manager.`,
}

type ParseSecret<T> = (secretId: string, text: string) => T

/**
 * Reads and parses the current version of a secret.
 *
 * @throws {UnusableSecretError} Only an operator can help: there is no such secret or value, access to it or
 * its key is refused, or it has the wrong shape.
 * @throws {SecretUnavailableError} The call to Secrets Manager failed.
 */
export const readCurrentSecret = async <T>(
  readSecret: ReadSecret,
  secretId: string,
  parse: ParseSecret<T>,
): Promise<T> => {
  const text = await readSecret(secretId, 'AWSCURRENT')
  if (text !== undefined) return parse(secretId, text)
  throw new UnusableSecretError({
    problem: `The secret ${secretId} has no value yet.`,
    remedy: `Store one: aws secretsmanager put-secret-value --secret-id ${secretId}.`,
  })
}

/**
 * Reads and parses the previous version of a secret. Returns undefined if there is none.
 *
 * @throws {UnusableSecretError} Only an operator can help, as above.
 * @throws {SecretUnavailableError} The call to Secrets Manager failed.
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
 * @throws {UnusableSecretError} Names the secret and never quotes it.
 */
export const parseAppCredentials = (secretId: string, text: string): AppCredentials =>
  parse(appCredentials, secretId, text)

const botCheckSecret = z.object({ secret: needed })

/** The secret that the provider of a bot check issued together with the page's site key. */
export type BotCheckSecret = Readonly<z.infer<typeof botCheckSecret>>

/**
 * Parses the secret of a bot check, `{"secret"}`.
 *
 * @throws {UnusableSecretError} Names the secret and never quotes it.
 */
export const parseBotCheckSecret = (secretId: string, text: string): BotCheckSecret =>
  parse(botCheckSecret, secretId, text)

const parse = <T extends z.ZodMiniObject>(shape: T, secretId: string, text: string): z.infer<T> => {
  const result = z.safeParse(shape, parseLenientJson(text))
  if (result.success) return result.data
  const members = Object.keys(shape.shape).join(', ')
  throw new UnusableSecretError({
    problem: `The secret ${secretId} must be a JSON object with these strings: ${members}.`,
    remedy: `Store such a value: aws secretsmanager put-secret-value --secret-id ${secretId}.`,
  })
}
