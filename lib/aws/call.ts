import { randomUUID } from 'node:crypto'
import { isServerError, isThrottlingError, isTransientError, StandardRetryStrategy } from '@smithy/core/retry'
import { SignatureV4 } from '@smithy/signature-v4'
import type { OutboundResult } from '../net/outbound.ts'
import { isRecord, parseLenientJson } from '../request/lenient-json.ts'
import type { AwsOptions } from './options.ts'
import { credentialsOf, endpointOf, originOf, regionOf } from './settings.ts'
import { Sha256 } from './sha256.ts'

/** A service that speaks AWS JSON. */
export interface AwsService {
  /** Its name in signatures and host names, such as `dynamodb`. */
  readonly name: string
  /** Its name in the variable of its endpoint, such as `eventbridge`. Default: `name`. */
  readonly id?: string
  /** The version of AWS JSON that it speaks. Default: 1.0. */
  readonly json?: '1.1'
  /** What precedes the operation in `x-amz-target`. */
  readonly target: string
  /** Sent with each call, by lower-case name. */
  readonly headers?: Readonly<Record<string, string>>
}

/** The members of an answer. */
export type AwsAnswer = Readonly<Record<string, unknown>>

/**
 * Performs an operation, and returns the members of its answer.
 *
 * @param origin Where to call the service. Default: the endpoint that a variable names, else the region's.
 * @throws {AwsError} The service answered with an error.
 * @throws {Error} There is no answer that can be read.
 */
export type AwsCall = (operation: string, input: object, origin?: string) => Promise<AwsAnswer>

/** An error that a service answered with. Its name is the service's, such as `ThrottlingException`. */
export class AwsError extends Error {
  override readonly name: string
  readonly $metadata: { readonly httpStatusCode: number; readonly clockSkewCorrected?: true }
  /** The members of the error. They may hold personal data. */
  readonly members: AwsAnswer
  /** Whether an earlier attempt of the same call may have been executed. */
  readonly isInDoubt: boolean

  constructor(name: string, $metadata: AwsError['$metadata'], members: AwsAnswer, isInDoubt = false) {
    super(`HTTP ${$metadata.httpStatusCode}`)
    this.name = name
    this.$metadata = $metadata
    this.members = members
    this.isInDoubt = isInDoubt
  }
}

/** If the clocks differ by this much, in milliseconds, another signature is tried. */
const MAX_SKEW_MS = 240_000
/** The date of an answer that took longer, in milliseconds, is not used as the service's time. */
const MAX_ANSWER_AGE_MS = 900_000
/** The largest answer, in bytes: 16 MB of items. */
const MAX_ANSWER_BYTES = 17_000_000

/**
 * Returns a function that calls one AWS service. Calls are signed with the service's time, and are retried by
 * AWS's rules within AWS's retry quota. A test compares them with the SDK's.
 *
 * @see https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
 * @see https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
 */
export const createAwsCall = (service: AwsService, aws: AwsOptions): AwsCall => {
  const { maxAttempts } = aws
  const attempt = createAttempt(service, aws)
  const retries = new StandardRetryStrategy({ maxAttempts })
  return async (operation, input, origin) => {
    const body = JSON.stringify(input)
    const invocationId = randomUUID()
    let token = await retries.acquireInitialRetryToken('')
    let wasInDoubt = false
    for (;;) {
      const count = `attempt=${token.getRetryCount() + 1}; max=${maxAttempts}`
      const { answer, error, failure } = await attempt({ operation, body, origin, invocationId, count })
      if (answer) {
        retries.recordSuccess(token)
        return answer
      }
      token = await retries.refreshRetryTokenForRetry(token, failure).catch(() => {
        throw wasInDoubt ? inDoubt(error) : error
      })
      wasInDoubt ||= !isRefusal(error)
    }
  }
}

/**
 * Returns whether an error of a call proves that the service has not done what was asked: an answer with HTTP
 * status 4xx, unless an earlier attempt of the same call may have been executed.
 */
export const isRefusal = (error: unknown): boolean => {
  if (!(error instanceof AwsError) || error.isInDoubt) return false
  const { httpStatusCode } = error.$metadata
  return httpStatusCode >= 400 && httpStatusCode < 500
}

const inDoubt = (error: unknown): unknown =>
  error instanceof AwsError ? new AwsError(error.name, error.$metadata, error.members, true) : error

interface Attempt {
  readonly operation: string
  readonly body: string
  readonly origin: string | undefined
  readonly invocationId: string
  readonly count: string
}

type Failure = Parameters<StandardRetryStrategy['refreshRetryTokenForRetry']>[1]

type Attempted =
  | { readonly answer: AwsAnswer; readonly error?: never; readonly failure?: never }
  | { readonly answer?: never; readonly error: unknown; readonly failure: Failure }

