/**
 * Replaces the SDK's reader of settings in the bundle. A Lambda function has no files in `~/.aws`, so
 * settings come from the environment, or have their default. Reading such files started four threads at a
 * cold start.
 */

type Environment = Readonly<Record<string, string | undefined>>

interface Selectors<T> {
  readonly environmentVariableSelector: (env: Environment) => T | undefined
  readonly default: T | (() => Promise<T>)
}

export const loadConfig =
  <T extends string | number | boolean | object | undefined>(selectors: Selectors<T>) =>
  async (): Promise<T> => {
    const { environmentVariableSelector, default: usual } = selectors
    const set = environmentVariableSelector(process.env)
    return set ?? (typeof usual === 'function' ? usual() : usual)
  }

const off: Selectors<boolean> = { environmentVariableSelector: () => undefined, default: false }

export { off as NODE_USE_DUALSTACK_ENDPOINT_CONFIG_OPTIONS, off as NODE_USE_FIPS_ENDPOINT_CONFIG_OPTIONS }

export const NODE_REGION_CONFIG_OPTIONS: Selectors<string> = {
  environmentVariableSelector: ({ AWS_REGION }) => AWS_REGION,
  default: async () => {
    throw new Error('Set AWS_REGION')
  },
}

export const NODE_REGION_CONFIG_FILE_OPTIONS = {}
export const CONFIG_PREFIX_SEPARATOR = '.'
export class ProviderError extends Error {}
export const SelectorType = { ENV: 'env', CONFIG: 'shared config entry' } as const

export const booleanSelector = (env: Environment, name: string): boolean | undefined => {
  const value = env[name]
  return value === 'true' ? true : value === 'false' ? false : undefined
}

/** The mode of all clients that name none. */
export const resolveDefaultsModeConfig = () => async () => 'legacy'

export const resolveRegionConfig = <T extends { readonly region: string | (() => Promise<string>) }>(
  input: T,
) => {
  const { region } = input
  return Object.assign(input, {
    region: async () => (typeof region === 'function' ? region() : region),
    useFipsEndpoint: async () => false,
  })
}
