import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createReadSecret,
  parseAppCredentials,
  parseBotCheckSecret,
  type ReadSecret,
  readCurrentSecret,
  readPreviousSecret,
} from '../../../lib/account/secrets.ts'
import { InvalidConfigError, ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { startSecretsManager } from '../../../local/aws/secrets-manager.ts'
import { patient } from '../../support/aws-endpoint.ts'

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

  test('that does not exist is undefined at each stage', async () => {
    expect(await readSecret('nowhere', 'AWSCURRENT')).toBeUndefined()
    expect(await readSecret('nowhere', 'AWSPREVIOUS')).toBeUndefined()
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
    expect(await readPrevious('nowhere')).toBeUndefined()
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
