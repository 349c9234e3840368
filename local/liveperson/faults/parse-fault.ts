import { type Check, must, number, object, oneOf, text } from '../json/check.ts'
import { isObject, type JsonObject } from '../json/value.ts'
import { type Fault, plainKinds } from './faults.ts'

/**
 * Parses a fault from JSON. In `times`, null or "Infinity" means until the fault is removed.
 *
 * @throws {Error} It isn't a fault. The message says why.
 */
export const parseFault = (value: JsonObject): Fault => {
  const isEndless = value.times === null || value.times === 'Infinity'
  const fault = isEndless ? { ...value, times: Number.POSITIVE_INFINITY } : value
  if (isFault(fault)) return fault
  throw new Error(faultProblem(fault))
}

const status = must(
  'an HTTP status',
  (value) => Number.isInteger(value) && Number(value) >= 200 && Number(value) < 600,
)

const headers: Check = (value, path) => {
  if (!isObject(value)) return `${path} must be an object`
  return Object.values(value).every((header) => typeof header === 'string')
    ? undefined
    : `${path} must have string values`
}

const retryAfter: Check = (value, path) => (typeof value === 'number' ? undefined : text(value, path))

const when = {
  kind: text,
  service: oneOf('domain', 'sentinel', 'idp', 'conversation', 'send', 'accountConfig', 'unknown'),
  times: number,
  probability: must('a number from 0 to 1', (value) => typeof value === 'number' && value >= 0 && value <= 1),
}

const own = { ...when, body: text, headers, retryAfter }
const page = object({ ...when, status }, { closed: true })
const plain = object(when, { closed: true })

const checks: Readonly<Record<string, Check>> = {
  latency: object({ ...when, ms: number }, { required: ['ms'], closed: true }),
  status: object({ ...own, status }, { required: ['status'], closed: true }),
  'status-after': object({ ...own, status }, { required: ['status'], closed: true }),
  '429': object(own, { closed: true }),
  html: page,
  'html-after': page,
  empty: page,
  ...Object.fromEntries(plainKinds.map((kind) => [kind, plain])),
}

const faultProblem = (value: JsonObject): string | undefined => {
  const kind = String(value.kind)
  const check = Object.hasOwn(checks, kind) ? checks[kind] : undefined
  return check === undefined ? `kind must be one of ${Object.keys(checks).join(', ')}` : check(value, 'fault')
}

const isFault = (value: unknown): value is Fault => isObject(value) && faultProblem(value) === undefined
