import type { StageConfig } from '../lib/config/stage.ts'
import { InvalidConfigError } from '../lib/errors/errors.ts'
import { checkStageFile, toLines } from './stage-check.ts'

/** What API Gateway tells browsers, as `provider.httpApi.cors` of serverless.yml. */
export interface Cors {
  readonly allowedOrigins: readonly string[]
  readonly allowedMethods: readonly string[]
  /** Lower-case names. */
  readonly allowedHeaders: readonly string[]
  readonly exposedResponseHeaders: readonly string[]
  readonly allowCredentials: boolean
  /** How long a browser may keep the answer to a preflight, in seconds. */
  readonly maxAge: number
}

/**
 * What a page may send in any stage: the API's own headers, and those that monitoring scripts and libraries
 * add.
 */
const HEADERS = [
  'content-type',
  'authorization',
  'idempotency-key',
  'traceparent',
  'tracestate',
  'baggage',
  'sentry-trace',
  'x-requested-with',
]

/**
 * Returns the CORS configuration of a stage. `false` if no page can read its responses.
 *
 * `null` is left out. It lets in plain forms, which need no CORS, and API Gateway would let scripts in
 * sandboxed frames read the responses. Credentials are allowed to listed origins: nothing here reads cookies,
 * but a browser keeps the response from a page that sends them otherwise, and sends no beacon that needs a
 * preflight.
 */
export const toCors = ({
  origins,
  allowedHeaders,
}: Pick<StageConfig, 'origins' | 'allowedHeaders'>): Cors | false => {
  const allowedOrigins = origins.filter((origin) => origin !== 'null')
  if (allowedOrigins.length === 0) return false
  return {
    allowedOrigins,
    allowedMethods: ['GET', 'POST', 'OPTIONS'],
    allowedHeaders: [...new Set([...HEADERS, ...allowedHeaders])],
    exposedResponseHeaders: ['location', 'retry-after'],
    // Browsers refuse the combination with *.
    allowCredentials: !allowedOrigins.includes('*'),
    maxAge: 3600,
  }
}

/**
 * Returns the CORS configuration of a stage, by its name.
 *
 * @throws {InvalidConfigError} `config/<stage>.json` has mistakes, or is missing.
 */
export const readCors = (stage: string): Cors | false => {
  const report = checkStageFile(stage)
  if (report.stage === undefined) throw new InvalidConfigError({ detail: toLines([report]).join('\n') })
  return toCors(report.stage)
}

/**
 * A plugin of the Serverless Framework: the variable `${cors:<stage>}` is that stage's CORS configuration.
 */
export default function corsVariable() {
  const resolve = ({ address }: { readonly address: string }) => ({ value: readCors(address) })
  return { configurationVariablesSources: { cors: { resolve } } }
}
