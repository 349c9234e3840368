/**
 * Replaces the parts of the SDK that every client of AWS has, and this service's doesn't need, in the bundle:
 * the list of AWS's partitions, and the middleware for a user agent, a log, and the detection of recursion.
 */

interface Request {
  readonly hostname: string
  readonly port?: number
  readonly headers: Record<string, string>
}

type Handle = (args: { readonly request: Request }) => Promise<unknown>

interface Stack {
  readonly add: (middleware: (next: Handle) => Handle, options: object) => void
}

const same = <T>(input: T): T => input
const nothing = () => ({})
const noPlugin = () => ({ applyToStack: () => undefined })

export {
  noPlugin as getLoggerPlugin,
  noPlugin as getRecursionDetectionPlugin,
  noPlugin as getUserAgentPlugin,
  nothing as createDefaultUserAgentProvider,
  nothing as emitWarningIfUnsupportedVersion,
  nothing as getAwsRegionExtensionConfiguration,
  nothing as getDefaultSocketTimeout,
  nothing as resolveAwsRegionExtensionConfiguration,
  same as resolveHostHeaderConfig,
  same as resolveUserAgentConfig,
  same as setCredentialFeature,
}

export const awsEndpointFunctions = {}

export const NODE_APP_ID_CONFIG_OPTIONS = {
  environmentVariableSelector: () => undefined,
  default: undefined,
}

/** A signature needs the name of the host. */
export const getHostHeaderPlugin = () => ({
  applyToStack: (stack: Stack): void =>
    stack.add(
      (next) => (args) => {
        const { hostname, port, headers } = args.request
        headers.host ??= port === undefined ? hostname : `${hostname}:${port}`
        return next(args)
      },
      { name: 'hostHeaderMiddleware', step: 'build', priority: 'low', override: true },
    ),
})
