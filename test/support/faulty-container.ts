import { awsOptions } from '../../lib/aws/options.ts'
import {
  createOutbound,
  type Outbound,
  type OutboundRequest,
  type OutboundResult,
} from '../../lib/net/outbound.ts'
import { createRandom, type Random } from './random.ts'
import type { Service, World } from './world.ts'

/**
 * What may go wrong at one external step. The simulator causes LivePerson's faults, the container all others.
 */
export interface Plan {
  /** Probabilities, 0 to 1, by name of the fault. */
  readonly livePerson: (step: string) => Readonly<Record<string, number>>
  readonly aws: (service: string) => Readonly<Record<string, number>>
  /**
   * Whether the process is killed before or after a step. `index` counts the steps of one invocation from 0.
   */
  readonly kill: (random: Random, index: number, phase: 'before' | 'after', step: string) => boolean
}

export const NO_FAULTS: Plan = { livePerson: () => ({}), aws: () => ({}), kill: () => false }

/** Can change requests to AWS and their answers, to switch off a safeguard from outside. */
export interface Tap {
  readonly request?: (target: string, body: Record<string, unknown>) => void
  readonly answer?: (target: string, body: Record<string, unknown>) => void
}

export interface Fabric {
  readonly world: World
  readonly now: () => number
  readonly plan: () => Plan
  readonly strike: (name: string) => void
  /** Called with the step at which a process was killed. */
  readonly killedAt: (step: string) => void
  readonly createService: (seams: Parameters<World['createService']>[0]) => Service
  /**
   * Called when a record's visibility timeout changes, in seconds. The queue itself gets 0, so that no test
   * waits.
   */
  readonly onVisibility: (receiptHandle: string, seconds: number) => void
  /** Called with the body of each message that is sent, and its delay in seconds. The queue itself gets 0. */
  readonly onDelay?: (body: string, seconds: number) => void
  readonly tap?: Tap
}

/** Returns a fabric that follows `plan` and counts nothing. */
export const createFabric = (
  world: World,
  plan: () => Plan,
  options?: Parameters<World['createService']>[0],
): Fabric => ({
  world,
  now: world.livePerson.clock.now,
  plan,
  strike: () => undefined,
  killedAt: () => undefined,
  createService: (seams) => world.createService({ ...seams, ...options }),
  onVisibility: () => undefined,
})

export type Container = ReturnType<typeof createContainer>

/**
 * Returns a Lambda container. It runs one invocation at a time, and its caches are kept between invocations.
 * Each external step, to LivePerson or AWS, may fail, and the whole container may be killed before or after
 * it. A killed container does nothing more.
 */
export const createContainer = (fabric: Fabric) => {
  let random: Random = createRandom('start')
  let struck = false
  let dead = false
  let steps = 0
  let die: () => void = () => undefined
  const death = new Promise<'killed'>((resolve) => {
    die = () => resolve('killed')
  })
  const strike = (name: string) => {
    struck = true
    fabric.strike(name)
  }
  const draw = (faults: Readonly<Record<string, number>>): string | undefined => {
    let at = random.next()
    for (const [name, probability] of Object.entries(faults)) {
      if (at < probability) return name
      at -= probability
    }
    return undefined
  }
  const never = () => new Promise<never>(() => undefined)

  /** Performs a step, unless the process is killed before or right after it. */
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const index = steps++
    const mayDie = (phase: 'before' | 'after') => {
      if (dead || !fabric.plan().kill(random, index, phase, name)) return dead
      strike('process killed')
      fabric.killedAt(name)
      dead = true
      die()
      return true
    }
    if (mayDie('before')) return never()
    try {
      return await work()
    } finally {
      if (mayDie('after')) await never()
    }
  }

  const call = createOutbound()
  const outbound: Outbound = (request) => {
    const name = livePersonStep(request.url)
    const fault = draw(fabric.plan().livePerson(name))
    return step(name, async () => {
      if (fault === undefined) return call(request)
      strike(`LivePerson ${fault}`)
      return call({ ...request, headers: { ...request.headers, 'x-fault': fault } })
    })
  }

  const downUntil = new Map<string, string>()
  const awsOutbound: Outbound = async (request) => {
    const { headers = {} } = request
    const target = String(headers['x-amz-target']).replace(/^.*\./, '')
    const invocation = String(headers['amz-sdk-invocation-id'])
    const isFirst = String(headers['amz-sdk-request']).startsWith('attempt=1')
    const fault = isFirst ? draw(fabric.plan().aws(awsName(target))) : downUntil.get(invocation)
    if (isFirst && fault !== undefined) strike(`${awsName(target)} ${fault}`)
    if (fault === 'down') downUntil.set(invocation, fault)
    return step(target, async () => {
      if (fault === 'down') return { kind: 'not_sent', cause: withCode('ECONNREFUSED') }
      if (fault === 'throttled') return throttled(target)
      const result = await pass(request, target)
      return fault === 'lost answer' && isFirst
        ? { kind: 'may_have_been_sent', cause: withCode('ECONNRESET') }
        : result
    })
  }

  const pass = async (request: OutboundRequest, target: string): Promise<OutboundResult> => {
    const body = JSON.parse(request.body ?? '{}')
    if (target === 'ChangeMessageVisibility') {
      fabric.onVisibility(body.ReceiptHandle, body.VisibilityTimeout)
      body.VisibilityTimeout = 0
    }
    if (target === 'SendMessage') {
      fabric.onDelay?.(body.MessageBody, body.DelaySeconds ?? 0)
      delete body.DelaySeconds
    }
    fabric.tap?.request?.(target, body)
    const { 'content-length': _, ...headers } = request.headers ?? {}
    const result = await awsOptions.outbound({ ...request, headers, body: JSON.stringify(body) })
    if (!fabric.tap?.answer || result.kind !== 'answer') return result
    const said = JSON.parse(result.body || '{}')
    fabric.tap.answer(target, said)
    return { ...result, body: JSON.stringify(said) }
  }

  const service = fabric.createService({
    outbound,
    now: fabric.now,
    aws: { ...awsOptions, outbound: awsOutbound },
  })

  return {
    service,
    isDead: () => dead,
    wasStruck: () => struck,
    /** Returns the number of external steps of the last invocation. */
    steps: () => steps,
    /** Runs an invocation until it ends or the container is killed. */
    run: async <T>(seed: string, invoke: (service: Service) => Promise<T>): Promise<T | 'killed'> => {
      random = createRandom(seed)
      struck = false
      steps = 0
      return Promise.race([invoke(service), death])
    },
    /** Kills the process at once. */
    kill: () => {
      dead = true
      die()
    },
  }
}

const livePersonStep = (url: string) => {
  if (url.includes('/baseURI')) return 'Domain API'
  if (url.includes('/sentinel/')) return 'Sentinel'
  if (url.includes('/conversation/send')) return 'SEND'
  return url.includes('/conversation') ? 'CONVERSATION' : 'IDP'
}

const awsName = (target: string) => {
  if (target === 'GetSecretValue') return 'Secrets Manager'
  return /Item/.test(target) ? 'DynamoDB' : 'SQS'
}

const withCode = (code: string) => Object.assign(new Error('There is no answer'), { code })

const throttled = (target: string): OutboundResult => {
  const type =
    awsName(target) === 'DynamoDB' ? 'ProvisionedThroughputExceededException' : 'ThrottlingException'
  return {
    kind: 'answer',
    status: 400,
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-errortype': type },
    body: JSON.stringify({ __type: `com.amazonaws#${type}`, message: 'Slow down' }),
  }
}
