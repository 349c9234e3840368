/**
 * Replaces the SDK's rules for endpoints in the bundle. `lib/aws/sdk-handler.ts` passes the endpoint, and the
 * rules return the endpoint that was passed.
 */

interface Endpoint {
  readonly url: URL
}

interface Config {
  readonly endpoint?: () => Promise<Endpoint>
}

type Handle = (args: object) => Promise<unknown>

interface Stack {
  readonly add: (middleware: (next: Handle) => Handle, options: object) => void
}

export const toEndpointV1 = ({ url: { protocol, hostname, port, pathname } }: Endpoint) => ({
  protocol,
  hostname,
  port: port === '' ? undefined : Number(port),
  path: pathname,
  query: undefined,
})

export const resolveEndpointConfig = <T extends Config>(input: T) => {
  const { endpoint } = input
  if (!endpoint) throw new Error('This package was built without the rules for endpoints of the SDK')
  return Object.assign(input, { endpoint: async () => toEndpointV1(await endpoint()), tls: true })
}

/** The selection of a signature runs before the middleware of this name. */
export const getEndpointPlugin = () => ({
  applyToStack: (stack: Stack): void =>
    stack.add((next) => next, { name: 'endpointV2Middleware', step: 'serialize', override: true }),
})

export const customEndpointFunctions: Record<string, object> = {}

export const BinaryDecisionDiagram = { from: (): undefined => undefined }

export class EndpointCache {}

export const decideEndpoint = (): never => {
  throw new Error('This package was built without the rules for endpoints of the SDK')
}
