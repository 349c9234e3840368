import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { createOutbound } from '../../../lib/net/outbound.ts'
import { createOpenService } from '../../../lib/service/open.ts'
import { startBotCheckProvider } from '../../security/third-parties.ts'
import { ACCOUNT, bodyOf, ORDER_HELP, startWorld, submit, type World } from '../../support/world.ts'

let world: World
let serial = 0

beforeAll(async () => {
  world = await startWorld()
})
afterEach(() => {
  world.livePerson.reset()
  vi.restoreAllMocks()
})
afterAll(() => world.close())

const body = () => ({ requestId: `open-service-${++serial}`, campaign: ORDER_HELP })

test('a warm container reads no secret and no hosts in its first request', async () => {
  const service = world.createService()
  await service.accounts[0]?.domains.refresh()
  await service.warm()
  world.livePerson.requests({ service: 'domain' })
  const asked = world.livePerson.requests({ service: 'domain' }).length
  world.secretsManager.fail(true)
  try {
    expect((await submit(service, body())).statusCode).toBe(201)
  } finally {
    world.secretsManager.fail(false)
  }
  expect(world.livePerson.requests({ service: 'domain' })).toHaveLength(asked)
})

test('a failure while a container warms up is reported by the first request', async () => {
  const service = createOpenService({ ...world.configOf(), secretIdPrefix: 'nowhere' })
  await expect(service.warm()).resolves.toBeUndefined()
  const error = vi.spyOn(service.log, 'error')
  expect(bodyOf(await submit(service, body())).status).toBe('queued')
  expect(error).toHaveBeenCalledWith(
    'Request queued',
    expect.objectContaining({ code: 'invalid_config' }),
    expect.anything(),
  )
})

test('an account outside the configuration is an error that names it', () => {
  const service = world.createService()
  const [account] = service.stage.accounts
  if (!account) throw new Error('The stage has no account')
  const submission = {
    account: { ...account, accountId: '70000000' },
    form: { request: {}, challenge: undefined, warnings: [] },
    requestId: 'open-service-x',
    authorization: undefined,
  }
  expect(() => service.acceptForm(submission)).toThrow('Account 70000000 is not in the stage configuration')
})

test('a bot check that is set up wrongly is counted for its account and for all', async () => {
  const bots = await startBotCheckProvider('bot-check-secret')
  bots.state.mode = 'mismatch'
  world.secretsManager.put(`campaign-conversations/test/${ACCOUNT}/bot-check`, { secret: 'bot-check-secret' })
  const form = { botCheck: { verifyUrl: bots.verifyUrl, hostnames: ['www.example.com'] } }
  const routes = { help: { ...ORDER_HELP, doors: ['form'] } }
  vi.stubEnv('POWERTOOLS_METRICS_DISABLED', undefined)
  vi.stubEnv('POWERTOOLS_SERVICE_NAME', 'campaign-conversations-test')
  const service = world.createService({ stage: { accounts: [{ accountId: ACCOUNT, form, routes }] } })
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  const answer = await submit(service, { route: 'help', 'h-captcha-response': 'solved' })
  expect([answer.statusCode, bodyOf(answer).code]).toEqual([500, 'invalid_config'])
  const counted = write.mock.calls
    .map(([line]) => String(line))
    .filter((line) => line.includes('"bot_check_misconfigured":1'))
  const dimensions = counted.map((line) => JSON.parse(line)._aws.CloudWatchMetrics[0].Dimensions)
  expect(dimensions).toEqual([[['service', 'accountId'], ['service']]])
  expect(counted.map((line) => JSON.parse(line).accountId)).toEqual([ACCOUNT])
  vi.unstubAllEnvs()
  await bots.close()
})

test('containers share nothing: each requests its own AppJWT once', async () => {
  for (const service of [world.createService(), world.createService()]) {
    await submit(service, body())
    await submit(service, body())
  }
  expect(world.livePerson.requests({ service: 'sentinel' })).toHaveLength(2)
})

test('a refused profile is logged for the account', async () => {
  const outbound = createOutbound()
  const service = world.createService({
    outbound: async (request) => {
      const result = await outbound(request)
      return result.kind === 'answer' && request.url.includes('/messaging/')
        ? { ...result, body: result.body.replace('"code":"OK"', '"code":"BAD_REQUEST"') }
        : result
    },
  })
  const warn = vi.spyOn(service.log, 'warn')
  expect((await submit(service, body())).statusCode).toBe(201)
  expect(warn).toHaveBeenCalledWith("LivePerson refused a consumer's profile", {
    accountId: ACCOUNT,
    requestId: expect.any(String),
  })
})
