import type { ReadSecret } from '../../lib/account/secrets.ts'
import type { Queues } from '../../lib/aws/queues.ts'
import type { StateTable } from '../../lib/aws/state-table.ts'
import { ServiceUnavailableError } from '../../lib/errors/errors.ts'
import type { Outbound, OutboundRequest, OutboundResult } from '../../lib/net/outbound.ts'
import type { Answer } from '../../local/liveperson/http/answer.ts'
import { toReceived } from '../../local/liveperson/state/journal.ts'
import type { Container } from './container.ts'
import { type AwsFault, type Faults, type LivePersonFault, numbersFor, plainFault } from './faults.ts'
import type { SimulatedLivePerson } from './liveperson.ts'
import type { VirtualTime } from './time.ts'
import type { Trace } from './trace.ts'

export interface Odds {
  readonly livePerson: (service: string) => Readonly<Partial<Record<LivePersonFault, number>>>
  readonly aws: (operation: string) => Readonly<Partial<Record<AwsFault, number>>>
}

interface NetworkOptions {
  readonly seed: string
  readonly time: VirtualTime
  readonly faults: Faults
  readonly odds: Odds
  readonly trace: Trace
  readonly livePerson: SimulatedLivePerson
  /** Called when a container reads the id of the conversation that it opened. */
  readonly onRead: (container: Container, key: string, conversationId: string) => void
  /** Whether LivePerson is down for this account at the moment. */
  readonly isInTrouble: (accountId: string) => boolean
}

/** The shortest and the longest duration of a call without a fault, in milliseconds. */
const LIVEPERSON_MS = [20, 80] as const
const AWS_MS = [2, 8] as const
const CONNECT_TIMEOUT_MS = 10_000

/**
 * Returns a container's ways out: the seams `outbound`, `table`, `queues` and `readSecret`. Every call takes
 * time, and a fault may strike it.
 */
