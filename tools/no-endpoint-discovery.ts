/**
 * Replaces the SDK's endpoint discovery in the bundle. DynamoDB's client includes it with a cache of its own,
 * and no operation of this service uses it.
 */
export const NODE_ENDPOINT_DISCOVERY_CONFIG_OPTIONS = { default: undefined }

export const resolveEndpointDiscoveryConfig = <T>(config: T): T => config
