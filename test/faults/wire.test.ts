import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { buffer } from 'node:stream/consumers'
import { createSecureContext, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import * as z from 'zod'
import { routeTlsTo } from '../../bench/tls-route.ts'
import { isRecord } from '../../lib/request/lenient-json.ts'
import { createCertificate } from '../../local/net/certificate.ts'
import { closeServer, listen } from '../../local/net/listen.ts'
import { patient } from '../support/aws-endpoint.ts'
import { ACCOUNT, ORDER_HELP, startWorld, submit, type World } from '../support/world.ts'

// Forms go through the whole service, and over real sockets and TLS to LivePerson's own names. They lead to a
// server in front of the simulator, which misbehaves when a conversation is created.

const NAMES = {
  domains: 'api.liveperson.net',
  sentinel: 'test.sentinel.liveperson.net',
  idp: 'test.idp.liveperson.net',
  asyncMessagingEnt: 'test.async.liveperson.net',
} as const

const BaseUris = z.object({ baseURIs: z.array(z.object({ service: z.string(), baseURI: z.string() })) })

const FORM_DEADLINE_MS = 2000

const trusted = createCertificate(NAMES.domains, NAMES.sentinel, NAMES.idp, NAMES.asyncMessagingEnt)
const builtIn = getCACertificates('default')
const stranger = createSecureContext(createCertificate(NAMES.asyncMessagingEnt))

type Create = (request: IncomingMessage, response: ServerResponse) => void

let world: World
let simulated: ReadonlyMap<string, string>
let isTrusted = true
let create: Create | undefined
/** The paths of everything that reached the host of conversations. */
let reached: string[] = []

const own = createSecureContext(trusted)
const server = createServer(
  {
    ...trusted,
    SNICallback: (name, done) => done(null, name === NAMES.asyncMessagingEnt && !isTrusted ? stranger : own),
  },
  async (request, response) => {
    const { host = '' } = request.headers
    if (host === NAMES.domains) {
      const { domains, ...hosts } = NAMES
      const baseURIs = Object.entries(hosts).map(([service, baseURI]) => ({ service, baseURI }))
      return void response.end(JSON.stringify({ baseURIs }))
    }
    if (host === NAMES.asyncMessagingEnt) {
      reached.push(request.url ?? '')
      if (create) return create(request, response)
    }
    await forward(request, response)
  },
)

const forward = async (request: IncomingMessage, response: ServerResponse) => {
  const body = await buffer(request)
  const { host, connection, 'content-length': _, ...headers } = request.headers
  const service = Object.entries(NAMES).find(([, name]) => name === host)?.[0] ?? ''
  const answer = await fetch(`http://${simulated.get(service)}${request.url}`, {
    method: 'POST',
    headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
    body,
  })
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
  response.end(await answer.text())
}

beforeAll(async () => {
  world = await startWorld()
  const url = `${world.livePerson.url}/api/account/${ACCOUNT}/service/baseURI.json?version=1.0`
  const { baseURIs } = BaseUris.parse(await (await fetch(url)).json())
  simulated = new Map(baseURIs.map(({ service, baseURI }) => [service, baseURI]))
  setDefaultCACertificates([...builtIn, trusted.cert])
  routeTlsTo(await listen(server))
})
afterAll(async () => {
  setDefaultCACertificates(builtIn)
  server.closeAllConnections()
  await closeServer(server)
  await world.close()
})
beforeEach(() => {
  isTrusted = true
  create = undefined
  reached = []
})

let serial = 0

/** Submits a form. Returns its status, how long it took, and what is known about its conversation. */
const open = async () => {
  const service = world.createService({
    aws: patient,
    config: { domainApiUrl: `https://${NAMES.domains}`, loopback: false, formDeadlineMs: FORM_DEADLINE_MS },
  })
  const requestId = `form-over-tls-${++serial}`
  const startedAt = performance.now()
  const { statusCode } = await submit(service, { requestId, campaign: ORDER_HELP })
  const ms = performance.now() - startedAt
  const item = await service.table.get(`request#${ACCOUNT}#form#nobody#${requestId}`)
  const facts = isRecord(item?.facts) ? item.facts : {}
  const conversation = isRecord(facts.conversation) ? facts.conversation.kind : undefined
  return { statusCode, ms, conversation }
}

test('a form opens its conversation', async () => {
  expect(await open()).toMatchObject({ statusCode: 201, conversation: 'opened' })
  expect(reached).toHaveLength(1)
})

test('a certificate that is not trusted: nothing is sent, so the conversation is not in doubt', async () => {
  isTrusted = false
  expect(await open()).toMatchObject({ statusCode: 202, conversation: 'none' })
  expect(reached).toEqual([])
})

test('a redirect is not followed, and the conversation is in doubt', async () => {
  create = (_, response) => response.writeHead(307, { location: `https://${NAMES.idp}/elsewhere` }).end()
  expect(await open()).toMatchObject({ statusCode: 202, conversation: 'in_doubt' })
  expect(reached).toEqual([expect.stringContaining('/messaging/consumer/conversation')])
})

test('an answer that trickles is cut at the deadline', async () => {
  let isCut = false
  create = (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const timer = setInterval(() => response.write(' '), 20)
    response.on('close', () => {
      clearInterval(timer)
      isCut = true
    })
  }
  const { ms, ...result } = await open()
  expect(result).toEqual({ statusCode: 202, conversation: 'in_doubt' })
  expect(ms).toBeLessThan(FORM_DEADLINE_MS + 1500)
  expect(isCut).toBe(true)
})

test('of an endless answer, about 1 MB is read', async () => {
  let sent = 0
  create = (_, response) => {
    const part = Buffer.alloc(65_536, ' ')
    const write = () => {
      while (!response.destroyed) {
        sent += part.length
        if (!response.write(part)) return void response.once('drain', write)
      }
    }
    write()
  }
  const { ms, ...result } = await open()
  expect(result).toEqual({ statusCode: 202, conversation: 'in_doubt' })
  expect(ms).toBeLessThan(FORM_DEADLINE_MS)
  // The rest fills the buffers of both sockets.
  expect(sent).toBeGreaterThan(1_000_000)
  expect(sent).toBeLessThan(12_000_000)
  console.log(`${(sent / 1e6).toFixed(1)} MB were sent of an endless answer`)
})
