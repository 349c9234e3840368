import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createThirdParty } from '../../../lib/consumer/third-party.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { createOutbound, type Outbound } from '../../../lib/net/outbound.ts'
import { findFreePorts } from '../../../local/net/listen.ts'
import { type HttpServer, startHttpServer } from '../../support/http-server.ts'

const LIMIT = 256 * 1024

let server: HttpServer

beforeAll(async () => {
  server = await startHttpServer()
})
afterAll(() => server.close())
beforeEach(() => server.reset())

const call = ({ url = server.url, timeoutMs = 10_000 } = {}) =>
  createThirdParty({ outbound: createOutbound(), loopback: true, timeoutMs })({ method: 'GET', url })

test('an answer of any status is returned', async () => {
  server.answerBy((response) => response.writeHead(503).end('busy'))
  expect(await call()).toMatchObject({ status: 503, body: 'busy' })
})

test('a redirect is returned, not followed', async () => {
  server.answerBy((response) => response.writeHead(302, { location: `${server.url}/moved` }).end())
  expect(await call()).toMatchObject({ status: 302 })
  expect(server.requests).toHaveLength(1)
})

test('an answer of up to 256 KB is read', async () => {
  server.answerBy((response) => response.end('x'.repeat(LIMIT)))
  expect((await call()).body).toHaveLength(LIMIT)
  server.answerBy((response) => response.end('x'.repeat(LIMIT + 1)))
  await expect(call()).rejects.toBeInstanceOf(ServiceUnavailableError)
})

test('silence ends with the time limit', async () => {
  server.answerBy(() => undefined)
  const startedAt = performance.now()
  await expect(call({ timeoutMs: 200 })).rejects.toMatchObject({
    code: 'service_unavailable',
    message: 'The identity provider or the bot-check provider did not answer.',
    cause: { name: 'TimeoutError' },
  })
  expect(performance.now() - startedAt).toBeLessThan(3000)
})

test('a connection that is refused makes the service unavailable', async () => {
  const [port] = await findFreePorts(1)
  await expect(call({ url: `http://127.0.0.1:${port}/` })).rejects.toBeInstanceOf(ServiceUnavailableError)
})

describe('an address that is not secure is never called:', () => {
  test.each([
    ['http', 'http://id.example.com/jwks.json', true],
    ['this machine, if LivePerson is not on it', 'http://127.0.0.1:1/jwks.json', false],
    ['a name and password', 'https://user:secret@id.example.com/jwks.json', true],
    ['a password only', 'https://:secret@id.example.com/jwks.json', true],
    ['the metadata service', 'https://169.254.169.254/jwks.json', true],
    ['a private address in hexadecimal', 'https://0xa000001/jwks.json', true],
  ])('%s', async (_, url, loopback) => {
    const called: string[] = []
    const outbound: Outbound = async (request) => {
      called.push(request.url)
      return { kind: 'answer', status: 200, headers: {}, body: '' }
    }
    const work = createThirdParty({ outbound, loopback, timeoutMs: 300 })({ method: 'GET', url })
    await expect(work).rejects.toMatchObject({ code: 'service_unavailable' })
    expect(called).toEqual([])
  })
})
