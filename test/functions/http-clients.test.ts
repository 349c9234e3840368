import { execFile } from 'node:child_process'
import { createServer, request } from 'node:http'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { closeServer, listen } from '../../local/net/listen.ts'
import type { HttpApi } from '../../local/stack/http-api.ts'
import { startApi } from '../support/api.ts'
import { STAGE, startWorld, type World } from '../support/world.ts'

const LISTED = 'https://www.example.com'
const UNLISTED = 'https://www.example.org'

let world: World
/** Lists one site. */
let api: HttpApi
/** Lists `null`, too. */
let openApi: HttpApi
let serial = 0

beforeAll(async () => {
  world = await startWorld()
  api = await startApi(world, { ...STAGE, origins: [LISTED] })
  openApi = await startApi(world, { ...STAGE, origins: [LISTED, 'null'] })
})
afterAll(() => Promise.all([api.close(), openApi.close(), world.close()]))
afterEach(async () => {
  world.livePerson.reset()
  await world.receiveHandOvers()
})

const newId = () => `client-${process.pid}-${++serial}`
const members = () => ({ requestId: newId(), route: 'order-help', message: 'Grüße' })
const firstMessage = () => world.livePerson.conversations().at(-1)?.messages[0]

/** Runs curl, and returns the status and the body of the response. */
const curl = async (path: string, ...options: readonly string[]) => {
  const { stdout } = await promisify(execFile)('curl', [
    ...['--silent', '--show-error', '--write-out', '\n%{http_code}', `${api.url}${path}`],
    ...options,
  ])
  const [, body = '', status = ''] = /^(.*)\n(\d+)$/s.exec(stdout) ?? []
  return { status: Number(status), body: body === '' ? undefined : JSON.parse(body) }
}

const JSON_TYPE = ['-H', 'content-type: application/json']
const OPENED = { status: 201, body: { status: 'opened' } }

describe('curl', () => {
  test('sends JSON', async () => {
    expect(await curl('/conversations', ...JSON_TYPE, '-d', JSON.stringify(members()))).toMatchObject(OPENED)
  })

  test('sends a form', async () => {
    const fields = Object.entries(members()).flatMap(([name, value]) => [
      '--data-urlencode',
      `${name}=${value}`,
    ])
    expect(await curl('/conversations', ...fields)).toMatchObject(OPENED)
  })

  test('sends JSON in chunks', async () => {
    const chunked = ['-H', 'transfer-encoding: chunked', '-d', JSON.stringify(members())]
    expect(await curl('/conversations', ...JSON_TYPE, ...chunked)).toMatchObject(OPENED)
  })

  test('sends JSON by HTTP/1.0', async () => {
    const sent = ['--http1.0', '-d', JSON.stringify(members())]
    expect(await curl('/conversations', ...JSON_TYPE, ...sent)).toMatchObject(OPENED)
  })

  test.each([{ message: 'hello' }, { message: '20% off & more=less' }])(
    'is told that JSON without a type is sent as a form: %j',
    async ({ message }) => {
      const { status, body } = await curl('/conversations', '-d', JSON.stringify({ ...members(), message }))
      expect([400, 415]).toContain(status)
      expect(JSON.stringify(body)).toMatch(/content-type/i)
      expect(world.livePerson.requests()).toEqual([])
    },
  )

  test.each([
    [['_charset_=UTF-8'], ['_charset_']],
    [['message.dir=rtl'], ['message.dir']],
    [['direction=ltr'], ['direction']],
    [['action=send'], ['action']],
    [['send.x=12', 'send.y=7'], ['send']],
    [
      ['_charset_=UTF-8', 'action=send'],
      ['_charset_', 'action'],
    ],
    [
      ['message.dir=rtl', '_charset_=UTF-8', 'action=send'],
      ['message.dir', '_charset_', 'action'],
    ],
  ])('is told the fields that browsers add to a form: %j', async (added, paths) => {
    const fields = ['requestId=client-extras-1', 'route=order-help', 'message=hi', ...added]
    const { status, body } = await curl('/conversations', ...fields.flatMap((field) => ['-d', field]))
    expect([status, body.errors.map(({ path }: { path: string }) => path).toSorted()]).toEqual([
      400,
      paths.toSorted(),
    ])
    expect(body.requestId).toBe('client-extras-1')
  })

  test.each([
    ['multipart', ['-F', 'route=order-help']],
    ['no type', ['-H', 'content-type:', '-d', '{"route":"order-help"}']],
    ['text', ['-H', 'content-type: text/plain', '-d', '{"route":"order-help"}']],
  ])('is refused with 415: %s', async (_, options) => {
    const { status, body } = await curl('/conversations', ...options)
    expect([status, body.code]).toEqual([415, 'unsupported_media_type'])
  })

  test.each([
    ['a listed', LISTED, 201],
    ['an unlisted', UNLISTED, 403],
    ['a null', 'null', 403],
    ['no', undefined, 201],
  ])('is answered with %s origin: %s %i', async (_, origin, expected) => {
    const from = origin === undefined ? [] : ['-H', `origin: ${origin}`]
    const sent = [...JSON_TYPE, ...from, '-d', JSON.stringify(members())]
    expect((await curl('/conversations', ...sent)).status).toBe(expected)
  })

  test('asks for the status, but HEAD has no route', async () => {
    const body = members()
    await curl('/conversations', ...JSON_TYPE, '-d', JSON.stringify(body))
    expect(await curl(`/conversations/${body.requestId}`)).toMatchObject({ status: 200 })
    const { stdout } = await promisify(execFile)('curl', [
      '-sI',
      `${api.url}/conversations/${body.requestId}`,
    ])
    expect(stdout).toMatch(/^HTTP\/1.1 404 /)
  })
})

