import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createHandler } from '../../functions/conversation-status.ts'
import { ServiceUnavailableError } from '../../lib/errors/errors.ts'
import type { StatusService } from '../../lib/service/status.ts'
import { type IdentityProvider, startIdentityProvider } from '../security/third-parties.ts'
import {
  ACCOUNT,
  bodyOf,
  ORDER_HELP,
  type Service,
  startWorld,
  submit,
  type World,
} from '../support/world.ts'

const CONTINUE = 'https://www.example.com/messages'

let world: World
let brand: IdentityProvider
let service: Service
let serial = 0

beforeAll(async () => {
  world = await startWorld()
  brand = await startIdentityProvider('https://id.example.com/')
  service = world.createService({
    stage: {
      accounts: [
        {
          accountId: ACCOUNT,
          continue: CONTINUE,
          form: { consumers: 'both', tokens: brand.tokens },
          routes: { help: { ...ORDER_HELP, doors: ['form'] } },
        },
      ],
    },
  })
})
afterAll(() => Promise.all([world.close(), brand.close()]))
afterEach(() => world.livePerson.reset())

const help = () => ({ requestId: `status-${++serial}-${process.pid}`, route: 'help' })

/** Asks for an address below `conversations/`. */
const get = async (
  address: string,
  { accept = '*/*', from = service }: { readonly accept?: string; readonly from?: StatusService } = {},
) => {
  const { pathname, searchParams } = new URL(address, 'https://api.example.com')
  const event = {
    routeKey: 'GET /conversations/{requestId}',
    headers: { accept },
    pathParameters: { requestId: decodeURIComponent(pathname.replace('/conversations/', '')) },
    queryStringParameters: Object.fromEntries(
      [...new Set(searchParams.keys())].map((name) => [name, searchParams.getAll(name).join(',')]),
    ),
  } as unknown as APIGatewayProxyEventV2
  return (await createHandler(() => from)(event, {} as never)) as APIGatewayProxyStructuredResultV2
}
const pageOf = async (address: string, from?: StatusService) => {
  const {
    statusCode,
    headers,
    body = '',
  } = await get(address, {
    accept: 'text/html,*/*;q=0.8',
    ...(from && { from }),
  })
  const [, title] = /<h1>(.*)<\/h1>/.exec(body) ?? []
  return { statusCode, type: headers?.['content-type'], title, body }
}
const HTML = { statusCode: 200, type: 'text/html; charset=utf-8' }

describe('a browser that follows its form', () => {
  test('sees how the request stands, and nothing personal', async () => {
    const body = { ...help(), consumer: { firstName: 'Zoë' }, message: 'Grüße' }
    const { headers } = await submit(service, body, { headers: { accept: 'text/html' } })
    const page = await pageOf(String(headers?.location))
    expect(page).toMatchObject({ ...HTML, title: 'Thank you' })
    expect(page.body).not.toMatch(/Zoë|Grüße|status-/)
  })

  test('sees that a request is on its way', async () => {
    world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 50 })
    const { statusCode, headers } = await submit(service, help(), { headers: { accept: 'text/html' } })
    expect([statusCode, headers?.location]).toEqual([303, expect.stringContaining('?holder=')])
    expect((await pageOf(String(headers?.location))).body).toContain('on its way')
    await world.receiveHandOvers()
  })

  test('sees what to correct', async () => {
    const body = { ...help(), consumer: { email: 'x'.repeat(400) }, unknown: 1 }
    const { statusCode, headers } = await submit(service, body, { headers: { accept: 'text/html' } })
    expect(statusCode).toBe(303)
    const page = await pageOf(String(headers?.location))
    expect(page).toMatchObject({ ...HTML, title: 'Please check your entries' })
    expect(page.body).toContain('Please check: email address.')
  })

  test('sees that the message did not reach the open conversation', async () => {
    const body = help()
    const { requestId } = body
    await submit(service, body)
    const found = await service.findFormRequest(requestId)
    if (!found) throw new Error('The request is known')
    const outcome = { status: 'opened', messageStatus: 'not_sent' } as const
    const from = { ...service, findFormRequest: async () => ({ ...found, outcome }) }
    expect(await pageOf(`conversations/${requestId}`)).toMatchObject({ ...HTML, title: 'Thank you' })
    expect(await pageOf(`conversations/${requestId}`, from)).toMatchObject({
      ...HTML,
      title: 'Your message was not sent',
    })
  })

  test('sees a page also if nobody knows the request, or the state can’t be read', async () => {
    const table = {
      ...world.createService(),
      findFormRequest: () => Promise.reject(new ServiceUnavailableError({ detail: 'down' })),
    }
    expect(await pageOf('conversations/nobody-knows-it')).toMatchObject({
      ...HTML,
      title: 'Nothing found yet',
    })
    expect(await pageOf('conversations/nobody-knows-it', table)).toMatchObject({
      ...HTML,
      title: 'Nothing found yet',
    })
    expect((await get('conversations/nobody-knows-it')).statusCode).toBe(404)
  })

  test('has a page that no request’s id can take', async () => {
    expect((await submit(service, { ...help(), requestId: 'problem' })).statusCode).toBe(400)
    expect((await get('conversations/problem?code=invalid_request')).statusCode).toBe(404)
  })
})

describe('where the consumer goes on', () => {
  const asConsumer = async (sub: string, body: object) =>
    submit(service, body, { headers: { authorization: `Bearer ${await brand.sign({ sub })}` } })

  test('is in each response to a signed-in consumer whose conversation is open', async () => {
    const [first, second] = [help(), help()]
    expect(bodyOf(await asConsumer('ana', first))).toMatchObject({ status: 'opened', continue: CONTINUE })
    expect(bodyOf(await asConsumer('ana', first))).toMatchObject({ status: 'opened', continue: CONTINUE })
    expect(bodyOf(await asConsumer('ana', second))).toMatchObject({ status: 'existing', continue: CONTINUE })
  })

  test('is in the status only behind the address that the consumer was given', async () => {
    world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 50 })
    const request = help()
    const queued = await asConsumer('bea', request)
    expect(queued.statusCode).toBe(202)
    expect(bodyOf(queued)).not.toHaveProperty('continue')
    expect(bodyOf(await get(String(queued.headers?.location)))).not.toHaveProperty('continue')
    world.livePerson.faults.clear()
    expect((await asConsumer('bea', request)).statusCode).toBe(201)
    expect(bodyOf(await get(String(queued.headers?.location)))).toMatchObject({ continue: CONTINUE })
    expect(bodyOf(await get(`conversations/${request.requestId}`))).not.toHaveProperty('continue')
    await world.receiveHandOvers()
  })

  test('isn’t told to anonymous consumers', async () => {
    const request = help()
    expect(bodyOf(await submit(service, request))).toEqual({
      requestId: request.requestId,
      status: 'opened',
      conversationId: expect.any(String),
    })
    expect(bodyOf(await get(`conversations/${request.requestId}`))).not.toHaveProperty('continue')
  })
})
