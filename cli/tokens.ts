import { CredentialsRefusedError, LivePersonUnavailableError } from '../lib/errors/errors.ts'
import { type AppCredentials, type AppJwt, requestAppJwt } from '../lib/liveperson/app-jwt.ts'
import { type ConsumerJws, requestConsumerJws } from '../lib/liveperson/consumer-jws.ts'
import { type Hosts, type Service, toOrigin } from '../lib/liveperson/hosts.ts'
import type { Http } from '../lib/liveperson/http.ts'
import type { Found } from './doctor/steps.ts'
import type { Secret } from './secrets.ts'

/** The only consumer that the doctor registers at LivePerson. It never has a conversation. */
const CONSUMER_ID = 'campaign-conversations-doctor'

/** How to call LivePerson for one account. */
export interface Reach {
  readonly http: Http
  readonly hosts: Hosts
  readonly accountId: string
  readonly loopback: boolean
}

/**
 * Requests an AppJWT with the current secret. If that is refused, tries the previous one. An accepted
 * previous secret keeps the service running, but must still be fixed.
 *
 * @throws {CredentialsRefusedError | LivePersonUnavailableError}
 */
export const findAppJwt = async (reach: Reach, { current, previous }: Secret): Promise<Found<AppJwt>> => {
  const ask = (credentials: AppCredentials) => requestAppJwt({ ...call(reach, 'sentinel'), credentials })
  try {
    const appJwt = await ask(current)
    return { value: appJwt, found: `issued, valid for ${Math.round(appJwt.lifeMs / 60_000)} min` }
  } catch (error) {
    if (!(error instanceof CredentialsRefusedError) || !previous) throw error
  }
  const isAccepted = await ask(previous).then(
    () => true,
    () => false,
  )
  throw new CredentialsRefusedError({
    detail: isAccepted
      ? 'Sentinel accepts only the previous secret (AWSPREVIOUS). The service uses that one for now.'
      : 'Sentinel accepts neither the current nor the previous secret.',
  })
}

/**
 * Requests a ConsumerJWS for the doctor's own consumer.
 *
 * @throws {CredentialsRefusedError | LivePersonRejectedError | LivePersonUnavailableError}
 */
export const findConsumerJws = async (reach: Reach, appJwt: AppJwt): Promise<Found<true>> => {
  await identify(reach, appJwt, CONSUMER_ID)
  return { value: true, found: `issued for the consumer ${CONSUMER_ID}` }
}

/**
 * Returns LivePerson's own id of a consumer. The IDP registers a consumer that it doesn't know.
 *
 * @throws {CredentialsRefusedError | LivePersonRejectedError | LivePersonUnavailableError}
 */
export const findLpConsumerId = async (reach: Reach, appJwt: AppJwt, consumerId: string): Promise<string> =>
  (await identify(reach, appJwt, consumerId)).lpConsumerId

const identify = async (reach: Reach, { token }: AppJwt, consumerId: string): Promise<ConsumerJws> => {
  const consumerJws = await requestConsumerJws({ ...call(reach, 'idp'), appJwt: token, consumerId })
  if (!consumerJws) throw new CredentialsRefusedError({ detail: 'The IDP refused a new AppJWT.' })
  return consumerJws
}

const call = ({ http, hosts, accountId, loopback }: Reach, service: Service) => {
  const origin = toOrigin(hosts[service], loopback)
  if (origin === undefined)
    throw new LivePersonUnavailableError({
      detail: `The host of ${service} doesn't belong to LivePerson.`,
      mayHaveExecuted: false,
    })
  return { http, origin, accountId, deadline: Date.now() + 10_000 }
}
