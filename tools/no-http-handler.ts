/** Replaces the SDK's HTTP client in the bundle. `lib/aws/sdk-handler.ts` passes the one of this service. */
export const NodeHttpHandler = {
  create: (handler: unknown): object => {
    if (typeof handler === 'object' && handler !== null && 'handle' in handler) return handler
    throw new Error('This package was built without the HTTP client of the SDK')
  },
}

/** Reads a body. Those of this service's own client are complete. */
export const streamCollector = async (body: unknown): Promise<Uint8Array> => {
  if (body instanceof Uint8Array) return body
  throw new Error('This package was built without streams')
}
