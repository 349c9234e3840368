import type { ReadSecret } from '../../lib/account/secrets.ts'
import type { Queues } from '../../lib/aws/queues.ts'
import type { StateTable } from '../../lib/aws/state-table.ts'
import { ServiceUnavailableError } from '../../lib/errors/errors.ts'
import type { Outbound, OutboundRequest, OutboundResult } from '../../lib/net/outbound.ts'
import type { Answer } from '../../local/liveperson/http/answer.ts'
import { toReceived } from '../../local/liveperson/state/journal.ts'
import type { Container } from './container.ts'
import {
  type AwsFault,
  type Fate,
  type Faults,
  type LivePersonFault,
  numbersFor,
  plainFault,
} from './faults.ts'
import type { SimulatedLivePerson } from './liveperson.ts'
import type { VirtualTime } from './time.ts'
import type { Trace } from './trace.ts'
import type { Witness } from './witness.ts'

export interface Odds {
  readonly livePerson: (service: string) => Readonly<Partial<Record<LivePersonFault, number>>>
  readonly aws: (operation: string) => Readonly<Partial<Record<AwsFault, number>>>
  readonly fates: Readonly<Partial<Record<Fate, number>>>
}

/** How an account is in trouble. */
export type TroubleKind = 'silent' | 'refused' | 'black hole' | '503'

const TROUBLES = {
  silent: 'silent before',
  refused: 'connection refused',
  'black hole': 'black hole',
  '503': '503 before',
} as const satisfies Readonly<Record<TroubleKind, LivePersonFault>>

interface NetworkOptions {
  readonly seed: string
  readonly time: VirtualTime
  readonly faults: Faults
  readonly odds: Odds
  readonly trace: Trace
  readonly livePerson: SimulatedLivePerson
  readonly witness: Witness
  /** Called when a container reads the id of the conversation that it opened. */
  readonly onRead: (container: Container, key: string, conversationId: string) => void
  /** How LivePerson fails for this account at the moment. Undefined: it doesn't. */
  readonly troubleOf: (accountId: string) => TroubleKind | undefined
  /** Returns the request of a receipt handle. */
  readonly recordOf: (receiptHandle: string) => string
}

/** The shortest and the longest duration of a call without a fault, in milliseconds. */
const LIVEPERSON_MS = [20, 80] as const
const AWS_MS = [2, 8] as const
/** As in lib/net/outbound.ts. */
const CONNECT_TIMEOUT_MS = 1500

/**
 * A record that is parked again and again meets no more faults after this many calls: at the odds of a run, its
 * copies would soon outnumber all other records.
 */
const ROUTINE_AFTER = 20

/** Faults after which the service doesn't know whether AWS has done the work, or knows that it hasn't. */
const FAILING: readonly AwsFault[] = ['AWS throttles', 'AWS is down', 'AWS answer lost']

interface Call {
  readonly container: Container
  readonly service: string
  readonly accountId: string
  readonly key: string
  readonly point: string
  readonly request: OutboundRequest
}

/**
 * Returns a container's ways out: the seams `outbound`, `table`, `queues` and `readSecret`. Every call takes
 * time, and a fault may strike it.
 */
