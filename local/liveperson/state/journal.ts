import type { IncomingMessage } from 'node:http'
import type { Clock } from './clock.ts'
import type { Settings } from './settings.ts'
import type { ReceivedRequest, Service } from './state.ts'

/** Remembers every request that was received, and counts them by service. */
export const createJournal = (clock: Clock, settings: Settings) => {
  let requests: ReceivedRequest[] = []
  let counts = noCounts()

  return {
    /** Remembers a request at the time its head came, its body being empty so far. */
    receive: ({ method = '', url = '', headers }: IncomingMessage): ReceivedRequest => {
      const { service, accountId } = classify(url)
      const request: ReceivedRequest = {
        at: clock.now(),
        service,
        ...(accountId === undefined ? {} : { accountId }),
        method,
        path: url,
        headers,
        body: '',
      }
      counts[service] += 1
      if (requests.length >= settings.rememberedRequests) requests = requests.slice(requests.length / 2)
      requests.push(request)
      return request
    },

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

/** Which requests to list; all, if empty. */
export interface RequestFilter {
  readonly service?: Service
  readonly accountId?: string
}

// By path alone, so that a request to the wrong host is seen for what it was meant to be.
const classify = (url: string): { readonly service: Service; readonly accountId?: string } => {
  const match = accountPath.exec(url)
  if (match === null) return { service: url.startsWith('/sentinel/well-known/jwks') ? 'sentinel' : 'unknown' }
  const [, sentinel, accountId = '', resource = ''] = match
  const service =
    sentinel === undefined ? services[resource] : resource === 'app/token' ? 'sentinel' : undefined
  return { service: service ?? (domainResource.test(resource) ? 'domain' : 'unknown'), accountId }
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
  unknown: 0,
})
