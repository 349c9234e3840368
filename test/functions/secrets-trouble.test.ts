import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createReadSecret } from '../../lib/account/secrets.ts'
import { type Answering, patient, startAwsEndpoint } from '../support/aws-endpoint.ts'
import { createPatientService, drain } from '../support/drain.ts'
import {
  ACCOUNT,
  askStatus,
  bodyOf,
  deliver,
  ORDER_HELP,
  STAGE,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../support/world.ts'

const SECRET = `campaign-conversations/test/${ACCOUNT}`
const error = (type: string, message: string) => ({
  status: 400,
  body: { __type: type, message, Message: message },
})
const refused = error(
  'AccessDeniedException',
  'User: arn:aws:sts::111122223333:assumed-role/form is not authorized to perform: secretsmanager:GetSecretValue',
)

let world: World
let secretsManager: Awaited<ReturnType<typeof startAwsEndpoint>>
let answer: Answering = () => 'forward'

beforeAll(async () => {
  world = await startWorld()
  secretsManager = await startAwsEndpoint({
    behind: world.secretsManager.url,
    answer: (...asked) => answer(...asked),
  })
  process.env.AWS_ENDPOINT_URL_SECRETS_MANAGER = secretsManager.url
})
afterAll(async () => {
  await secretsManager.close()
  await world.close()
})
beforeEach(() => {
  answer = () => 'forward'
})
afterEach(() => world.livePerson.reset())

/** A container that reads its secrets through the endpoint. */
const createService = (stage: unknown = STAGE) =>
  createPatientService(world, { stage, readSecret: createReadSecret({ ...patient, maxAttempts: 1 }) })

const linesOf = (service: ReturnType<typeof createService>) => {
  const spy = vi.spyOn(service.log, 'error')
  return () => spy.mock.calls.map(([, { code, message }]) => ({ code, message }))
}

describe('while only an operator can help with an account’s secret', () => {
  test.each<[string, ReturnType<typeof error>, string, string]>([
    [
      'it is marked for deletion',
      error(
        'InvalidRequestException',
        "You can't perform this operation on the secret because it was marked for deletion.",
      ),
      'is marked for deletion',
      'restore-secret',
    ],
    [
      'it has no value yet',
      error(
        'ResourceNotFoundException',
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
      ),
      'has no value yet',
      'put-secret-value',
    ],
    ['access is refused', refused, 'refused access', 'secretsmanager:GetSecretValue'],
    [
      'its key is refused',
      error('AccessDeniedException', 'Access to KMS is not allowed'),
      'KMS key',
      'kms:Decrypt',
    ],
  ])(
    'a form gets 202, and the log names the secret and the remedy: %s',
    async (_, refusal, problem, remedy) => {
      answer = () => refusal
      const service = createService()
      const lines = linesOf(service)
      const body = { requestId: randomUUID(), campaign: ORDER_HELP, consumer: { firstName: 'Ana' } }
      const answered = await submit(service, body)
      expect([answered.statusCode, bodyOf(answered).status]).toEqual([202, 'queued'])
      const found = lines().find(({ code }) => code === 'invalid_config')?.message
      for (const part of [SECRET, problem, remedy]) expect(found).toContain(part)

      answer = () => 'forward'
      await drain(world)
      expect(bodyOf(await askStatus(service, body.requestId)).status).toBe('opened')
      expect(world.livePerson.conversations()).toHaveLength(1)
    },
  )

  test('a CRM event stays in the queue', async () => {
    answer = () => refused
    const record = toRecord({ campaign: ORDER_HELP, consumer: { id: `crm-${randomUUID()}` } })
    const response = await deliver(createService(), [record])
    expect(response.batchItemFailures).toEqual([{ itemIdentifier: record.messageId }])
    answer = () => 'forward'
    expect(await deliver(createService(), [record])).toEqual({ batchItemFailures: [] })
    expect(world.livePerson.conversations()).toHaveLength(1)
  })
})

test.each([
  ['throttles', { status: 400, body: { __type: 'ThrottlingException', message: 'Rate exceeded' } }],
  ['answers with a page', { status: 503, body: '<html><body>Service Unavailable</body></html>' }],
  ['finds the signature expired', error('InvalidSignatureException', 'Signature expired: 20261126T060000Z')],
] as const)('a form gets 202 while Secrets Manager %s', async (_, refusal) => {
  answer = () => refusal
  const service = createService()
  const lines = linesOf(service)
  const body = { requestId: randomUUID(), campaign: ORDER_HELP, consumer: { firstName: 'Ana' } }
  expect((await submit(service, body)).statusCode).toBe(202)
  expect(lines().find(({ code }) => code === 'service_unavailable')?.message).toContain(SECRET)
  answer = () => 'forward'
  await drain(world)
  expect(world.livePerson.conversations()).toHaveLength(1)
})

test('a form whose bot check can’t be read is answered 500 and not handed over, because nothing was verified', async () => {
  const botCheck = { verifyUrl: `${world.livePerson.url}/siteverify`, hostnames: ['www.example.com'] }
  const [account] = STAGE.accounts
  const service = createService({ accounts: [{ ...account, form: { campaigns: 'any', botCheck } }] })
  answer = (_, input) => (JSON.stringify(input).includes('bot-check') ? refused : 'forward')
  const body = {
    campaign: ORDER_HELP,
    consumer: { firstName: 'Ana' },
    'cf-turnstile-response': 'token-of-a-person',
  }
  const answered = await submit(service, body)
  expect([answered.statusCode, bodyOf(answered).code]).toEqual([500, 'invalid_config'])
  expect(answered.body).not.toContain('bot-check')
  expect(await world.receiveHandOvers()).toEqual([])
})
