import { SecretUnavailableError, UnusableSecretError } from '../../lib/account/secrets.ts'
import type { AppError } from '../../lib/errors/errors.ts'
import { ForeignHostError } from '../../lib/liveperson/domain-api.ts'
import type { StepName } from './steps.ts'

/** What the advice names. */
export interface About {
  /** '' if the step isn't about one account. */
  readonly accountId: string
  /** '' if the step isn't about one account. */
  readonly secretId: string
  /** The stages that have a file in config/. */
  readonly stages: readonly string[]
}

/** Returns what an operator should do after a failed step. */
export const adviseOn = (step: StepName, error: AppError, about: About): string => {
  if (error.code === 'internal_error')
    return 'run the doctor again. If it still fails, report the text in brackets.'
  switch (step) {
    case 'configuration':
      return `fix the values that are named. docs/configuration.md describes each one. Stages in config/: ${about.stages.join(', ')}.`
    case 'secret':
      return adviseOnSecret(error, about.secretId, '{"clientId":"…","clientSecret":"…"}')
    case 'bot-check secret':
      return adviseOnSecret(error, `${about.secretId}/bot-check`, '{"secret":"…"}')
    case 'domains':
      return error instanceof ForeignHostError
        ? 'ask LivePerson. The service sends nothing to that host and keeps using the hosts in the state table.'
        : `check that ${about.accountId} is the right account id and that this machine can reach the Domain API. The service keeps using the hosts in the state table.`
    case 'AppJWT':
      return error.code === 'credentials_refused'
        ? `compare the secret with the app installation at LivePerson. To change it: aws secretsmanager put-secret-value --secret-id ${about.secretId} --secret-string '{"clientId":"…","clientSecret":"…"}'.`
        : adviseOnLivePerson('Sentinel', error)
    case 'ConsumerJWS':
      return error.code === 'credentials_refused'
        ? 'ask LivePerson to enable the Connector API for this app installation. The IDP refused an AppJWT that Sentinel had just issued.'
        : adviseOnLivePerson('the IDP', error)
    case 'conversation':
      return 'add a route to this account in config/<stage>.json, or allow any campaign at one of its doors.'
  }
}

const adviseOnSecret = (error: AppError, secretId: string, shape: string): string => {
  if (!isAboutSecret(error))
    return `check the region, that this machine can reach Secrets Manager, and that its AWS credentials allow secretsmanager:GetSecretValue on ${secretId}.`
  const needsValue = /(create-secret|put-secret-value)\b/.test(error.remedy)
  return needsValue ? error.remedy.replace(/\.$/, ` --secret-string '${shape}'.`) : error.remedy
}

/** Whether an error has the remedy for a secret. */
export const isAboutSecret = (error: unknown): error is UnusableSecretError | SecretUnavailableError =>
  error instanceof UnusableSecretError || error instanceof SecretUnavailableError

const adviseOnLivePerson = (service: string, { code }: AppError): string =>
  code === 'liveperson_rejected'
    ? `ask LivePerson why ${service} refuses this account or app installation.`
    : `check LivePerson's status page and that this machine can reach ${service}, then run the doctor again. Until then, requests wait in the queue.`
