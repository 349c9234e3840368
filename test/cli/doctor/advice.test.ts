import { expect, test } from 'vitest'
import { adviseOn } from '../../../cli/doctor/advice.ts'
import { STEPS, type StepName } from '../../../cli/doctor/steps.ts'
import { SecretUnavailableError, UnusableSecretError } from '../../../lib/account/secrets.ts'
import { type AppError, InternalError, toError } from '../../../lib/errors/errors.ts'
import { ForeignHostError } from '../../../lib/liveperson/domain-api.ts'

const about = { accountId: '70123456', secretId: 'app/dev/70123456', stages: ['dev', 'local'] }

const missing = (secretId: string) =>
  new UnusableSecretError({
    problem: 'There is none.',
    remedy: `Create it: aws secretsmanager create-secret --name ${secretId}.`,
  })

test.each<[string, StepName, AppError, string]>([
  ['an invalid configuration', 'configuration', toError('invalid_config'), 'dev, local'],
  [
    'a missing secret',
    'secret',
    missing('app/dev/70123456'),
    'create-secret --name app/dev/70123456 --secret-string \'{"clientId":"…","clientSecret":"…"}\'.',
  ],
  [
    'a missing bot-check secret',
    'bot-check secret',
    missing('app/dev/70123456/bot-check'),
    'create-secret --name app/dev/70123456/bot-check --secret-string \'{"secret":"…"}\'.',
  ],
  [
    'a secret that can’t be read',
    'secret',
    new SecretUnavailableError({ problem: 'Nothing answers.', remedy: 'Check the network.' }),
    'Check the network.',
  ],
  ['Secrets Manager being down', 'secret', toError('service_unavailable'), 'secretsmanager:GetSecretValue'],
  [
    'a foreign host',
    'domains',
    new ForeignHostError({ detail: '', mayHaveExecuted: false }),
    'ask LivePerson. ',
  ],
  ['the Domain API being down', 'domains', toError('liveperson_unavailable'), '70123456'],
  ['refused credentials', 'AppJWT', toError('credentials_refused'), 'put-secret-value'],
  ['Sentinel being down', 'AppJWT', toError('liveperson_unavailable'), 'reach Sentinel'],
  ['a refusal by Sentinel', 'AppJWT', toError('liveperson_rejected'), 'ask LivePerson why Sentinel'],
  ['a refused AppJWT', 'ConsumerJWS', toError('credentials_refused'), 'enable the Connector API'],
  ['the IDP being down', 'ConsumerJWS', toError('liveperson_unavailable'), 'reach the IDP'],
  ['an account without routes', 'conversation', toError('invalid_config'), 'add a route'],
])('the advice on %s says what to do', (_, step, error, text) => {
  expect(adviseOn(step, error, about)).toContain(text)
})

test.each(STEPS)('the advice on an unexpected error in %s is to try again', (step) => {
  expect(adviseOn(step, new InternalError({ detail: '' }), about)).toContain('run the doctor again')
})