export const createNetwork = (options: NetworkOptions) => {
  const { seed, time, faults, odds, trace, livePerson, witness, troubleOf, onRead, recordOf } = options
  const calls = new Map<string, number>()
  const fates = new Map<string, Fate | undefined>()
  /** Answers that LivePerson gave itself. */
  const genuine = new WeakSet<OutboundResult>()

  const countOf = (name: string): number => {
    const count = (calls.get(name) ?? 0) + 1
    calls.set(name, count)
    return count
  }

  /** Returns the name of a call, which is the same in every run of the seed. */
  const pointOf = (name: string): string => `${name} #${countOf(name)}`

  const fateOf = (key: string): Fate | undefined => {
    if (!fates.has(key)) fates.set(key, faults.strike(`creates of ${key}`, odds.fates))
    return faults.areOn() ? fates.get(key) : undefined
  }

  /** Makes a call that takes `ms`. LivePerson carries it out halfway through. */
  const carryOut = async (request: OutboundRequest, ms: number): Promise<OutboundResult> => {
    await time.sleep(Math.min(ms / 2, request.timeoutMs))
    const late = ms / 2 >= request.timeoutMs
    // LivePerson carries out what was sent, even if nobody waits for the answer anymore.
    if (late) time.after(ms / 2 - request.timeoutMs, () => void livePerson.carryOut(request))
    if (late) return lost('timeout')
    const answer = await livePerson.carryOut(request)
    await time.sleep(Math.min(ms / 2, request.timeoutMs - ms / 2))
    if (ms > request.timeoutMs) return lost('timeout')
    const result = answered(answer)
    genuine.add(result)
    return result
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
        return notSent('ECONNREFUSED')
      case 'black hole':
        await wait(CONNECT_TIMEOUT_MS)
        return notSent('connect timeout')
      case 'reset before':
        await wait(ms / 2)
        return lost('ECONNRESET')
      case 'reset after':
        return after(lost('ECONNRESET'))
      case 'silent before':
        await time.sleep(request.timeoutMs)
        return lost('timeout')
      case 'silent after':
        await carryOut(request, ms)
        await time.sleep(Math.max(0, request.timeoutMs - ms))
        return lost('timeout')
      case 'slow':
        return carryOut(request, 2000 + numbers.below(10_000))
      case 'half an answer':
        return after(lost('aborted'))
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
        return instead(400, unknownWording(request, numbers.below(3)))
      case 'unknown item code':
        return instead(400, `[{"code":${numbers.pick([500, 502, 503, 429])},"body":{},"reqId":"0"}]`)
      case 'refused as documented': {
        const result = await instead(400, refusal(request))
        genuine.add(result)
        return result
      }
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

  /**
   * A call that a freeze met before it was written. It leaves late, unless the client notices that its time is
   * over or that the connection is closed. Whether it does is a race.
   */
  const afterFreeze = async (call: Call, lateMs: number, ms: number): Promise<OutboundResult> => {
    const { request, point } = call
    const leftMs = request.timeoutMs - lateMs
    const numbers = numbersFor(seed, `${point} after a freeze`)
    switch (numbers.pick(['noticed', 'closed', 'leaves', 'leaves'])) {
      case 'noticed':
        return leftMs > 0 ? carryOut({ ...request, timeoutMs: leftMs }, ms) : notSent('no time was left')
      case 'closed':
        return lost('ECONNRESET')
      default:
        if (leftMs > ms) return carryOut({ ...request, timeoutMs: leftMs }, ms)
        trace.add(call.container.name, `${point}: leaves after the freeze`)
        time.after(ms / 2, () => void livePerson.carryOut(request))
        return lost('timeout')
    }
  }

  const perform = async (call: Call): Promise<{ result: OutboundResult; note: string }> => {
    const { container, service, accountId, key, point, request } = call
    const numbers = numbersFor(seed, point)
    const [from, to] = LIVEPERSON_MS
    const ms = numbers.between(from, to)
    if (!livePerson.isListening(request.url)) {
      await time.sleep(1)
      return { result: notSent('ECONNREFUSED'), note: '' }
    }
    const trouble = service === 'domain' ? undefined : troubleOf(accountId)
    if (trouble)
      return {
        result: await struck(TROUBLES[trouble], request, ms, numbers),
        note: `the account is in trouble (${trouble}), `,
      }
    const fate = service === 'conversation' ? fateOf(key) : undefined
    const fault = faults.strike(point, odds.livePerson(service)) ?? faultOf(fate)
    const { freezes } = container
    const before = freezes()
    const result = fault ? await struck(fault, request, ms, numbers) : await carryOut(request, ms)
    // The other side closed the connection of a frozen container.
    const isCut = freezes() > before && result.kind === 'answer' && numbers.chance(0.5)
    return {
      result: isCut ? lost('ECONNRESET') : result,
      note: `${fault ? `${fault}, ` : ''}${isCut ? 'cut by a freeze, ' : ''}`,
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
      const key = keyOf(service, request, livePerson) ?? `${container.name} ${accountId}`
      const point = pointOf(`${service} ${key}`)
      const call: Call = { container, service, accountId, key, point, request }
      const startedAt = time.now()
      const freezes = container.freezes()
      if (service === 'conversation' && fateOf(key) === 'every create kills its container')
        container.kill(`killed by ${point}`)
      const result = await container.step(point, async () => {
        const isLate = container.freezes() > freezes
        if (!isLate) witness.called(container.name, service, accountId, key)
        const { result, note } = isLate
          ? { result: await afterFreeze(call, time.now() - startedAt, 50), note: 'after a freeze, ' }
          : await perform(call)
        trace.add(
          container.name,
          `${point}: ${note}${result.kind === 'answer' ? result.status : result.kind}`,
        )
        witness.answered(service, key, result, genuine.has(result))
        const read = service === 'conversation' && result.kind === 'answer' ? idRead(result.body) : undefined
        if (read !== undefined) onRead(container, key, read)
        return result
      })
      if (service === 'conversation') witness.read(container.name, accountId, result)
      return result
    }

  /** Makes a call to AWS. With a fault, it fails before or after AWS has done the work. */
  const aws = async <T>(
    container: Container,
    name: string,
    operation: string,
    run: () => Promise<T>,
    onFault: (fault: AwsFault) => void = () => undefined,
  ): Promise<T> => {
    const count = countOf(name)
    const point = `${name} #${count}`
    const isRoutine = count > ROUTINE_AFTER
    return container.step(point, async () => {
      const numbers = numbersFor(seed, point)
      const [from, to] = AWS_MS
      const fault = isRoutine ? undefined : faults.strike(point, odds.aws(operation))
      await time.sleep(numbers.between(from, to))
      trace.add(container.name, fault ? `${point}: ${fault}` : point)
      if (!fault) return run()
      onFault(fault)
      const fail = () => new ServiceUnavailableError({ detail: `${operation} did not respond.` })
      switch (fault) {
        case 'AWS throttles':
          await time.sleep(numbers.between(50, 600))
          if (numbers.chance(0.25)) throw fail()
          return run()
        case 'AWS is down':
          await time.sleep(numbers.pick([1, 1500]))
          throw fail()
        case 'AWS answer lost':
          await run()
          throw fail()
        case 'AWS call repeated':
          await run()
          await time.sleep(numbers.between(50, 1100))
          return run()
        case 'AWS is slow': {
          const result = await run()
          await time.sleep(500 + numbers.below(1500))
          return result
        }
      }
    })
  }

  return {
    outboundOf,

    tableOf: (container: Container, table: StateTable): StateTable => ({
      get: (pk) =>
        pk.startsWith('account#')
          ? aws(
              container,
              `get ${pk} by ${container.name}`,
              'DynamoDB',
              () => table.get(pk),
              () => witness.excuse(container.name),
            )
          : aws(container, `get ${pk}`, 'DynamoDB', () => table.get(pk)),
      getMany: (pks) => aws(container, `getMany ${pks[0]}`, 'DynamoDB', () => table.getMany(pks)),
      update: (update) =>
        aws(
          container,
          `update ${update.pk}`,
          'DynamoDB',
          async () => {
            const result = await table.update(update)
            if (result.applied && update.add?.attempts === 1) witness.claimed(update.pk)
            return result
          },
          (fault) => {
            if (FAILING.includes(fault)) witness.failedWrite(update.pk, fault === 'AWS answer lost')
          },
        ),
    }),

    queuesOf: (container: Container, queues: Queues): Queues => ({
      handOver: (body, given) =>
        aws(container, `hand-over ${idIn(body)}`, 'SQS', () => queues.handOver(body, given)),
      quarantine: (body, reason) =>
        aws(container, `quarantine ${reason.requestId}`, 'SQS', () => queues.quarantine(body, reason)),
      delay: (queue, handle, delayMs) =>
        aws(container, `delay ${recordOf(handle)}`, 'SQS', () => queues.delay(queue, handle, delayMs)),
    }),

    readSecretOf:
      (container: Container, readSecret: ReadSecret): ReadSecret =>
      (secretId, stage) =>
        aws(container, `secret ${container.name} ${secretId} ${stage}`, 'Secrets Manager', () =>
          readSecret(secretId, stage),
        ),
  }
}

const lost = (cause: string): OutboundResult => ({ kind: 'may_have_been_sent', cause: new Error(cause) })

const notSent = (cause: string): OutboundResult => ({ kind: 'not_sent', cause: new Error(cause) })

const answered = ({ status, headers, body }: Answer): OutboundResult => ({
  kind: 'answer',
  status,
  headers,
  body,
})

const faultOf = (fate: Fate | undefined): LivePersonFault | undefined => {
  switch (fate) {
    case 'every create is forbidden':
      return 'HTML 403'
    case 'every create is answered 503':
      return '503 before'
    default:
      return undefined
  }
}

/** Returns LivePerson's documented refusal. A conversation's profile is accepted nevertheless. */
const refusal = ({ body = '' }: OutboundRequest): string => {
  const [first = '0', conversation] = idsIn(body)
  const refuse = (reqId: string) => ({ code: 'BAD_REQUEST', body: { msg: 'It is not published.' }, reqId })
  return JSON.stringify(
    conversation === undefined
      ? refuse(first)
      : [{ code: 'OK', body: {}, reqId: first }, refuse(conversation)],
  )
}

const idsIn = (body: string): readonly string[] =>
  [...body.matchAll(/"id":"([^"]{36})"/g)].map(([, id = '']) => id)

/** Returns a refusal in words that LivePerson doesn't document. Some mean that a conversation is open. */
const unknownWording = ({ body = '' }: OutboundRequest, variant: number): string => {
  const reqId = variant === 0 ? '0' : (idsIn(body).at(-1) ?? '0')
  const msg = variant === 1 ? 'The consumer has an active conversation' : 'The request is not acceptable'
  return JSON.stringify([{ code: variant === 2 ? 'NOT_ACCEPTABLE' : 'BAD_REQUEST', body: { msg }, reqId }])
}

/** Returns what a call is about. This way, its name doesn't depend on the container that makes it. */
const keyOf = (
  service: string,
  { body = '' }: OutboundRequest,
  { state }: SimulatedLivePerson,
): string | undefined => {
  switch (service) {
    case 'idp':
      return /"ext_consumer_id":"([^"]*)"/.exec(body)?.[1]
    case 'conversation':
      return sessionIn(body)
    case 'send': {
      const ofMessage = /"message":"[^"]*message of ([^"]*)"/.exec(body)?.[1]
      if (ofMessage !== undefined) return ofMessage
      const conversationId = /"dialogId":"([^"]*)"/.exec(body)?.[1] ?? ''
      return `to ${state.store.conversations.get(conversationId)?.context?.sessionId}`
    }
    default:
      return undefined
  }
}

/** Returns the key of a request in a body of it, in every form that the service gives it. */
export const sessionIn = (body: string): string => /"sessionId":"([^"]*)"/.exec(body)?.[1] ?? ''

const idRead = (body: string): string | undefined => /"conversationId":"([^"]*)"/.exec(body)?.[1]

const idIn = (body: string): string => /"requestId":"([^"]*)"/.exec(body)?.[1] ?? ''
