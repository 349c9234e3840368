import type { APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createHandler } from '../../functions/open-from-form.ts'
import { bodyOf, formEvent, type Service, STAGE, startWorld, submit, type World } from '../support/world.ts'

let world: World
let serial = 0

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
afterEach(async () => {
  world.livePerson.reset()
  await world.receiveHandOvers()
})

const newId = () => `origin-test-${process.pid}-${++serial}`
const createService = (...origins: readonly string[]) => world.createService({ stage: { ...STAGE, origins } })

/** Submits a plain HTML form, as a browser does. */
const submitPlain = (service: Service, origin: string) =>
  submit(service, new URLSearchParams({ requestId: newId(), route: 'order-help' }).toString(), {
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin },
  })

describe('a plain form whose browser sends Origin: null', () => {
  test('is refused, and the problem and the log name the page header that causes it', async () => {
    const logged: string[] = []
    const service = createService('https://www.example.com')
    const log: typeof service.log = {
      ...service.log,
      error: (_message, error) => void logged.push(error.message),
    }
    const answer = await submitPlain({ ...service, log }, 'null')
    const { code, detail } = bodyOf(answer)
    expect([answer.statusCode, code]).toEqual([403, 'origin_not_allowed'])
    expect(detail).toContain('The browser sent no origin (Origin: null).')
    expect(detail).toContain('Referrer-Policy: no-referrer or same-origin')
    expect(logged).toEqual([detail])
    expect(world.livePerson.requests()).toEqual([])
  })

  test.each([
    ['lists null', ['https://www.example.com', 'null']],
    ['lists nothing but null', ['null']],
    ['allows all origins', ['*']],
  ])('is accepted by a stage that %s', async (_, origins) => {
    expect((await submitPlain(createService(...origins), 'null')).statusCode).toBe(201)
  })
})

describe('an origin', () => {
  test.each(['https://www.example.org', 'https://www.example.com.evil.example', 'NULL', 'file://', ''])(
    'that isn’t listed is refused as a foreign page: %j',
    async (origin) => {
      const answer = await submitPlain(createService('https://www.example.com', 'null'), origin)
      expect(bodyOf(answer)).toMatchObject({
        status: 403,
        code: 'origin_not_allowed',
        detail: 'Pages from this origin may not call the service.',
      })
    },
  )

  test.each(['https://www.example.com', 'https://localhost', 'capacitor://localhost'])(
    'that is listed is accepted, that of a hybrid app, too: %s',
    async (origin) => {
      expect((await submitPlain(createService(origin), origin)).statusCode).toBe(201)
    },
  )
})

describe('Location', () => {
  test.each([
    ['the API’s own address', 'https://abc123.execute-api.eu-west-1.amazonaws.com/conversations', undefined],
    ['a custom domain', 'https://api.example.com/conversations', undefined],
    ['an API mapping, which rawPath omits', 'https://api.example.com/chat/conversations', '/conversations'],
    ['an API mapping in rawPath', 'https://api.example.com/chat/conversations', '/chat/conversations'],
    ['a path that CloudFront rewrites', 'https://www.example.com/api/v2/conversations', '/conversations'],
    ['a stage with a name', 'https://api.example.com/dev/conversations', '/dev/conversations'],
    ['a path of somebody else’s', 'https://api.example.com/conversations', '//evil.example/conversations'],
  ])('is right behind %s', async (_, called, rawPath) => {
    const service = world.createService({ config: { formDeadlineMs: 1_500 } })
    world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 50 })
    const requestId = newId()
    const event = { ...formEvent({ requestId, route: 'order-help' }), ...(rawPath && { rawPath }) }
    const context = { getRemainingTimeInMillis: () => 15_000 } as Context
    const answer = (await createHandler(() => service)(event, context)) as APIGatewayProxyStructuredResultV2
    expect(answer.statusCode).toBe(202)
    const { origin, pathname, searchParams } = new URL(String(answer.headers?.location), called)
    expect(`${origin}${pathname}`).toBe(`${called}/${requestId}`)
    expect([...searchParams]).toEqual([['holder', expect.stringMatching(/^[0-9a-f]{16}$/)]])
  })
})