/** Returns a function that signs and sends one request, and reads the answer. */
const createAttempt = (service: AwsService, aws: AwsOptions) => {
  const { outbound, connectTimeoutMs, timeoutMs } = aws
  const clock = createServiceClock()
  let settings: ReturnType<typeof readSettings> | undefined

  /** Not called before the first request, because the variables may not be set until then. */
  const readSettings = () => {
    const region = aws.region ?? regionOf()
    const credentials = aws.credentials ?? credentialsOf()
    const signer = new SignatureV4({
      service: service.name,
      region,
      credentials,
      sha256: Sha256,
      applyChecksum: false,
    })
    const endpoint = endpointOf(service.id ?? service.name) ?? originOf(service.name, region)
    return { signer, usual: new URL(endpoint) }
  }

  return async ({ operation, body, origin, invocationId, count }: Attempt): Promise<Attempted> => {
    settings ??= readSettings()
    const { signer, usual } = settings
    const url = origin === undefined ? usual : new URL(origin)
    const reading = clock.read()
    const request = {
      method: 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: {},
      headers: {
        ...service.headers,
        host: url.host,
        'content-type': `application/x-amz-json-${service.json ?? '1.0'}`,
        'x-amz-target': `${service.target}.${operation}`,
        'amz-sdk-invocation-id': invocationId,
        'amz-sdk-request': count,
      },
      body,
    }
    const { headers } = await signer.sign(request, { signingDate: reading.date })
    const limits = { timeoutMs, connectTimeoutMs, maxAnswerBytes: MAX_ANSWER_BYTES }
    const result = await outbound({ method: 'POST', url: url.href, headers, body, ...limits })
    if (result.kind === 'answer') return read(result, clock.hear(result.headers, reading))
    const errorType = result.kind === 'not_sent' ? 'TRANSIENT' : typeOf(result.cause)
    return { error: result.cause, failure: { errorType } }
  }
}

type Answer = Extract<OutboundResult, { readonly kind: 'answer' }>

/** @param isSkewed Whether the answer shows that the clocks differ. */
const read = ({ status, headers, body }: Answer, isSkewed: boolean): Attempted => {
  const $metadata = { httpStatusCode: status, ...(isSkewed && { clockSkewCorrected: true as const }) }
  const members = body === '' ? {} : parseLenientJson(body)
  if (!isRecord(members)) {
    const error = new AwsError('UnreadableAnswer', $metadata, {})
    return { error, failure: { errorType: typeOf(error) } }
  }
  if (status < 300) return { answer: members }
  const error = new AwsError(nameOf(members, headers), $metadata, members)
  // A form has no time for a pause of 5 s or more, which `Retry-After` would add.
  return { error, failure: { errorType: typeOf(error) } }
}

/** The name follows the service's namespace, and a URL may follow the name. */
const nameOf = ({ __type, code }: AwsAnswer, headers: Answer['headers']): string => {
  // SQS also returns the name that its older protocol uses, and the SDK prefers it.
  const [older] = headers['x-amzn-query-error']?.split(';') ?? []
  const named = [older, __type, code, headers['x-amzn-errortype']].find((each) => typeof each === 'string')
  const [name = ''] = String(named ?? '').split(/[,:]/)
  return name.slice(name.indexOf('#') + 1) || 'UnknownError'
}

const wordsOf = ({ message, Message }: AwsAnswer): string => String(message ?? Message ?? '')

/** Classifies an error as the SDK does. */
const typeOf = (error: unknown): Failure['errorType'] => {
  if (!(error instanceof Error)) return 'CLIENT_ERROR'
  const { name } = error
  // Only the service's own message tells an expired signature from a wrong one. The error doesn't keep it.
  const message = error instanceof AwsError ? wordsOf(error.members) : error.message
  const sdkError: Parameters<typeof isTransientError>[0] & { readonly code?: unknown } = {
    name,
    message,
    ...('code' in error && { code: error.code }),
    ...(error instanceof AwsError && { $metadata: error.$metadata }),
  }
  if (isThrottlingError(sdkError)) return 'THROTTLING'
  if (isTransientError(sdkError)) return 'TRANSIENT'
  return isServerError(sdkError) ? 'SERVER_ERROR' : 'CLIENT_ERROR'
}

/** Returns a clock that follows the dates in the service's answers. */
const createServiceClock = () => {
  let aheadMs = 0
  return {
    read: () => ({ date: new Date(Date.now() + aheadMs), aheadMs, startedAt: Date.now() }),
    /** Returns whether a signature with the new time may be accepted where the last one wasn't. */
    hear: (
      { date = '', age }: Answer['headers'],
      reading: { readonly aheadMs: number; readonly startedAt: number },
    ): boolean => {
      const now = Date.now()
      const toldAt = Date.parse(date)
      if (age !== undefined || Number.isNaN(toldAt) || now - reading.startedAt > MAX_ANSWER_AGE_MS)
        return false
      aheadMs = toldAt - now
      return Math.abs(aheadMs) >= MAX_SKEW_MS && aheadMs !== reading.aheadMs
    },
  }
}
