import { type Answer, empty, errorObject, json, refusals } from '../http/answer.ts'
import type { Service } from '../http/request.ts'
import { refuseAppJwt } from '../services/idp.ts'
import type { Fault } from './faults.ts'

/** Returns the answer that replaces the service's own, or `undefined` if the fault sends none. */
export const toFaultAnswer = (fault: Fault, service: Service): Answer | undefined => {
  switch (fault.kind) {
    case 'status':
    case 'status-after':
    case '429': {
      const status = fault.kind === '429' ? 429 : fault.status
      const usual = status === 429 ? empty(429) : usualFailure(status, service)
      const headers = {
        ...(fault.body === undefined ? usual.headers : {}),
        ...(fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) }),
        ...fault.headers,
      }
      return { status, headers, body: fault.body ?? usual.body }
    }
    case 'html':
    case 'html-after':
      return { status: fault.status ?? 502, headers: { 'content-type': 'text/html' }, body: page }
    case 'empty':
      return empty(fault.status ?? 503)
    case 'expired-app-jwt':
      return service === 'idp' ? refuseAppJwt(false) : refusals.appJwtInvalid
    case 'revoked-consumer-jws':
      return refusals.consumerJwsInvalid
    case 'idp-500-internal-error-code':
      return refuseAppJwt(true)
    default:
      return undefined
  }
}

/** Returns true if the request is processed before the fault strikes. */
export const strikesAfter = ({ kind }: Fault): boolean =>
  kind.endsWith('-after') || kind === 'truncated' || kind === 'wrong-content-type'

const page = '<html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>\n'

const usualFailure = (status: number, service: Service): Answer =>
  service === 'conversation' || service === 'send'
    ? errorObject(status * 100 + 1, 'Unable to access resource', 'A fault of the simulator')
    : json(status, { error: 'A fault of the simulator' })
