import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import * as z from 'zod/mini'
import type { AwsOptions } from './aws.ts'
import type { SecretStage } from './credentials.ts'
import { InvalidConfigError, ServiceUnavailableError } from './errors.ts'
import type { AppCredentials } from './liveperson/app-jwt.ts'

const shape = z.object({
  clientId: z.string().check(z.minLength(1)),
  clientSecret: z.string().check(z.minLength(1)),
})

/**
 * Returns a function that reads a version of a secret of the form `{"clientId", "clientSecret"}`.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 */
export const createSecrets = (aws: AwsOptions) => {
  const client = new SecretsManagerClient({ ...aws })

  /**
   * Resolves to undefined where the secret has no version of that stage.
   *
   * @throws {InvalidConfigError} There is no such secret, or it has another form.
   * @throws {ServiceUnavailableError} Secrets Manager doesn't answer.
   */
  return async (secretId: string, stage: SecretStage): Promise<AppCredentials | undefined> => {
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
    const credentials = z.safeParse(shape, toJson(value))
    if (credentials.success) return credentials.data
    throw new InvalidConfigError({
      detail: `The secret ${secretId} has to be JSON with clientId and clientSecret, both text.`,
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
