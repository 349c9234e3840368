import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createReadSecret,
  parseAppCredentials,
  parseBotCheckSecret,
  type ReadSecret,
  readCurrentSecret,
  readPreviousSecret,
  SecretUnavailableError,
  UnusableSecretError,
} from '../../../lib/account/secrets.ts'
import { InvalidConfigError, ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { startSecretsManager } from '../../../local/aws/secrets-manager.ts'
import { type Answering, type AwsAnswer, patient, startAwsEndpoint } from '../../support/aws-endpoint.ts'

const SECRET = { clientId: 'app', clientSecret: 'secret-words' }

let secretsManager: Awaited<ReturnType<typeof startSecretsManager>>
let readSecret: ReadSecret

beforeAll(async () => {
  secretsManager = await startSecretsManager()
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
  })
  readSecret = createReadSecret({ ...patient, maxAttempts: 1 })
})
afterAll(() => secretsManager.close())

const readCurrent = (secretId: string) => readCurrentSecret(readSecret, secretId, parseAppCredentials)
const readPrevious = (secretId: string) => readPreviousSecret(readSecret, secretId, parseAppCredentials)

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('a secret', () => {
  test('is read by its stage, as text', async () => {
    secretsManager.put('rotated', 'first')
    expect(await readSecret('rotated', 'AWSPREVIOUS')).toBeUndefined()
    secretsManager.put('rotated', 'second')
    expect(await readSecret('rotated', 'AWSCURRENT')).toBe('second')
    expect(await readSecret('rotated', 'AWSPREVIOUS')).toBe('first')
  })

  test('that does not exist is a mistake in the configuration at each stage', async () => {
    expect(await failure(readSecret('nowhere', 'AWSCURRENT'))).toBeInstanceOf(UnusableSecretError)
    expect(await failure(readSecret('nowhere', 'AWSPREVIOUS'))).toBeInstanceOf(UnusableSecretError)
  })

  test('can be read again after Secrets Manager failed or was unreachable', async () => {
    secretsManager.put('later', SECRET)
    secretsManager.fail(true)
    expect(await failure(readSecret('later', 'AWSCURRENT'))).toBeInstanceOf(ServiceUnavailableError)
    expect(await failure(readSecret('later', 'AWSPREVIOUS'))).toBeInstanceOf(ServiceUnavailableError)
    secretsManager.fail(false)
    expect(await readCurrent('later')).toEqual(SECRET)
    await secretsManager.goDown()
    expect(await failure(readSecret('later', 'AWSCURRENT'))).toBeInstanceOf(ServiceUnavailableError)
    await secretsManager.comeUp()
    expect(await readCurrent('later')).toEqual(SECRET)
  })
})

