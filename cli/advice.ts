import type { AppError } from '../lib/errors/errors.ts'
import { ForeignHostError } from '../lib/liveperson/domain-api.ts'
import type { StepName } from './steps.ts'

interface About {
  readonly accountId: string
  readonly secretId: string
  readonly stages: readonly string[]
}

/** What an operator should do after a step failed. */
export const adviceFor = (step: StepName, error: AppError, about: About): string => {
  if (error.code === 'internal_error') return 'run it again; if it stays, report the names in brackets.'
  switch (step) {
    case 'configuration':
      return `mend what is named; README, "Configuration", has every member. Stages in config/: ${about.stages.join(', ')}.`
    case 'secret':
      return forSecret(error, about.secretId, '{"clientId":"…","clientSecret":"…"}')
    case 'bot-check secret':
      return forSecret(error, `${about.secretId}/bot-check`, '{"secret":"…"}')
    case 'domains':
      return error instanceof ForeignHostError
        ? 'ask LivePerson before anything else. The service sends nothing there and keeps the hosts of the table.'
        : `see whether ${about.accountId} is the account's id and whether this machine reaches the Domain API. The service goes on with the hosts of the table.`
    case 'AppJWT':
      return error.code === 'credentials_refused'
        ? `compare the secret with the app installation at LivePerson, then: aws secretsmanager put-secret-value --secret-id ${about.secretId} --secret-string '{"clientId":"…","clientSecret":"…"}'.`
        : forLivePerson('Sentinel', error)
    case 'ConsumerJWS':
      return error.code === 'credentials_refused'
        ? "have LivePerson enable the Connector API for this app installation: Sentinel's own AppJWT was refused."
        : forLivePerson('the IDP', error)
    case 'conversation':
      return 'add a route to this account in config/<stage>.json, or let an entry take any campaigns.'
  }
}

const forSecret = ({ code }: AppError, secretId: string, form: string): string =>
  code === 'invalid_config'
    ? `aws secretsmanager create-secret --name ${secretId} --secret-string '${form}' (put-secret-value --secret-id where it exists).`
    : `see whether --region is right, this machine reaches Secrets Manager, and its AWS credentials may call secretsmanager:GetSecretValue on ${secretId}.`

const forLivePerson = (service: string, { code }: AppError): string =>
  code === 'liveperson_rejected'
    ? `ask LivePerson why ${service} refuses this account or app installation.`
    : `see LivePerson's status page and whether this machine reaches ${service}; then run it again. Requests wait in the queue meanwhile.`
