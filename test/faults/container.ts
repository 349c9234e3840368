import { Readable } from 'node:stream'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { AwsOptions } from '../../lib/aws/options.ts'
import { createOutbound } from '../../lib/net/outbound.ts'
import type { Service, World } from '../support/world.ts'
import { createRandom, type Random } from './random.ts'

/** What may happen at one step outside: at LivePerson by the simulator, at AWS and to the process by this container. */
export interface Plan {
  /** Probabilities, 0 to 1, by name of the fault. */
  readonly livePerson: (step: string) => Readonly<Record<string, number>>
  readonly aws: (service: string) => Readonly<Record<string, number>>
  /** Whether the process dies before or after a step, the index counting the steps of one invocation from 0. */
  readonly kill: (random: Random, index: number, phase: 'before' | 'after', step: string) => boolean
}

export const NO_FAULTS: Plan = { livePerson: () => ({}), aws: () => ({}), kill: () => false }

type AwsRequest = Parameters<NodeHttpHandler['handle']>[0]
type AwsAnswer = Awaited<ReturnType<NodeHttpHandler['handle']>>

/** Sees and may change what goes to AWS and what comes back: how a safeguard is turned off from outside. */
export interface Tap {
  readonly request?: (target: string, body: Record<string, unknown>) => void
  readonly answer?: (target: string, body: Record<string, unknown>) => void
}

export interface Fabric {
  readonly world: World
  readonly now: () => number
  readonly plan: () => Plan
  readonly strike: (name: string) => void
  /** Told beside which step a process was killed. */
  readonly killedAt: (step: string) => void
  readonly createService: (seams: Parameters<World['createService']>[0]) => Service
  /** Told when a record's visibility was changed; seconds. The queue itself is told 0, so that no test waits. */
  readonly onVisibility: (receiptHandle: string, seconds: number) => void
  readonly tap?: Tap
}

/** A fabric that does what `plan` says and keeps no count. */
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
 * A Lambda container: one invocation at a time, with caches that live on from one to the next. Each step outside, be it
 * to LivePerson or to AWS, may be struck, and the whole container may be killed before or after it; nothing of a killed
 * container ever goes on.
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

  /** Does a step, unless the process dies before it or right after it. */
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

  const fetch: typeof globalThis.fetch = (input, init) => {
    const url = String(input)
    const name = livePersonStep(url)
    const fault = draw(fabric.plan().livePerson(name))
    return step(name, async () => {
      if (fault === undefined) return globalThis.fetch(input, init)
      strike(`LivePerson ${fault}`)
      const headers = new Headers(init?.headers)
      headers.set('x-fault', fault)
      return globalThis.fetch(input, { ...init, headers })
    })
  }

  const http = new NodeHttpHandler()
  const downUntil = new Map<string, string>()
  const awsHandler = {
    metadata: http.metadata,
    handle: async (
      request: AwsRequest,
      options?: Parameters<NodeHttpHandler['handle']>[1],
    ): Promise<AwsAnswer> => {
      const target = String(request.headers['x-amz-target']).replace(/^.*\./, '')
      const invocation = String(request.headers['amz-sdk-invocation-id'])
      const isFirst = String(request.headers['amz-sdk-request']).startsWith('attempt=1')
      const fault = isFirst ? draw(fabric.plan().aws(awsName(target))) : downUntil.get(invocation)
      if (isFirst && fault !== undefined) strike(`${awsName(target)} ${fault}`)
      if (fault === 'down') downUntil.set(invocation, fault)
      return step(target, async () => {
        if (fault === 'down') throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
        if (fault === 'throttled') return throttled(target)
        const answer = await pass(request, target, options)
        if (fault === 'lost answer' && isFirst)
          throw Object.assign(new Error('reset'), { code: 'ECONNRESET' })
        return answer
      })
    },
  }

  const pass = async (
    request: AwsRequest,
    target: string,
    options: Parameters<NodeHttpHandler['handle']>[1],
  ): Promise<AwsAnswer> => {
    const body = JSON.parse(new TextDecoder().decode(request.body))
    if (target === 'ChangeMessageVisibility') {
      fabric.onVisibility(body.ReceiptHandle, body.VisibilityTimeout)
      body.VisibilityTimeout = 0
    }
    if (target === 'SendMessage') delete body.DelaySeconds
    fabric.tap?.request?.(target, body)
    const text = JSON.stringify(body)
    request.body = text
    request.headers['content-length'] = String(Buffer.byteLength(text))
    const answer = await http.handle(request, options)
    if (!fabric.tap?.answer) return answer
    const chunks: Buffer[] = []
    for await (const chunk of answer.response.body) chunks.push(Buffer.from(chunk))
    const said = JSON.parse(Buffer.concat(chunks).toString() || '{}')
    fabric.tap.answer(target, said)
    const { statusCode, headers } = answer.response
    return { response: { statusCode, headers, body: toStream(JSON.stringify(said)) } } as unknown as AwsAnswer
  }

  const service = fabric.createService({
    outbound: createOutbound(fetch),
    now: fabric.now,
    aws: { maxAttempts: 3, requestHandler: awsHandler } as unknown as AwsOptions,
  })

  return {
    service,
    isDead: () => dead,
    wasStruck: () => struck,
    /** How many steps outside the last invocation took. */
    steps: () => steps,
    /** Runs an invocation to its end or to the container's. */
    run: async <T>(seed: string, invoke: (service: Service) => Promise<T>): Promise<T | 'killed'> => {
      random = createRandom(seed)
      struck = false
      steps = 0
      return Promise.race([invoke(service), death])
    },
    /** Kills the process where it stands. */
    kill: () => {
      dead = true
      die()
    },
    destroy: () => http.destroy(),
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

const toStream = (text: string) => Readable.from([Buffer.from(text)])

const throttled = (target: string) => {
  const type =
    awsName(target) === 'DynamoDB' ? 'ProvisionedThroughputExceededException' : 'ThrottlingException'
  return {
    response: {
      statusCode: 400,
      headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-errortype': type },
      body: toStream(JSON.stringify({ __type: `com.amazonaws#${type}`, message: 'Slow down' })),
    },
  } as unknown as AwsAnswer
}