describe('fetch of Node.js (undici)', () => {
  const post = (init: RequestInit, { url } = api) =>
    fetch(`${url}/conversations`, { method: 'POST', ...init })
  const json = () => ({ headers: { 'content-type': 'application/json' }, body: JSON.stringify(members()) })

  test.each<[string, () => RequestInit]>([
    ['JSON', json],
    ['JSON in a blob', () => ({ body: new Blob([JSON.stringify(members())], { type: 'application/json' }) })],
    ['JSON as a stream', () => ({ ...json(), body: new Blob([json().body]).stream(), duplex: 'half' })],
    ['a form', () => ({ body: new URLSearchParams(members()) })],
  ])('sends %s', async (_, init) => {
    const response = await post(init())
    expect([response.status, await response.json()]).toEqual([201, expect.objectContaining(OPENED.body)])
    expect(firstMessage()).toMatchObject({ text: 'Grüße' })
  })

  test.each<[string, () => RequestInit]>([
    ['a string, as text/plain', () => ({ body: JSON.stringify(members()) })],
    [
      'FormData, as multipart',
      () => {
        const body = new FormData()
        body.append('route', 'order-help')
        return { body }
      },
    ],
  ])('is refused with 415 if it sends %s', async (_, init) => {
    expect((await post(init())).status).toBe(415)
  })

  test.each([
    ['a listed', LISTED, 201, LISTED],
    ['an unlisted', UNLISTED, 403, null],
    ['a null', 'null', 403, null],
  ])('is answered with %s origin: %s %i', async (_, origin, status, allowed) => {
    const { headers, body } = json()
    const response = await post({ headers: { ...headers, origin }, body })
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([status, allowed])
  })

  test('is accepted from a null origin by a stage that lists it, without CORS headers', async () => {
    const { headers, body } = json()
    const response = await post({ headers: { ...headers, origin: 'null' }, body }, openApi)
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([201, null])
  })

  test('finds the status at the Location, behind a base path, too', async () => {
    const proxy = createServer((incoming, response) => {
      const { method, headers, url = '' } = incoming
      const forwarded = request(`${api.url}${url.replace(/^\/chat/, '')}`, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      })
      incoming.pipe(forwarded)
    })
    const url = `http://127.0.0.1:${await listen(proxy)}/chat`
    world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 50 })
    const response = await post(json(), { url, close: async () => undefined })
    expect(response.status).toBe(202)
    const status = await fetch(new URL(response.headers.get('location') ?? '', response.url))
    expect([status.status, await status.json()]).toEqual([200, expect.objectContaining({ status: 'queued' })])
    expect(new URL(status.url).pathname).toMatch(/^\/chat\/conversations\/client-/)
    await closeServer(proxy)
  })
})
