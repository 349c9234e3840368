/**
 * Replaces the SDK's credential providers in the bundle. `lib/aws/sdk-handler.ts` passes the credentials of
 * the function. The providers (SSO, profiles, instance metadata, …) were a quarter of the code.
 */
export const defaultProvider = (): never => {
  throw new Error('This package was built without the credential providers of the SDK')
}
