import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import * as z from 'zod/mini'
import type { AwsOptions } from '../aws/options.ts'
import { InvalidConfigError, ServiceUnavailableError } from '../errors/errors.ts'
import type { AppCredentials } from '../liveperson/app-jwt.ts'
import type { SecretStage } from './credentials.ts'

const needed = z.string().check(z.minLength(1))

/** Returns a function that reads a version of a secret of the form `{"clientId", "clientSecret"}`. */
export const createSecrets = (aws: AwsOptions) =>
  createReader<AppCredentials>(
    aws,
    z.object({ clientId: needed, clientSecret: needed }),
    'clientId and clientSecret',
  )

/** Returns a function that reads the current secret of a bot check, of the form `{"secret"}`. */
export const createBotCheckSecrets = (aws: AwsOptions, secretId: string) => {
  const read = createReader<{ readonly secret: string }>(aws, z.object({ secret: needed }), 'secret')
  return async (): Promise<string> => {
    const current = await read(secretId, 'AWSCURRENT')
    if (current) return current.secret
    throw new InvalidConfigError({ detail: `The secret ${secretId} has no current version.` })
  }
}

/** @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html */
const createReader = <T>(aws: AwsOptions, shape: z.ZodMiniType<T>, members: string) => {
  const client = new SecretsManagerClient({ ...aws })

  /**
   * Resolves to undefined where the secret has no version of that stage.
   *
   * @throws {InvalidConfigError} There is no such secret, or it has another form.
   * @throws {ServiceUnavailableError} Secrets Manager doesn't answer.
   */
  return async (secretId: string, stage: SecretStage): Promise<T | undefined> => {
    const value = await client
      .send(new GetSecretValueCommand({ SecretId: secretId, VersionStage: stage }))
      .then(({ SecretString = '' }) => SecretString)
      .catch((error: unknown) => {
        if (!(error instanceof ResourceNotFoundException))
          throw new ServiceUnavailableError({ detail: 'Secrets Manager does not answer.', cause: error })
        if (stage === 'AWSPREVIOUS') return undefined
        throw new InvalidConfigError({ detail: `There is no secret ${secretId} in Secrets Manager.` })
      })
    if (value === undefined) return undefined
    const result = z.safeParse(shape, toJson(value))
    if (result.success) return result.data
    throw new InvalidConfigError({
      detail: `The secret ${secretId} has to be JSON with the text ${members}.`,
    })
  }
}

const toJson = (value: string): unknown => {
  try {
    return JSON.parse(value)
  } catch {
    return undefined
  }
}