export const createNetwork = (options: NetworkOptions) => {
  const { seed, time, faults, odds, trace, livePerson, isInTrouble, onRead } = options
  const calls = new Map<string, number>()

  /** Returns the name of a call, which is the same in every run of the seed. */
  const pointOf = (name: string): string => {
    const count = (calls.get(name) ?? 0) + 1
    calls.set(name, count)
    return `${name} #${count}`
  }

  const reset = (cause: string): OutboundResult => ({ kind: 'may_have_been_sent', cause: new Error(cause) })
  const refused = (cause: string): OutboundResult => ({ kind: 'not_sent', cause: new Error(cause) })
  const answered = ({ status, headers, body }: Answer): OutboundResult => ({
    kind: 'answer',
    status,
    headers,
    body,
  })

  /** Makes a call that takes `ms`. LivePerson carries it out halfway through. */
  const carryOut = async (request: OutboundRequest, ms: number): Promise<OutboundResult> => {
    await time.sleep(Math.min(ms / 2, request.timeoutMs))
    const late = ms / 2 >= request.timeoutMs
    // LivePerson carries out what was sent, even if nobody waits for the answer anymore.
    if (late) time.after(ms / 2 - request.timeoutMs, () => void livePerson.carryOut(request))
    if (late) return reset('timeout')
    const answer = await livePerson.carryOut(request)
    await time.sleep(Math.min(ms / 2, request.timeoutMs - ms / 2))
    return ms > request.timeoutMs ? reset('timeout') : answered(answer)
  }

  const struck = async (
    fault: LivePersonFault,
    request: OutboundRequest,
    ms: number,
    numbers: ReturnType<typeof numbersFor>,
  ): Promise<OutboundResult> => {
    const wait = (time_: number) => time.sleep(Math.min(time_, request.timeoutMs))
    const instead = async (status: number, body: string, headers = {}): Promise<OutboundResult> => {
      await wait(ms)
      return { kind: 'answer', status, headers: { 'content-type': 'application/json', ...headers }, body }
    }
    const after = async (result: OutboundResult): Promise<OutboundResult> => {
      const carried = await carryOut(request, ms)
      return carried.kind === 'answer' ? result : carried
    }
    const html = '<html><body>Something went wrong</body></html>'
    switch (plainFault(fault)) {
      case 'connection refused':
        await wait(1)
        return refused('ECONNREFUSED')
      case 'black hole':
        await wait(CONNECT_TIMEOUT_MS)
        return request.timeoutMs > CONNECT_TIMEOUT_MS ? refused('connect timeout') : reset('timeout')
      case 'reset before':
        await wait(ms / 2)
        return reset('ECONNRESET')
      case 'reset after':
        return after(reset('ECONNRESET'))
      case 'silent before':
        await time.sleep(request.timeoutMs)
        return reset('timeout')
      case 'silent after':
        await carryOut(request, ms)
        await time.sleep(Math.max(0, request.timeoutMs - ms))
        return reset('timeout')
      case 'slow':
        return carryOut(request, 2000 + numbers.below(10_000))
      case 'half an answer':
        return after(reset('aborted'))
      case '429':
        return instead(429, '')
      case '429 with Retry-After':
        return instead(429, '', { 'retry-after': String(1 + numbers.below(20)) })
      case '503 before':
        return instead(503, '{"kind":"resp","code":503,"body":{"errorCode":50300}}')
      case '502 after':
        return after({ kind: 'answer', status: 502, headers: {}, body: '' })
      case 'HTML 503 before':
        return instead(503, html, { 'content-type': 'text/html' })
      case 'HTML 200 after':
        return after({ kind: 'answer', status: 200, headers: { 'content-type': 'text/html' }, body: html })
      case 'HTML 403':
        return instead(403, html, { 'content-type': 'text/html' })
      case 'bare 404':
        return instead(404, '')
      case 'JSON 403 Forbidden':
        return instead(403, '{"message":"Forbidden"}')
      case 'unknown wording':
        return instead(
          400,
          '[{"code":"BAD_REQUEST","body":{"msg":"The request could not be processed"},"reqId":"0"}]',
        )
      case 'unknown item code':
        return instead(400, `[{"code":${numbers.pick([500, 502, 503, 429])},"body":{},"reqId":"0"}]`)
      case 'AppJWT expired':
        return instead(
          401,
          '{"kind":"resp","code":401,"body":{"errorCode":40102},"type":".ReqBody$ErrorResp"}',
        )
      case 'ConsumerJWS revoked':
        return instead(
          401,
          '{"kind":"resp","code":401,"body":{"errorCode":40103},"type":".ReqBody$ErrorResp"}',
        )
    }
  }

  const outboundOf =
    (container: Container): Outbound =>
    async (request) => {
      const { service, accountId = '' } = toReceived({
        at: 0,
        method: request.method,
        path: new URL(request.url).pathname,
        headers: {},
        body: '',
      })
      const point = pointOf(`${service} ${subjectOf(service, request) ?? `${container.name} ${accountId}`}`)
      const freezes = container.freezes()
      return container.step(point, async () => {
        // A freeze kills the container's sockets, but the call notices only after it has written the request.
        if (container.freezes() > freezes) return reset('ECONNRESET')
        const numbers = numbersFor(seed, point)
        const [from, to] = LIVEPERSON_MS
        const ms = numbers.between(from, to)
        if (!livePerson.isListening(request.url)) {
          await time.sleep(1)
          return refused('ECONNREFUSED')
        }
        if (isInTrouble(accountId)) {
          await time.sleep(request.timeoutMs)
          trace.add(container.name, `${point}: no answer, the account is in trouble`)
          return reset('timeout')
        }
        const fault = faults.strike(point, odds.livePerson(service))
        const result = fault ? await struck(fault, request, ms, numbers) : await carryOut(request, ms)
        trace.add(
          container.name,
          `${point}: ${fault ? `${fault}, ` : ''}${result.kind === 'answer' ? result.status : result.kind}`,
        )
        const read = service === 'conversation' && result.kind === 'answer' ? idRead(result.body) : undefined
        if (read !== undefined) onRead(container, subjectOf(service, request) ?? '', read)
        return result
      })
    }

  /** Makes a call to AWS. With a fault, it fails before or after AWS has done the work. */
  const aws = async <T>(
    container: Container,
    name: string,
    operation: string,
    run: () => Promise<T>,
  ): Promise<T> => {
    const point = pointOf(name)
    return container.step(point, async () => {
      const numbers = numbersFor(seed, point)
      const [from, to] = AWS_MS
      const fault = faults.strike(point, odds.aws(operation))
      await time.sleep(numbers.between(from, to))
      const fail = () => new ServiceUnavailableError({ detail: `${operation} did not respond.` })
      if (fault) trace.add(container.name, `${point}: ${fault}`)
      if (fault === 'AWS throttles' || fault === 'AWS is down') throw fail()
      const result = await run()
      if (fault === 'AWS is slow') await time.sleep(500 + numbers.below(1500))
      if (fault === 'AWS answer lost') throw fail()
      if (!fault) trace.add(container.name, point)
      return result
    })
  }

  return {
    outboundOf,

    tableOf: (container: Container, table: StateTable): StateTable => ({
      get: (pk) => aws(container, `get ${pk}`, 'DynamoDB', () => table.get(pk)),
      getMany: (pks) => aws(container, `getMany ${pks[0]}`, 'DynamoDB', () => table.getMany(pks)),
      putMany: (items) =>
        aws(container, `putMany ${String(items[0]?.pk)}`, 'DynamoDB', () => table.putMany(items)),
      update: (update) => aws(container, `update ${update.pk}`, 'DynamoDB', () => table.update(update)),
    }),

    queuesOf: (container: Container, queues: Queues): Queues => ({
      send: (body, delayMs) => aws(container, `send ${idIn(body)}`, 'SQS', () => queues.send(body, delayMs)),
      quarantine: (body, reason) =>
        aws(container, `quarantine ${reason.requestId}`, 'SQS', () => queues.quarantine(body, reason)),
      delay: (handle, delayMs) =>
        aws(container, `delay ${handle}`, 'SQS', () => queues.delay(handle, delayMs)),
    }),

    readSecretOf:
      (container: Container, readSecret: ReadSecret): ReadSecret =>
      (secretId, stage) =>
        aws(container, `secret ${container.name} ${secretId} ${stage}`, 'Secrets Manager', () =>
          readSecret(secretId, stage),
        ),
  }
}

/** Returns what a call is about. This way, its name doesn't depend on the container that makes it. */
const subjectOf = (service: string, { body = '', headers = {} }: OutboundRequest): string | undefined => {
  switch (service) {
    case 'idp':
      return /"ext_consumer_id":"([^"]*)"/.exec(body)?.[1]
    case 'conversation':
      return /"sessionId":"([^"]*)"/.exec(body)?.[1]
    case 'send':
      return `${/"conversationId":"([^"]*)"/.exec(body)?.[1]} ${headers['x-lp-on-behalf']?.length ?? 0}`
    default:
      return undefined
  }
}

const idRead = (body: string): string | undefined => /"conversationId":"([^"]*)"/.exec(body)?.[1]

const idIn = (body: string): string => /"requestId":"([^"]*)"/.exec(body)?.[1] ?? ''
