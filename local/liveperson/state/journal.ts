import type { IncomingMessage } from 'node:http'
import type { ReceivedRequest, Service } from '../http/request.ts'
import type { Clock } from './clock.ts'
import type { Settings } from './settings.ts'

/** Which requests to list. Without a member: all. */
export interface RequestFilter {
  readonly service?: Service
  readonly accountId?: string
}

/** Returns a record of every request received, and a count per service. */
export const createJournal = (clock: Clock, settings: Settings) => {
  let requests: ReceivedRequest[] = []
  let counts = noCounts()

  return {
    /** Records a request when its headers have arrived. Its body is still empty. */
    receive: ({ method = '', url = '', headers }: IncomingMessage): ReceivedRequest => {
      const request = toReceived({ at: clock.now(), method, path: url, headers, body: '' })
      counts[request.service] += 1
      if (requests.length >= settings.rememberedRequests) requests = requests.slice(requests.length / 2)
      requests.push(request)
      return request
    },

    /** Returns the recorded requests that match, oldest first. */
    list: (filter: RequestFilter = {}): readonly ReceivedRequest[] =>
      requests.filter(
        ({ service, accountId }) =>
          (filter.service === undefined || filter.service === service) &&
          (filter.accountId === undefined || filter.accountId === accountId),
      ),

    counts: (): Record<Service, number> => ({ ...counts }),

    clear: (): void => {
      requests = []
      counts = noCounts()
    },
  }
}

/** Returns a request with the service and the account that its path names. */
export const toReceived = (request: Omit<ReceivedRequest, 'service' | 'accountId'>): ReceivedRequest => {
  const { service, accountId } = classify(request.path)
  return { ...request, service, ...(accountId === undefined ? {} : { accountId }) }
}

// By path alone, so that a request sent to the wrong host still counts for the service it was meant for.
const classify = (url: string): { readonly service: Service; readonly accountId?: string } => {
  const match = accountPath.exec(url)
  if (match === null) return { service: url.startsWith('/sentinel/well-known/jwks') ? 'sentinel' : 'unknown' }
  const [, sentinel, accountId = '', resource = ''] = match
  const service =
    sentinel === undefined ? services[resource] : resource === 'app/token' ? 'sentinel' : undefined
  if (service !== undefined) return { service, accountId }
  if (domainResource.test(resource)) return { service: 'domain', accountId }
  const isConfig = sentinel === undefined && resource.startsWith('configuration/')
  return { service: isConfig ? 'accountConfig' : 'unknown', accountId }
}

const accountPath = /^(\/sentinel)?\/api\/(?:v2\/)?account\/([^/?]+)\/([^?]*)/

const domainResource = /^service\//

const services: Readonly<Record<string, Service>> = {
  consumer: 'idp',
  'messaging/consumer/conversation': 'conversation',
  'messaging/consumer/conversation/send': 'send',
}

const noCounts = (): Record<Service, number> => ({
  domain: 0,
  sentinel: 0,
  idp: 0,
  conversation: 0,
  send: 0,
  accountConfig: 0,
  unknown: 0,
})
