import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { text } from 'node:stream/consumers'
import * as z from 'zod'
import { listen } from '../../local/net/listen.ts'
import { createAws } from './aws.ts'
import { createCounter } from './counter.ts'
import { createLivePerson, serviceOf } from './liveperson.ts'

/** How the process is started: the first argument, as JSON. */
export const StandInOptions = z.object({
  /** The keys of the consumers' identity provider. */
  keys: z.object({ keys: z.array(z.unknown()) }),
  /** The delays of answers, in milliseconds. */
  livePersonMs: z.number(),
  awsMs: z.number(),
  /** With TLS, the names are the real ones. */
  tls: z.object({ key: z.string(), cert: z.string() }).optional(),
})

/**
 * The one process that stands in for LivePerson, DynamoDB and Secrets Manager. Tells its parent the port, and
 * after each message the calls since the last one.
 */
const main = async (argument: string): Promise<void> => {
  const { keys, livePersonMs, awsMs, tls } = StandInOptions.parse(JSON.parse(argument))
  let port = 0
  const hostOf = (service: string) =>
    tls ? `bench.${service.toLowerCase()}.liveperson.net` : `127.0.0.1:${port}`
  const livePerson = createLivePerson(hostOf, keys)
  const aws = createAws(livePerson.hosts)
  const counter = createCounter()

  const answer: RequestListener = async (request, response) => {
    const body = await text(request)
    const { url = '' } = request
    const target = request.headers['x-amz-target']
    if (typeof target === 'string') {
      const members = aws(target, JSON.parse(body))
      const service = serviceOfTarget(target)
      counter.start(members ? service : 'unknown')
      return later(awsMs, () => {
        counter.end(service)
        send(response, members, 'application/x-amz-json-1.0')
      })
    }
    const service = serviceOf(url)
    counter.start(service ?? 'unknown')
    const members = service && livePerson.answer(service, { path: url, body })
    later(livePersonMs, () => send(response, members, 'application/json'))
  }

  const server = tls ? createTlsServer(tls, answer) : createServer(answer)
  // Longer than any pause between two rounds.
  server.keepAliveTimeout = 60_000
  port = await listen(server)
  process.on('message', () => process.send?.({ calls: counter.take() }))
  process.on('disconnect', () => process.exit())
  process.send?.({ port })
}

const serviceOfTarget = (target: string) => {
  if (!target.startsWith('DynamoDB')) return 'secrets'
  return target.endsWith('GetItem') ? 'dynamodbReads' : 'dynamodbWrites'
}

const later = (ms: number, work: () => void): void => {
  if (ms > 0) setTimeout(work, ms)
  else work()
}

const send = (response: ServerResponse<IncomingMessage>, members: object | undefined, type: string): void => {
  const body = JSON.stringify(members ?? { message: 'The benchmark has no such call.' })
  response.writeHead(members ? 200 : 501, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

const [, , argument] = process.argv
if (argument !== undefined) await main(argument)
