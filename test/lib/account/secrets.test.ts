import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSecrets } from '../../../lib/account/secrets.ts'
import { InvalidConfigError, ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { startSecretsManager } from '../../../local/aws/secrets-manager.ts'
import { patient } from '../../support/aws-endpoint.ts'

const SECRET = { clientId: 'app', clientSecret: 'secret-words' }

let secretsManager: Awaited<ReturnType<typeof startSecretsManager>>
let read: ReturnType<typeof createSecrets>

beforeAll(async () => {
  secretsManager = await startSecretsManager()
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
  })
  read = createSecrets({ ...patient, maxAttempts: 1 })
})
afterAll(() => secretsManager.close())

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('an account’s secret', () => {
  test('is read by its stage', async () => {
    secretsManager.put('rotated', SECRET)
    expect(await read('rotated', 'AWSPREVIOUS')).toBeUndefined()
    secretsManager.put('rotated', { ...SECRET, clientSecret: 'newer' })
    expect(await read('rotated', 'AWSCURRENT')).toEqual({ ...SECRET, clientSecret: 'newer' })
    expect(await read('rotated', 'AWSPREVIOUS')).toEqual(SECRET)
  })

  test('may have members of its owner’s beside', async () => {
    secretsManager.put('more', { ...SECRET, owner: 'crm team' })
    expect(await read('more', 'AWSCURRENT')).toEqual(SECRET)
  })

  test('that is not there is an operator’s to mend, by its name', async () => {
    const error = await failure(read('nowhere', 'AWSCURRENT'))
    expect(error).toBeInstanceOf(InvalidConfigError)
    expect(String(error)).toContain('There is no secret nowhere')
    expect(await read('nowhere', 'AWSPREVIOUS')).toBeUndefined()
  })

  test.each<[string, unknown]>([
    ['no JSON', 'secret-words'],
    ['a text', '"secret-words"'],
    ['nothing', '{}'],
    ['half of it', { clientId: 'app', secret: 'secret-words' }],
    ['an empty one', { ...SECRET, clientId: '' }],
    ['a number', { clientId: 5, clientSecret: 'secret-words' }],
  ])('that holds %s is an operator’s to mend, and never quoted', async (name, value) => {
    secretsManager.put(name, value)
    const error = await failure(read(name, 'AWSCURRENT'))
    expect(error).toBeInstanceOf(InvalidConfigError)
    expect(String(error)).toContain(`The secret ${name} has to be JSON`)
    expect(String(error)).not.toContain('secret-words')
  })

  test('that Secrets Manager doesn’t give now may be given later', async () => {
    secretsManager.put('later', SECRET)
    secretsManager.fail(true)
    expect(await failure(read('later', 'AWSCURRENT'))).toBeInstanceOf(ServiceUnavailableError)
    expect(await failure(read('later', 'AWSPREVIOUS'))).toBeInstanceOf(ServiceUnavailableError)
    secretsManager.fail(false)
    expect(await read('later', 'AWSCURRENT')).toEqual(SECRET)
    await secretsManager.goDown()
    expect(await failure(read('later', 'AWSCURRENT'))).toBeInstanceOf(ServiceUnavailableError)
    await secretsManager.comeUp()
    expect(await read('later', 'AWSCURRENT')).toEqual(SECRET)
  })
})
