import { CredentialsRefusedError, LivePersonUnavailableError } from '../lib/errors/errors.ts'
import { type AppCredentials, type AppJwt, requestAppJwt } from '../lib/liveperson/app-jwt.ts'
import { requestConsumerJws } from '../lib/liveperson/consumer-jws.ts'
import { type Hosts, type Service, toOrigin } from '../lib/liveperson/hosts.ts'
import type { Http } from '../lib/liveperson/http.ts'
import type { Secret } from './parts.ts'
import type { Found } from './steps.ts'

/** The one consumer whom LivePerson gets to know by a checkup; it never has a conversation. */
export const DOCTOR_CONSUMER_ID = 'campaign-conversations-doctor'

/** How to call LivePerson for an account. */
export interface Reach {
  readonly http: Http
  readonly hosts: Hosts
  readonly accountId: string
  readonly loopback: boolean
}

/**
 * Tries the current secret, and only if it is refused the previous one: that keeps the service going, and is no good
 * state all the same.
 *
 * @throws {CredentialsRefusedError | LivePersonUnavailableError}
 */
export const findAppJwt = async (reach: Reach, { current, previous }: Secret): Promise<Found<AppJwt>> => {
  const ask = (credentials: AppCredentials) => requestAppJwt({ ...call(reach, 'sentinel'), credentials })
  try {
    const appJwt = await ask(current)
    return { value: appJwt, found: `issued, ${Math.round(appJwt.lifeMs / 60_000)} min of life left` }
  } catch (error) {
    if (!(error instanceof CredentialsRefusedError) || !previous) throw error
  }
  const isTaken = await ask(previous).then(
    () => true,
    () => false,
  )
  throw new CredentialsRefusedError({
    detail: isTaken
      ? 'Sentinel takes only the previous secret (AWSPREVIOUS), with which the service goes on for now.'
      : 'Sentinel took neither the current nor the previous secret.',
  })
}

/** @throws {CredentialsRefusedError | LivePersonRejectedError | LivePersonUnavailableError} */
export const findConsumerJws = async (reach: Reach, { token }: AppJwt): Promise<Found<true>> => {
  const consumerJws = await requestConsumerJws({
    ...call(reach, 'idp'),
    appJwt: token,
    consumerId: DOCTOR_CONSUMER_ID,
  })
  if (!consumerJws) throw new CredentialsRefusedError({ detail: 'The IDP refused a new AppJWT.' })
  return { value: true, found: `issued for the consumer ${DOCTOR_CONSUMER_ID}` }
}

const call = ({ http, hosts, accountId, loopback }: Reach, service: Service) => {
  const origin = toOrigin(hosts[service], loopback)
  if (origin === undefined)
    throw new LivePersonUnavailableError({
      detail: `The host of ${service} is not LivePerson's.`,
      reached: false,
    })
  return { http, origin, accountId, deadline: Date.now() + 10_000 }
}