describe('an answer of Secrets Manager', () => {
  const ID = 'prefix/70123456'
  const error = (type: string, message = 'Message of AWS.', status = 400): AwsAnswer => ({
    status,
    body: { __type: type, message, Message: message },
  })
  const read = async (answer: ReturnType<Answering>, secretId = ID) => {
    const endpoint = await startAwsEndpoint({ behind: secretsManager.url, answer: () => answer })
    const url = process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER
    process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER = endpoint.url
    const reader = createReadSecret({ ...patient, maxAttempts: 1, timeoutMs: 500 })
    try {
      return await failure(readCurrentSecret(reader, secretId, parseAppCredentials))
    } finally {
      process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER = url
      await endpoint.close()
    }
  }

  test.each<[string, AwsAnswer, string, string]>([
    [
      'marked for deletion',
      error(
        'InvalidRequestException',
        "You can't perform this operation on the secret because it was marked for deletion.",
      ),
      `The secret ${ID} is marked for deletion.`,
      `aws secretsmanager restore-secret --secret-id ${ID}`,
    ],
    [
      'marked for deletion, in other words',
      error(
        'InvalidRequestException',
        'You can’t perform this operation on the secret because it was deleted.',
      ),
      `The secret ${ID} is marked for deletion.`,
      'restore-secret',
    ],
    [
      'no value yet',
      error(
        'ResourceNotFoundException',
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
      ),
      `The secret ${ID} has no value yet.`,
      `aws secretsmanager put-secret-value --secret-id ${ID}`,
    ],
    [
      'no secret',
      error('ResourceNotFoundException', "Secrets Manager can't find the specified secret."),
      `There is no secret ${ID} in Secrets Manager.`,
      `aws secretsmanager create-secret --name ${ID}`,
    ],
    [
      'access refused',
      error(
        'AccessDeniedException',
        `User: arn:aws:sts::111122223333:assumed-role/queue/function is not authorized to perform: secretsmanager:GetSecretValue on resource: ${ID} because no identity-based policy allows the secretsmanager:GetSecretValue action`,
      ),
      `Secrets Manager refused access to the secret ${ID}.`,
      'Allow secretsmanager:GetSecretValue',
    ],
    [
      'access to the key refused',
      error('AccessDeniedException', 'Access to KMS is not allowed'),
      `The KMS key of the secret ${ID} can't be used`,
      'allow kms:Decrypt',
    ],
    [
      'access to the key refused, in other words',
      error('AccessDeniedException', 'The caller is not authorized to perform: kms:Decrypt on the resource.'),
      `The KMS key of the secret ${ID} can't be used`,
      'allow kms:Decrypt',
    ],
    [
      'a key that is disabled',
      error(
        'DecryptionFailure',
        "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
      ),
      `The KMS key of the secret ${ID} can't be used`,
      'Enable the key',
    ],
    [
      'a parameter that it does not accept',
      error('InvalidParameterException'),
      `can't return the secret ${ID} in its present state`,
      'describe-secret',
    ],
    [
      'another state',
      error('InvalidRequestException', 'The secret is managed by another service.'),
      `can't return the secret ${ID} in its present state`,
      'describe-secret',
    ],
  ])(
    'that only an operator can help with names the secret and the remedy: %s',
    async (_, answer, problem, remedy) => {
      const thrown = await read(answer)
      expect(thrown).toBeInstanceOf(UnusableSecretError)
      expect(thrown).toMatchObject({
        code: 'invalid_config',
        message: expect.stringContaining(problem),
        remedy: expect.stringContaining(remedy),
      })
      expect(String(thrown)).toContain(remedy)
      expect(String(thrown)).not.toContain('Message of AWS')
    },
  )

  test.each<[string, ReturnType<Answering>, string, string]>([
    ['throttled', error('ThrottlingException', 'Rate exceeded'), 'throttled', 'quota'],
    ['throttled, with 429', error('Unknown', 'Slow down', 429), 'throttled', 'quota'],
    ['no answer', 'silence', 'did not answer', 'network'],
    ['a cut connection', 'lost', 'did not answer', 'network'],
    ['an internal error', error('InternalServiceError', 'x', 500), 'failed to return', 'health dashboard'],
    [
      'a page',
      { status: 503, body: '<html>Service Unavailable</html>' },
      'Secrets Manager',
      'health dashboard',
    ],
    ['an expired signature', error('InvalidSignatureException'), 'failed to return', 'clock'],
    ['expired credentials', error('ExpiredTokenException'), 'failed to return', 'credentials'],
  ])(
    'that may change by itself names the secret and where to look: %s',
    async (_, answer, problem, remedy) => {
      const thrown = await read(answer)
      expect(thrown).toBeInstanceOf(SecretUnavailableError)
      expect(thrown).toMatchObject({
        code: 'service_unavailable',
        message: expect.stringContaining(problem),
        remedy: expect.stringContaining(remedy),
      })
      expect(String(thrown)).toContain(ID)
    },
  )

  test('is not mistaken for one about a key because of the secret’s name', async () => {
    const secretId = 'kms-team/70123456'
    const thrown = await read(
      error(
        'AccessDeniedException',
        `not authorized to perform: secretsmanager:GetSecretValue on resource: ${secretId}`,
      ),
      secretId,
    )
    expect(String(thrown)).toContain('Secrets Manager refused access')
  })
})

describe('the current version', () => {
  test('is parsed', async () => {
    secretsManager.put('app', { ...SECRET, clientSecret: 'older' })
    secretsManager.put('app', SECRET)
    expect(await readCurrent('app')).toEqual(SECRET)
  })

  test('of a secret that does not exist is a mistake in the configuration, which names it', async () => {
    const error = await failure(readCurrent('nowhere'))
    expect(error).toBeInstanceOf(InvalidConfigError)
    expect(String(error)).toContain('There is no secret nowhere in Secrets Manager.')
  })
})

describe('the previous version', () => {
  test('is parsed', async () => {
    secretsManager.put('two-versions', SECRET)
    secretsManager.put('two-versions', { ...SECRET, clientSecret: 'newer' })
    expect(await readPrevious('two-versions')).toEqual(SECRET)
  })

  test('is undefined if there is none', async () => {
    secretsManager.put('one-version', SECRET)
    expect(await readPrevious('one-version')).toBeUndefined()
  })

  test('of the wrong shape is a mistake in the configuration', async () => {
    secretsManager.put('was-wrong', 'secret-words')
    secretsManager.put('was-wrong', SECRET)
    expect(await failure(readPrevious('was-wrong'))).toBeInstanceOf(InvalidConfigError)
  })
})

describe('the shape of a secret', () => {
  test('may have other members, which are dropped', () => {
    expect(parseAppCredentials('app', JSON.stringify({ ...SECRET, owner: 'crm team' }))).toEqual(SECRET)
    expect(parseBotCheckSecret('bot', '{"secret":"secret-words","owner":"web team"}')).toEqual({
      secret: 'secret-words',
    })
  })

  test.each<[string, string]>([
    ['not JSON', 'secret-words'],
    ['nothing at all', ''],
    ['a string', '"secret-words"'],
    ['an empty object', '{}'],
    ['one of two members', '{"clientId":"app","password":"secret-words"}'],
    ['an empty member', '{"clientId":"","clientSecret":"secret-words"}'],
    ['a number', '{"clientId":5,"clientSecret":"secret-words"}'],
  ])('%s is a mistake in the configuration, which is never quoted', (_, text) => {
    const parse = () => parseAppCredentials('prefix/app', text)
    expect(parse).toThrow(InvalidConfigError)
    expect(parse).toThrow(
      'The secret prefix/app must be a JSON object with these strings: clientId, clientSecret.',
    )
    expect(() => parseBotCheckSecret('prefix/bot', text)).toThrow(
      'The secret prefix/bot must be a JSON object with these strings: secret.',
    )
  })
})
